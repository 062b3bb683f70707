/** The shape gate: its decision against singular values by another method, its invariances, and both sides of the threshold. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seeded } from '../../bench/pdq-like.js';
import { parseHash256 } from '../../src/core/hash256.js';
import { isOneDimensionalPdq } from '../../src/core/pdq-shape.js';
import { ORIENTATIONS } from '../../src/core/vocabulary.js';
import { reorientPdq } from '../../src/kernels/pdq-signs.js';
import { corpusPath, hasCorpus, readCsv } from '../support/corpus.js';

const SIDE = 16;
type Matrix = readonly (readonly number[])[];

/** ±1 by bit number, as the PDQ paper numbers the bits: from the last hex digit. */
function matrixOf(hash256: Uint8Array): Matrix {
  const bits = BigInt(`0x${Buffer.from(hash256).toString('hex')}`);
  return Array.from({ length: SIDE }, (_, row) =>
    Array.from({ length: SIDE }, (_, column) => ((bits >> BigInt(row * SIDE + column)) & 1n ? 1 : -1)),
  );
}

function hashOf(sign: (row: number, column: number) => number): Uint8Array {
  let bits = 0n;
  for (let at = 0; at < 256; at++) if (sign(at >> 4, at & 15) > 0) bits |= 1n << BigInt(at);
  return new Uint8Array(Buffer.from(bits.toString(16).padStart(64, '0'), 'hex'));
}

/**
 * Return σ₁² / Σσᵢ² by one-sided Jacobi rotations of the columns (Hestenes, Inversion of matrices by biorthogonalization,
 * 1958): no product matrix, no pivots.
 */
function shareOf(matrix: Matrix): number {
  const columns = Array.from({ length: SIDE }, (_, j) => matrix.map((row) => row[j]!));
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, k) => sum + value * b[k]!, 0);
  for (let sweep = 0; sweep < 40; sweep++) {
    let largest = 0;
    for (let p = 0; p < SIDE; p++) {
      for (let q = p + 1; q < SIDE; q++) {
        const [a, b] = [columns[p]!, columns[q]!];
        const inner = dot(a, b);
        largest = Math.max(largest, Math.abs(inner));
        if (Math.abs(inner) < 1e-14) continue;
        const angle = Math.atan2(2 * inner, dot(a, a) - dot(b, b)) / 2;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        columns[p] = a.map((value, k) => c * value + s * b[k]!);
        columns[q] = a.map((value, k) => -s * value + c * b[k]!);
      }
    }
    if (largest < 1e-12) break;
  }
  const squares = columns.map((column) => dot(column, column));
  return Math.max(...squares) / squares.reduce((sum, square) => sum + square, 0);
}

/** A pattern along the rows times one along the columns, with up to 110 of its bits flipped; the threshold is near 37. */
const hashes = fc.tuple(fc.integer(), fc.integer({ min: 0, max: 110 })).map(([seed, flips]) => {
  const random = seeded(seed);
  const signs = () => Array.from({ length: SIDE }, () => (random() < 0.5 ? -1 : 1));
  const [rows, columns] = [signs(), signs()];
  const flipped = new Set<number>();
  while (flipped.size < flips) flipped.add(Math.floor(random() * 256));
  return hashOf((row, column) => rows[row]! * columns[column]! * (flipped.has(row * SIDE + column) ? -1 : 1));
});

describe('the decision', () => {
  test('is that of the singular values, on both sides of the threshold', () => {
    const seen = { above: 0, below: 0, near: 0 };
    fc.assert(
      fc.property(hashes, (hash) => {
        const share = shareOf(matrixOf(hash));
        fc.pre(Math.abs(share - 0.5) > 1e-6);
        seen[share > 0.5 ? 'above' : 'below']++;
        if (Math.abs(share - 0.5) < 0.02) seen.near++;
        expect(isOneDimensionalPdq(hash)).toBe(share > 0.5);
      }),
      { numRuns: 3_000, seed: 20 },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(50);
  });

  test.runIf(hasCorpus)('is false for all 300 photographs of the corpus, by the hashes of the reference', () => {
    const photographs = readCsv(corpusPath('vectors', 'pdq-reference.csv')).filter(({ file }) =>
      file!.startsWith('photos/'),
    );
    expect(photographs.length).toBe(300);
    const marked = photographs.filter((row) => isOneDimensionalPdq(parseHash256(row.pdq_hash!)));
    expect(marked.map(({ file }) => file)).toEqual([]);
  });

  test('is the same for the complement and in all eight orientations', () => {
    fc.assert(
      fc.property(hashes, (hash) => {
        const marked = isOneDimensionalPdq(hash);
        expect(isOneDimensionalPdq(hash.map((byte) => ~byte))).toBe(marked);
        for (const orientation of ORIENTATIONS)
          expect(isOneDimensionalPdq(reorientPdq(hash, orientation))).toBe(marked);
      }),
      { numRuns: 500, seed: 21 },
    );
  });
});

describe('the threshold', () => {
  const halves = (row: number, column: number) => (row < 8 ? 1 : column % 2 === 0 ? 1 : -1);

  test('exactly half is not marked: two patterns of eight rows each, orthogonal', () => {
    const half = hashOf(halves);
    expect(shareOf(matrixOf(half))).toBeCloseTo(0.5, 12);
    expect(isOneDimensionalPdq(half)).toBe(false);
  });

  test('a ninth row of one pattern is marked', () => {
    const more = hashOf((row, column) => (row === 8 ? 1 : halves(row, column)));
    expect(shareOf(matrixOf(more))).toBeGreaterThan(0.5);
    expect(isOneDimensionalPdq(more)).toBe(true);
  });
});
