import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ORIENTATIONS } from '../../src/core/vocabulary.js';
import { packOrientedHashes, transposeBits, unpackOrientedHashes } from '../../src/kernels/oriented-hashes.js';
import { reorientPdq } from '../../src/kernels/pdq-signs.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { sceneRaster } from '../support/random.js';

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const list = fc.oneof(
  fc.tuple(hash),
  fc.array(hash, { minLength: 8, maxLength: 8 }),
  // Near the sign rule, as hashes of real images are, with some bits changed.
  fc.tuple(hash, fc.array(fc.nat(255), { maxLength: 80 })).map(([original, off]) => {
    const turned = ORIENTATIONS.map((orientation) => reorientPdq(original, orientation));
    turned[0] = original;
    for (const bit of off) turned[5]![bit >> 3]! ^= 1 << (bit & 7);
    turned[1] = transposeBits(turned[5]!);
    return turned;
  }),
);

describe('packed hashes of all orientations', () => {
  test('a transposed hash equals flipPlus1 of the sign rule, bit by bit', () => {
    fc.assert(
      fc.property(hash, (bits) => {
        expect(transposeBits(bits)).toEqual(reorientPdq(bits, 'flipPlus1'));
      }),
    );
  });

  test('packed hashes unpack to themselves', () => {
    fc.assert(
      fc.property(fc.array(list, { maxLength: 2 }), (lists) => {
        const packed = packOrientedHashes(lists);
        const back = unpackOrientedHashes(
          packed,
          0,
          lists.map(({ length }) => length),
        );
        expect(back.lists).toEqual(lists);
        expect(back.length).toBe(packed.length);
      }),
    );
  });

  test('the packed orientations of an image take under 90 bytes, those of two families under 130', () => {
    const hasher = loadPdqHasher();
    for (let seed = 1; seed <= 20; seed++) {
      for (const [width, height, most] of [
        [400, 300, 90],
        [800, 600, 130],
      ] as const) {
        const { families } = hasher.hash(sceneRaster(seed, width, height, 1), {
          orientations: 'all',
          families: 'both',
        });
        const lists = families.map(({ hashes }) => hashes);
        const packed = packOrientedHashes(lists);
        expect(packed.length, `${seed} ${width}`).toBeLessThan(most);
        expect(
          unpackOrientedHashes(
            packed,
            0,
            lists.map((hashes) => hashes.length),
          ).lists,
        ).toEqual(lists);
      }
    }
  });

  test('truncated bytes are refused, and any others are read or refused', () => {
    fc.assert(
      fc.property(fc.array(list, { minLength: 1, maxLength: 2 }), fc.nat(), (lists, cut) => {
        const packed = packOrientedHashes(lists);
        const counts = lists.map(({ length }) => length);
        expect(() => unpackOrientedHashes(packed.subarray(0, cut % packed.length), 0, counts)).toThrow(RangeError);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom([1], [8], [1, 1], [8, 8]), (bytes, counts) => {
        try {
          expect(unpackOrientedHashes(bytes, 0, counts).length).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
