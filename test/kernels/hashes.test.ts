import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Raster } from '../../src/core/vocabulary.js';
import { blockhash256 } from '../../src/kernels/blockhash.js';
import { hamming256, popcount32 } from '../../src/kernels/hamming.js';
import { createPdqHasher } from '../../src/kernels/pdq.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { noiseRaster, sceneRaster } from '../support/random.js';

const hash256 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const ALL = { orientations: 'all', families: 'both' } as const;

function distanceByHand(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  for (let bit = 0; bit < 256; bit++) if (((a[bit >> 3]! ^ b[bit >> 3]!) >> (bit & 7)) & 1) count++;
  return count;
}

describe('hamming', () => {
  test('equals a count bit by bit, is symmetric, and reaches 0 and 256', () => {
    fc.assert(
      fc.property(hash256, hash256, (a, b) => {
        expect(hamming256(a, b)).toBe(distanceByHand(a, b));
        expect(hamming256(b, a)).toBe(hamming256(a, b));
        expect(hamming256(a, a)).toBe(0);
        expect(
          hamming256(
            a,
            a.map((byte) => byte ^ 255),
          ),
        ).toBe(256);
      }),
      { seed: 11 },
    );
  });
  test('every single bit counts once', () => {
    for (let bit = 0; bit < 256; bit++) {
      const one = new Uint8Array(32);
      one[bit >> 3] = 1 << (bit & 7);
      expect(hamming256(one, new Uint8Array(32)), `bit ${bit}`).toBe(1);
    }
    expect([0, 1, -1, 0x8000_0000, 0x7fff_ffff].map(popcount32)).toEqual([0, 1, 32, 1, 31]);
  });
});

describe('blockhash', () => {
  test('grey and the same grey as RGB have the same hash, also with less than a pixel per block', () => {
    for (const [width, height] of [
      [256, 256],
      [97, 83],
      [5, 5],
    ] as const) {
      const grey = sceneRaster(2, width, height, 1);
      const data = new Uint8Array(width * height * 3).map((_, at) => grey.data[Math.floor(at / 3)]!);
      expect(blockhash256({ width, height, channels: 3, data }), `${width}x${height}`).toEqual(blockhash256(grey));
    }
  });
  test('an image in red, in green or in blue alone has the hash of its grey', () => {
    const grey = sceneRaster(2, 97, 83, 1);
    const dark = { ...grey, data: grey.data.map((value) => value >> 1) };
    for (const channel of [0, 1, 2]) {
      const data = new Uint8Array(97 * 83 * 3).map((_, at) =>
        at % 3 === channel ? dark.data[Math.floor(at / 3)]! : 0,
      );
      expect(blockhash256({ width: 97, height: 83, channels: 3, data }), `channel ${channel}`).toEqual(
        blockhash256(dark),
      );
    }
  });
  test('a dark left half and a light right half are distinguished block by block', () => {
    // Method 2 compares each block with the median of its quarter of the rows; upper and lower halves are alike here.
    const data = Uint8Array.from({ length: 64 * 64 }, (_, at) => (at % 64 < 32 ? 10 : 90));
    expect(Buffer.from(blockhash256({ width: 64, height: 64, channels: 1, data })).toString('hex')).toBe(
      '00ff'.repeat(16),
    );
  });
});

describe('one WASM hasher, many images', () => {
  const twin = createPdqHasher();

  test('a hash does not depend on earlier images: large, small, 64x64, colour, grey, in any order', () => {
    const wasm = loadPdqHasher();
    const pictures: Raster[] = [
      noiseRaster(1, 900, 40, 3),
      noiseRaster(2, 6, 9, 1),
      noiseRaster(3, 64, 64, 3),
      sceneRaster(4, 200, 520, 1),
      noiseRaster(5, 4, 4, 1),
      sceneRaster(6, 33, 210, 3),
    ];
    const expected = pictures.map((picture) => twin.hash(picture, ALL));
    fc.assert(
      fc.property(fc.array(fc.nat({ max: pictures.length - 1 }), { maxLength: 12 }), (order) => {
        for (const at of order) expect(wasm.hash(pictures[at]!, ALL), `picture ${at}`).toEqual(expected[at]);
      }),
      { seed: 5, numRuns: 12 },
    );
  });

  test('random sizes and samples: equal to the twin, all orientations and families', () => {
    const wasm = loadPdqHasher();
    const side = fc.integer({ min: 1, max: 140 });
    fc.assert(
      fc.property(side, side, fc.constantFrom(1 as const, 3 as const), fc.nat(), (width, height, channels, seed) => {
        const raster = noiseRaster(seed, width, height, channels);
        expect(wasm.hash(raster, ALL)).toEqual(twin.hash(raster, ALL));
      }),
      { seed: 9, numRuns: 60 },
    );
  });

  test('a side so long that its tables exceed their memory is hashed, and so is the next image', () => {
    const wasm = loadPdqHasher();
    const tall = noiseRaster(8, 6, 600_000, 1);
    expect(wasm.hash(tall, ALL)).toEqual(twin.hash(tall, ALL));
    const next = sceneRaster(1, 600, 300, 3);
    expect(wasm.hash(next, ALL)).toEqual(twin.hash(next, ALL));
  });
});
