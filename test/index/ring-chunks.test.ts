/** How a ring stores a hash: chunk c has bit (c + 5k) mod 16 of each row k of its 16×16 bits, as its bit k. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { givenHashes, hashesOf, layOutRing } from '../../src/index/ring.js';

const hashes = fc
  .integer({ min: 1, max: 40 })
  .chain((count) => fc.uint8Array({ minLength: count * 32, maxLength: count * 32 }));

const wordsOf = (bytes: Uint8Array) =>
  Uint16Array.from({ length: bytes.length / 2 }, (_, at) => bytes[2 * at]! | (bytes[2 * at + 1]! << 8));

function chunksOf(rows: Uint16Array): number[] {
  return Array.from({ length: 16 }, (_, chunk) => {
    let bits = 0;
    for (let k = 0; k < 16; k++) bits |= ((rows[k]! >> ((chunk + 5 * k) % 16)) & 1) << k;
    return bits;
  });
}

test('a hash is stored as its chunks, and given back', () => {
  fc.assert(
    fc.property(hashes, (given) => {
      const share = layOutRing(given);
      const rows = wordsOf(given);
      const chunks = Array.from({ length: given.length / 32 }, (_, at) =>
        chunksOf(rows.subarray(at * 16, at * 16 + 16)),
      );
      expect([...wordsOf(hashesOf(share))]).toEqual(chunks.flat());
      expect(Buffer.concat([...givenHashes(share)].map((piece) => Buffer.from(piece)))).toEqual(Buffer.from(given));
    }),
  );
});

test('each bit alone', () => {
  for (let bit = 0; bit < 256; bit++) {
    const given = new Uint8Array(32);
    given[bit >> 3] = 1 << (bit & 7);
    const share = layOutRing(given);
    expect([...wordsOf(hashesOf(share))]).toEqual(chunksOf(wordsOf(given)));
    expect([...givenHashes(share)].map((piece) => Buffer.from(piece))).toEqual([Buffer.from(given)]);
  }
});
