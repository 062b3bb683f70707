import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { formatHash256, parseHash256 } from '../../src/core/hash256.js';
import { ORIENTATIONS, type Raster } from '../../src/core/vocabulary.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { createPdqHasher, dct16, lowerMedian, luma64, symmetricWeights } from '../../src/kernels/pdq.js';
import { reorientPdq, signRuleHashes } from '../../src/kernels/pdq-signs.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { corpusPath, hasCorpus, readCsv } from '../support/corpus.js';
import { noiseRaster, sceneRaster, turnRaster } from '../support/random.js';

const twin = createPdqHasher();
const wasm = loadPdqHasher();
const ALL = { orientations: 'all', families: 'both' } as const;
const ONE = { orientations: 'none', families: 'resized' } as const;

const SIZES: [number, number][] = [
  [5, 5],
  [5, 6],
  [12, 7],
  [63, 65],
  [64, 64],
  [64, 65],
  [100, 64],
  [127, 129],
  [128, 128],
  [257, 129],
  [511, 300],
  [512, 512],
  [513, 512],
  [512, 513],
  [700, 300],
  [300, 700],
  [4, 600],
  [1025, 770],
];

/** PDQ.md in double precision, as written: sums over windows, no code of the kernels. */
function hashByHand(raster: Raster, resize: boolean): Uint8Array {
  let { width: C, height: R } = raster;
  const at = (y: number, x: number) => {
    const p = (y * raster.width + x) * raster.channels;
    const d = raster.data;
    return raster.channels === 1 ? d[p]! : 0.299 * d[p]! + 0.587 * d[p + 1]! + 0.114 * d[p + 2]!;
  };
  let rows: number[][] = Array.from({ length: R }, (_, y) => Array.from({ length: C }, (_, x) => at(y, x)));
  if (resize && (R > 512 || C > 512)) {
    const picked = Array.from({ length: 512 }, (_, y) =>
      Array.from({ length: 512 }, (_, x) => rows[Math.floor((y * R) / 512)]![Math.floor((x * C) / 512)]!),
    );
    rows = picked;
    R = 512;
    C = 512;
  }
  const box = (v: number[], w: number) => {
    const h = Math.floor((w + 2) / 2);
    return v.map((_, k) => {
      const seen = v.slice(Math.max(0, k - (w - h)), Math.min(v.length - 1, k + h - 1) + 1);
      return seen.reduce((a, b) => a + b, 0) / seen.length;
    });
  };
  const flip = (m: number[][]) => m[0]!.map((_, x) => m.map((row) => row[x]!));
  if (R !== 64 || C !== 64) {
    for (let pass = 0; pass < 2; pass++) {
      rows = rows.map((row) => box(row, Math.ceil(C / 128)));
      rows = flip(flip(rows).map((column) => box(column, Math.ceil(R / 128))));
    }
    rows = Array.from({ length: 64 }, (_, i) =>
      Array.from({ length: 64 }, (_, j) => rows[Math.floor(((i + 0.5) * R) / 64)]![Math.floor(((j + 0.5) * C) / 64)]!),
    );
  }
  const D = (i: number, j: number) => Math.sqrt(2 / 64) * Math.cos((Math.PI / 128) * (i + 1) * (2 * j + 1));
  const B: number[] = [];
  for (let i = 0; i < 16; i++) {
    for (let j = 0; j < 16; j++) {
      let sum = 0;
      for (let y = 0; y < 64; y++) for (let x = 0; x < 64; x++) sum += D(i, y) * rows[y]![x]! * D(j, x);
      B.push(sum);
    }
  }
  const median = [...B].sort((a, b) => a - b)[127]!;
  const words = Array.from({ length: 16 }, (_, k) =>
    B.slice(16 * k, 16 * k + 16).reduce((word, value, bit) => word | (value > median ? 1 << bit : 0), 0),
  );
  return parseHash256(
    words
      .reverse()
      .map((word) => word.toString(16).padStart(4, '0'))
      .join(''),
  );
}

describe('WASM and its TypeScript twin', () => {
  test.each(SIZES)('are equal at %ix%i: noise and scene, grey and colour, all orientations', (width, height) => {
    for (const channels of [1, 3] as const) {
      for (const raster of [
        noiseRaster(width, width, height, channels),
        sceneRaster(height, width, height, channels),
      ]) {
        expect(wasm.hash(raster, ALL)).toEqual(twin.hash(raster, ALL));
        expect(wasm.hash(raster, ONE)).toEqual(twin.hash(raster, ONE));
      }
    }
  });

  test.each([
    [97, 83],
    [300, 200],
    [512, 384],
    [700, 300],
  ])('agree with PDQ.md at %ix%i', (width, height) => {
    const raster = sceneRaster(7, width, height, 3);
    const { families } = wasm.hash(raster, ALL);
    expect(hamming256(families[0]!.hashes[0]!, hashByHand(raster, true))).toBeLessThanOrEqual(2);
    const full = families.find(({ family }) => family === 'full');
    if (full) expect(hamming256(full.hashes[0]!, hashByHand(raster, false))).toBeLessThanOrEqual(2);
  });
});

describe('orientations', () => {
  test.each([
    [301, 200],
    [64, 64],
    [512, 340],
    [640, 427],
    [96, 513],
  ])('equal the hash of the rotated or mirrored pixels at %ix%i', (width, height) => {
    const raster = sceneRaster(width, width, height, 1);
    const { families } = wasm.hash(raster, ALL);
    ORIENTATIONS.forEach((orientation, at) => {
      const turned = wasm.hash(turnRaster(raster, orientation), { orientations: 'none', families: 'both' });
      families.forEach((family, f) => {
        expect(formatHash256(family.hashes[at]!), `${family.family} ${orientation}`).toBe(
          formatHash256(turned.families[f]!.hashes[0]!),
        );
      });
    });
  });

  test('the sign rule is near the hash of the oriented image, and transposition is exact', () => {
    const raster = sceneRaster(3, 400, 300, 1);
    const exact = wasm.hash(raster, ALL).families[0]!.hashes;
    const ruled = signRuleHashes(dct16(luma64(raster, 'resized')));
    ORIENTATIONS.forEach((orientation, at) => {
      expect(hamming256(exact[at]!, ruled[at]!), orientation).toBeLessThanOrEqual(50);
      expect(hamming256(reorientPdq(exact[0]!, orientation), ruled[at]!), orientation).toBeLessThanOrEqual(16);
    });
    expect(ruled[6]).toEqual(exact[6]);
    expect(reorientPdq(exact[0]!, 'flipPlus1')).toEqual(exact[6]);
  });
});

describe('the family symmetric', () => {
  test('is of images up to 512 pixels, full of larger ones', () => {
    const names = (width: number, height: number) =>
      wasm.hash(noiseRaster(1, width, height, 1), ALL).families.map(({ family }) => family);
    expect(names(512, 512)).toEqual(['resized', 'symmetric']);
    expect(names(64, 64)).toEqual(['resized', 'symmetric']);
    expect(names(513, 20)).toEqual(['resized', 'full']);
    expect(wasm.hash(noiseRaster(1, 64, 64, 1), ONE).families.map(({ family }) => family)).toEqual(['resized']);
  });

  test.each([5, 20, 63, 64, 65, 100, 128, 150, 257, 512])(
    'has its windows around the same places at %i pixels',
    (n) => {
      const { firsts, counts, weights, stride } = symmetricWeights(n, false);
      for (let i = 0; i < 64; i++) {
        const row = [...weights.subarray(i * stride, i * stride + counts[i]!)];
        expect(row.every((weight) => weight > 0)).toBe(true);
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
        const centre = row.reduce((sum, weight, at) => sum + weight * (firsts[i]! + at + 0.5), 0) / n;
        // Cut at the ends of the axis; elsewhere the centre of the cell and three quarters of a pixel of 512.
        if (centre * n < 1 + n / 128 || centre * n > n - 1 - n / 128) continue;
        expect(Math.abs(centre - (i + 0.5) / 64 - 0.75 / 512)).toBeLessThan(0.1 / n);
      }
      const mirrored = symmetricWeights(n, true);
      for (let i = 0; i < 64; i++) {
        expect(mirrored.firsts[i]).toBe(n - firsts[i]! - counts[i]!);
        const row = mirrored.weights.slice(i * stride, i * stride + counts[i]!);
        expect(row.reverse()).toEqual(weights.slice(i * stride, i * stride + counts[i]!));
      }
    },
  );

  test('hashes an image as its resized copy: far nearer than the windows of the reference', () => {
    const drift: Record<string, number[]> = { resized: [], symmetric: [] };
    for (let seed = 1; seed <= 12; seed++) {
      const { families: large } = wasm.hash(sceneRaster(seed, 500, 375, 1), ALL);
      const { families: small } = wasm.hash(halved(sceneRaster(seed, 500, 375, 1)), ALL);
      large.forEach(({ family, hashes }, at) => {
        drift[family]!.push(hamming256(hashes[0]!, small[at]!.hashes[0]!));
      });
    }
    const median = (name: string) => drift[name]!.sort((a, b) => a - b)[6]!;
    expect(median('symmetric')).toBeLessThanOrEqual(6);
    expect(median('resized')).toBeGreaterThan(2 * median('symmetric'));
  });
});

/** Return the image at half its size, by means of four pixels. */
function halved({ width, height, data }: Raster): Raster {
  const [w, h] = [width >> 1, height >> 1];
  const half = Uint8Array.from({ length: w * h }, (_, at) => {
    const from = 2 * Math.floor(at / w) * width + 2 * (at % w);
    return (data[from]! + data[from + 1]! + data[from + width]! + data[from + width + 1]!) / 4;
  });
  return { width: w, height: h, channels: 1, data: half };
}

describe('images without a hash', () => {
  const fill = (value: (x: number, y: number) => number): Raster => ({
    width: 200,
    height: 150,
    channels: 1,
    data: Uint8Array.from({ length: 30_000 }, (_, at) => value(at % 200, Math.floor(at / 200))),
  });
  test.each([
    ['flat', fill(() => 128)],
    ['stripes', fill((x) => (x % 10 < 5 ? 0 : 255))],
    ['ramp', fill((_, y) => y)],
  ])('%s is degenerate', (_name, raster) => {
    expect(wasm.hash(raster, ONE).families[0]!.degenerate).toBe(true);
    expect(twin.hash(raster, ONE).families[0]!.degenerate).toBe(true);
  });
  test('a scene is not degenerate', () => {
    expect(wasm.hash(sceneRaster(1, 200, 150, 1), ONE).families[0]).toMatchObject({ degenerate: false, quality: 100 });
  });
  test.each([
    [4, 5, true],
    [5, 4, true],
    [5, 5, false],
    [4, 512, true],
    [4, 513, false],
  ])('%ix%i is too small: %s', (width, height, tooSmall) => {
    const [result] = wasm.hash(noiseRaster(1, width, height, 1), ONE).families;
    expect(result!.degenerate).toBe(tooSmall);
    expect(result!.hashes[0]!.every((byte) => byte === 0)).toBe(tooSmall);
  });
});

describe(hasCorpus ? 'the reference vectors' : 'the reference vectors (left out: ZEEF_CORPUS is not set)', () => {
  async function readPng(path: string): Promise<Raster> {
    const image = sharp(path, { ignoreIcc: true });
    const { channels } = await image.metadata();
    const { data, info } = await (channels === 1 ? image.toColourspace('b-w') : image)
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: info.channels as 1 | 3, data };
  }

  test.runIf(hasCorpus)('lossless: hash, quality and the sign rule of 57 images', async () => {
    const rows = readCsv(corpusPath('vectors/lossless/pdq-lossless.csv'));
    expect(rows).toHaveLength(57);
    const distances: number[] = [];
    for (const row of rows) {
      const raster = await readPng(corpusPath('vectors/lossless', row.file!));
      for (const hasher of [twin, wasm]) {
        const [result] = hasher.hash(raster, ONE).families;
        expect(Math.abs(result!.quality - Number(row.pdq_quality)), `${row.file} quality`).toBeLessThanOrEqual(1);
        if (result!.degenerate) continue;
        const distance = hamming256(result!.hashes[0]!, parseHash256(row.pdq_hash!));
        expect(distance, row.file).toBeLessThanOrEqual(2);
        distances.push(distance);
      }
      if (Number(row.pdq_quality) < 50) continue;
      const ruled = signRuleHashes(dct16(luma64(raster, 'resized')));
      const names = ['original', 'rotate90', 'rotate180', 'rotate270', 'flipx', 'flipy', 'flip_plus1', 'flip_minus1'];
      if (twin.hash(raster, ONE).families[0]!.degenerate) continue;
      names.forEach((name, at) => {
        expect(hamming256(ruled[at]!, parseHash256(row[`dih_${name}`]!)), `${row.file} ${name}`).toBeLessThanOrEqual(2);
      });
    }
    expect(distances.filter((distance) => distance > 0).length).toBeLessThanOrEqual(2);
  });

  test.runIf(hasCorpus)('intermediate: luma, DCT and median of six images', async () => {
    const files = readdirSync(corpusPath('vectors/intermediate'));
    expect(files).toHaveLength(6);
    for (const file of files) {
      const expected = JSON.parse(readFileSync(corpusPath('vectors/intermediate', file), 'utf8'));
      const raster = await readPng(corpusPath('vectors/lossless', file.replace('.json', '.png')));
      const luma = luma64(raster, 'resized');
      const dct = dct16(luma);
      const flat = (value: number[][] | number[]) => (value as number[]).flat() as number[];
      const off = (got: Float32Array, want: number[]) =>
        Math.max(...want.map((value, at) => Math.abs(value - got[at]!)));
      expect(off(luma, flat(expected.block64))).toBeLessThan(0.001);
      expect(off(dct, flat(expected.dct16))).toBeLessThan(0.05);
      expect(Math.abs(lowerMedian(dct) - expected.median)).toBeLessThan(0.01);
    }
  });
});

test('a small image after a large white one has the hash of a new kernel', () => {
  // White pixels read as numbers are NaN: remains of the large image in memory must not reach the small one's padding.
  const white: Raster = { width: 1_500, height: 1_500, channels: 3, data: new Uint8Array(1_500 * 1_500 * 3).fill(255) };
  for (const [width, height] of SIZES) {
    const small = noiseRaster(7, width, height, 1);
    const used = loadPdqHasher();
    used.hash(white, ALL);
    expect(used.hash(small, ALL), `${width} by ${height}`).toEqual(loadPdqHasher().hash(small, ALL));
  }
});
