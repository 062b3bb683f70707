import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOneDimensionalPdq } from '../../src/core/pdq-shape.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { WINDOW_KINDS, WINDOW_KINDS_OF } from '../../src/core/window.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { findWindows } from '../../src/kernels/windows/find-windows.js';
import { fixedWindows } from '../../src/kernels/windows/fixed-windows.js';
import { hashWindows } from '../../src/kernels/windows/hash-windows.js';
import { plainSurface } from '../../src/kernels/windows/plain-surface.js';
import type { Surface } from '../../src/kernels/windows/surface.js';
import { noiseRaster, sceneRaster } from '../support/random.js';

const hasher = loadPdqHasher();
const ONE = { orientations: 'none', families: 'resized' } as const;

function kernelSurface(raster: Raster): Surface {
  hasher.hash(raster, ONE);
  return hasher.surface();
}

/** The raster inside a border of one grey. */
function bordered(raster: Raster, left: number, top: number, right: number, bottom: number, grey: number): Raster {
  const { width: w, height: h, channels, data } = raster;
  const [width, height] = [w + left + right, h + top + bottom];
  const out = new Uint8Array(width * height * channels).fill(grey);
  for (let y = 0; y < h; y++) {
    out.set(data.subarray(y * w * channels, (y + 1) * w * channels), ((y + top) * width + left) * channels);
  }
  return { width, height, channels, data: out };
}

describe('the kernel and its twin are equal', () => {
  const SIZES: [number, number, 1 | 3][] = [
    [64, 64, 1],
    [97, 50, 3],
    [300, 211, 3],
    [513, 120, 1],
    [1025, 700, 3],
    [2301, 77, 3],
  ];

  test.each(SIZES)('%i × %i, %i channels', (width, height, channels) => {
    const scene = sceneRaster(width * height, width, height, channels);
    const raster = bordered(scene, 9, 20, 3, 31, 200);
    const [kernel, twin] = [kernelSurface(raster), plainSurface(raster)];
    expect(kernel.levels.map((level) => [level.width, level.height, level.scale])).toEqual(
      twin.levels.map((level) => [level.width, level.height, level.scale]),
    );
    expect(findWindows(kernel.lines)).toEqual(findWindows(twin.lines));
    const hashes = hashWindows(kernel, 'deep', true);
    expect(hashes).toEqual(hashWindows(twin, 'deep', true));
    if (Math.min(width, height) > 100) expect(hashes.length).toBeGreaterThan(90);
  });

  test('lines of any place and length', () => {
    const raster = noiseRaster(3, 131, 97, 1);
    // Runs of one level, so that there are commonest levels and seams.
    for (let y = 20; y < 60; y++) raster.data.fill(y < 40 ? 30 : 170, y * 131, y * 131 + 90);
    const [kernel, twin] = [kernelSurface(raster).lines, plainSurface(raster).lines];
    const place = fc.record({ isRow: fc.boolean(), a: fc.nat(), b: fc.nat(), c: fc.nat(), d: fc.nat() });
    fc.assert(
      fc.property(place, ({ isRow, a, b, c, d }) => {
        const [lines, length] = isRow ? [97, 131] : [131, 97];
        const from = c % (length - 1);
        const to = from + 1 + (d % (length - from));
        const [at, other] = [a % lines, b % lines];
        expect(kernel.commonest(isRow, at, from, to)).toEqual(twin.commonest(isRow, at, from, to));
        expect(kernel.spread(isRow, at, from, to)).toEqual(twin.spread(isRow, at, from, to));
        expect(kernel.difference(isRow, at, other, from, to)).toBe(twin.difference(isRow, at, other, from, to));
        const box = { left: 4 + (a % 60), top: 4 + (b % 40), right: 70 + (c % 57), bottom: 50 + (d % 43) };
        expect(kernel.profile(isRow, box)).toEqual(twin.profile(isRow, box));
        expect([...kernel.seams(isRow, box)]).toEqual([...twin.seams(isRow, box)]);
      }),
      { numRuns: 300 },
    );
  });
});

const hashOf = (raster: Raster) => hasher.hash(raster, ONE).families[0]!.hashes[0]!;

/** Two steps of brightness across, two down: the hash is one pattern along the rows times one along the columns. */
function crossRaster(): Raster {
  const [width, height] = [300, 200];
  const stepAt = (at: number, side: number) => (at < side * 0.3 ? 1 : at < side * 0.6 ? -1 : 0.4);
  const data = Uint8Array.from({ length: width * height }, (_, n) =>
    Math.round(128 + 90 * stepAt(n % width, width) * stepAt(Math.floor(n / width), height)),
  );
  return { width, height, channels: 1, data };
}

/** The raster with so little contrast that its quality is below the gate. */
const faint = (raster: Raster): Raster => ({ ...raster, data: raster.data.map((value) => 120 + (value >> 5)) });

test.each([
  ['one-dimensional', crossRaster()],
  ['of low quality', faint(sceneRaster(5, 300, 200, 1))],
])('windows whose hashes are %s are not asked', (_, raster) => {
  for (const surface of [kernelSurface(raster), plainSurface(raster)])
    expect(hashWindows(surface, 'standard', true)).toEqual([]);
  for (const { quality, hashes } of hashWindows(kernelSurface(sceneRaster(5, 300, 200, 1)), 'deep', true)) {
    expect(quality).toBeGreaterThanOrEqual(50);
    for (const hash256 of hashes) expect(isOneDimensionalPdq(hash256)).toBe(false);
  }
});

test('a window of a synthetic border is the image', async () => {
  for (const [grey, seed] of [
    [255, 1],
    [0, 2],
    [128, 3],
  ] as const) {
    const scene = sceneRaster(seed, 420, 280, 3);
    const listed = hashOf(scene);
    const edited = bordered(scene, 40, 25, 40, 70, grey);
    const found = hashWindows(kernelSurface(edited), 'standard', false);
    const nearest = found.sort((a, b) => hamming256(a.hashes[0]!, listed) - hamming256(b.hashes[0]!, listed))[0]!;
    expect(nearest.window.kind).toBe('border');
    expect(nearest.window.rectangle.left).toBeCloseTo(40 / 500, 5);
    expect(nearest.window.rectangle.bottom).toBeCloseTo((280 + 25) / 375, 5);
    expect(hamming256(nearest.hashes[0]!, listed)).toBeLessThanOrEqual(8);
  }
});

test('no image has more windows than a request takes, or farther outside', () => {
  const striped = noiseRaster(8, 1_024, 1_024, 1);
  for (let y = 0; y < 1_024; y += 60) striped.data.fill(255, y * 1_024, (y + 10) * 1_024);
  for (const raster of [
    noiseRaster(7, 1_024, 1_024, 1),
    striped,
    noiseRaster(9, 1_024, 48, 1),
    noiseRaster(9, 48, 1_024, 1),
  ]) {
    const windows = hashWindows(kernelSurface(raster), 'deep', true);
    expect(windows.length).toBeGreaterThan(20);
    expect(windows.length).toBeLessThanOrEqual(200);
    for (const { window, hashes, certain } of windows) {
      expect(hashes).toHaveLength(2);
      expect(certain!.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)).toBe(128);
      for (const share of Object.values(window.rectangle)) {
        expect(share).toBeGreaterThanOrEqual(-1);
        expect(share).toBeLessThanOrEqual(2);
      }
    }
  }
});

test.each(['standard', 'deep'] as const)('windows of %s are of its kinds alone', (detail) => {
  const scene = bordered(sceneRaster(5, 420, 280, 3), 40, 25, 40, 70, 128);
  const kinds = new Set(hashWindows(kernelSurface(scene), detail, false).map(({ window }) => window.kind));
  expect([...kinds].filter((kind) => !WINDOW_KINDS_OF[detail].has(kind))).toEqual([]);
  expect(kinds).toContain(detail === 'standard' ? 'border' : 'crop');
});

test('the page of edited copies has the kinds, their details, and how many places are fixed', () => {
  const page = readFileSync('docs/edited-copies.md', 'utf8');
  const fixed = fixedWindows(400, 300);
  for (const kind of WINDOW_KINDS) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${kind}\` |`))!;
    const [, , , where, standard, deep] = row.split('|').map((cell) => cell.trim());
    expect([standard, deep], kind).toEqual([WINDOW_KINDS_OF.standard.has(kind) ? 'yes' : '', 'yes']);
    const count = fixed.filter((one) => one.kind === kind).length;
    expect(Number(where!.match(/^(\d+) fixed/)?.[1] ?? 0), kind).toBe(count);
  }
});
