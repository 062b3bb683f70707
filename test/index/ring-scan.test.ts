/** The ring's two scans: each equals the oracle, and the faster one is chosen. */
import { afterEach, describe, expect, test } from 'vitest';
import { nearCopy, pdqLike, seeded } from '../../bench/pdq-like.js';
import { buildRing } from '../../src/index/ring.js';
import { RESULTS } from '../../src/index/ring-layout.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { loadRingKernel } from '../../src/kernels/ring-wasm.js';
import { fasterScan, type Scan, type ScanKind, scanInUse, useScan } from '../../src/kernels/scan-choice.js';

const KINDS = ['words', 'lanes'] as const;
const RADII = [0, 1, 31, 46, 47, 48, 60, 100, 127, 128, 255, 256];

const random = seeded(23);
const base = pdqLike(1, 77);
const inverse = base.map((byte) => byte ^ 255);
/** At every distance from 0 to 256, among others; more than one piece of a scan. */
const hashes = Buffer.concat([
  ...Array.from({ length: 257 }, (_, bits) => nearCopy(base, bits, random)),
  pdqLike(RESULTS, 5),
  ...Array.from({ length: 300 }, () => base),
  ...Array.from({ length: 40 }, (_, bits) => nearCopy(inverse, bits, random)),
]);
const entries = hashes.length / 32;

afterEach(() => useScan(null));

/** Entries and distances by the TypeScript twin, in the order of entries. */
function byTwin(radiusBits: number, from = 0, to = entries) {
  const found: [number, number][] = [];
  for (let entry = from; entry < to; entry++) {
    const distance = hamming256(base, hashes.subarray(entry * 32, entry * 32 + 32));
    if (distance <= radiusBits) found.push([entry, distance]);
  }
  return found;
}

describe.each(KINDS)('the scan by %s', (kind) => {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
  const kernel = loadRingKernel(memory);
  const query = Math.ceil(kernel.heapBase() / 64) * 64;
  const at = query + 64;
  const results = at + hashes.length;
  new Uint8Array(memory.buffer, query, 32).set(base);
  new Uint8Array(memory.buffer, at, hashes.length).set(hashes);

  test.each(RADII)('equals its twin at radius %i', (radiusBits) => {
    useScan(kind);
    for (const [from, to] of [
      [0, entries],
      [1, 258],
      [250, 251],
      [7, 7],
    ] as const) {
      const count = kernel.scan(query, radiusBits, at, from, to, results);
      const pairs = new Uint32Array(memory.buffer, results, count * 2);
      const found = Array.from({ length: count }, (_, n) => [pairs[n * 2], pairs[n * 2 + 1]! >>> 16]);
      expect(found).toEqual(byTwin(radiusBits, from, to));
    }
  });

  test.each([31, 48, 60, 256])('answers a search of the ring at radius %i', (radiusBits) => {
    useScan(kind);
    // More near copies than the tables may return, so that radius 31 is a scan too.
    const ring = buildRing(Buffer.concat([hashes, ...Array.from({ length: RESULTS }, () => base)]));
    const found = ring.search(base, radiusBits).filter(({ entryIndex }) => entryIndex < entries);
    expect(ring.scanned).toBe(true);
    const expected = byTwin(radiusBits).sort(([a, near], [b, far]) => near - far || a - b);
    expect(found.map(({ entryIndex, distanceBits }) => [entryIndex, distanceBits])).toEqual(expected);
    expect(scanInUse()).toBe(kind);
  });
});

describe('the choice', () => {
  const PIECE = 4_096;
  const waits = (ms: number, calls: { count: number }): Scan => {
    return (_query, _radius, _hashes, from, to) => {
      calls.count++;
      for (const startedMs = performance.now(); performance.now() - startedMs < ms; );
      return to - from;
    };
  };

  test.each([
    ['words', 0.01, 0.05],
    ['lanes', 0.05, 0.01],
  ] as const)('is %s where these are faster, after a bounded number of pieces', (kind: ScanKind, words, lanes) => {
    const calls = { words: { count: 0 }, lanes: { count: 0 } };
    const scan = fasterScan({ words: waits(words, calls.words), lanes: waits(lanes, calls.lanes) });
    let pieces = 0;
    for (; scanInUse() === null && pieces < 1_000; pieces++) expect(scan(0, 31, 0, 0, PIECE, 0)).toBe(PIECE);
    expect(scanInUse()).toBe(kind);
    expect(calls.words.count).toBe(calls.lanes.count);
    expect(pieces).toBeLessThan(300);
    const before = calls[kind].count;
    for (let more = 0; more < 10; more++) scan(0, 31, 0, 0, PIECE, 0);
    expect(calls[kind].count).toBe(before + 10);
  });

  test('is not made by pieces too small to time', () => {
    const scan = fasterScan({ words: () => 1, lanes: () => 2 });
    for (let piece = 0; piece < 1_000; piece++) expect(scan(0, 31, 0, 0, PIECE - 1, 0)).toBe(1);
    expect(scanInUse()).toBeNull();
  });

  test('is made by the scans of a ring, for all rings of the thread', () => {
    const ring = buildRing(pdqLike(3 * RESULTS, 9));
    const expected = ring.search(base, 60);
    for (let search = 0; search < 200 && scanInUse() === null; search++)
      expect(ring.search(base, 60)).toEqual(expected);
    expect(KINDS).toContain(scanInUse());
  });
});
