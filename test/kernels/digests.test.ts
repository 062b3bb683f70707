import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIGEST_ALGORITHMS } from '../../src/core/vocabulary.js';
import { computeDigests } from '../../src/kernels/digests.js';

const ascii = (text: string) => new Uint8Array(Buffer.from(text, 'ascii'));

describe('digests', () => {
  test.each([
    ['md5', '', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['md5', 'abc', '900150983cd24fb0d6963f7d28e17f72'],
    ['md5', 'message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
    ['sha1', '', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    ['sha1', 'abc', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['sha256', '', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['sha256', 'abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ] as const)('%s of "%s" is the published one', (algorithm, text, hex) => {
    expect(computeDigests(ascii(text), [algorithm])).toEqual({ [algorithm]: hex });
  });

  test('a million times "a", in many blocks (FIPS 180-4)', () => {
    expect(computeDigests(ascii('a'.repeat(1_000_000)), ['sha1', 'sha256'])).toEqual({
      sha1: '34aa973cd4c4daa4f61eeb2bdbad27316534016f',
      sha256: 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
    });
  });

  test('block edges and views into larger buffers do not change the digest', () => {
    const edges = [1, 65_535, 65_536, 65_537, 131_072, 131_073];
    fc.assert(
      fc.property(fc.constantFrom(...edges), fc.integer({ min: 0, max: 64 }), (length, offset) => {
        const bytes = Uint8Array.from({ length: length + offset + 1 }, (_, at) => at * 31).subarray(offset, -1);
        const whole = DIGEST_ALGORITHMS.map((name) => [name, createHash(name).update(bytes).digest('hex')]);
        expect(computeDigests(bytes, DIGEST_ALGORITHMS)).toEqual(Object.fromEntries(whole));
      }),
      { seed: 7, numRuns: 40 },
    );
  });

  test('only the requested digests are returned', () => {
    expect(computeDigests(ascii('abc'), [])).toEqual({});
    expect(Object.keys(computeDigests(ascii('abc'), ['sha1']))).toEqual(['sha1']);
  });
});
