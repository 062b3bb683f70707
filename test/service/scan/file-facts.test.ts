import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../../../src/core/errors.js';
import { IMAGE_FORMATS, NOT_CHECKED_REASONS, VERDICTS } from '../../../src/core/vocabulary.js';
import { loadPdqHasher } from '../../../src/kernels/pdq-wasm.js';
import { hashQueries } from '../../../src/service/hash-image.js';
import {
  FILE_KINDS,
  type FileFacts,
  factsOfReply,
  identityOf,
  packFacts,
  replyOf,
  unpackFacts,
} from '../../../src/service/scan/file-facts.js';
import { NO_FACTS } from '../../../src/service/scan/pictures.js';
import { sceneRaster } from '../../support/random.js';

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => Buffer.from(value).toString('hex'));
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const family = (name: 'resized' | 'full', count: number) =>
  fc.record({
    family: fc.constant(name),
    quality: fc.nat(100),
    degenerate: fc.boolean(),
    hashes: fc.array(hash, { minLength: count, maxLength: count }),
  });
const view = fc.constantFrom(1, 8).chain((count) =>
  fc.record({
    frame: fc.nat(70_000),
    background: fc.constantFrom('white' as const, null),
    families: fc.oneof(
      fc.constant([]),
      fc.tuple(family('resized', count)),
      fc.tuple(family('resized', count), family('full', count)),
    ),
    blockhash: fc.option(hash),
  }),
);
const facts: fc.Arbitrary<FileFacts> = fc.record({
  kind: fc.constantFrom(...FILE_KINDS),
  size: fc.nat(Number.MAX_SAFE_INTEGER),
  mtimeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  inode: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  scan: fc.nat(),
  generation: fc.nat(),
  verdict: fc.constantFrom(...VERDICTS),
  reason: fc.option(fc.constantFrom(...NOT_CHECKED_REASONS)),
  code: fc.option(fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[]))),
  frames: fc.integer({ min: 1, max: 16 }),
  digests: fc.record({ md5: hex(16), sha1: hex(20), sha256: hex(32) }, { requiredKeys: [] }),
  image: fc.record({ format: fc.constantFrom(...IMAGE_FORMATS), width: fc.nat(100_000), height: fc.nat(100_000) }),
  degraded: fc.boolean(),
  views: fc.array(view, { maxLength: 4 }),
});

describe('facts of a file', () => {
  test('come back as they were packed, and their identity without the rest', () => {
    fc.assert(
      fc.property(facts, (held) => {
        const packed = packFacts(held);
        expect(unpackFacts(packed)).toEqual(held);
        const { size, mtimeNs, inode } = held;
        expect(identityOf(packed)).toEqual({ size, mtimeNs, inode });
      }),
    );
  });

  test('bytes that end too soon, or are of another version, are refused', () => {
    const packed = packFacts({
      ...NO_FACTS,
      size: 1,
      mtimeNs: 2n,
      inode: 3n,
      scan: 1,
      generation: 1,
      digests: { md5: '0'.repeat(32) },
    });
    for (let length = 0; length < packed.length - 17; length++) {
      expect(() => unpackFacts(packed.subarray(0, length)), `${length}`).toThrow(RangeError);
    }
    expect(() => unpackFacts(Uint8Array.of(99, ...packed.subarray(1)))).toThrow(RangeError);
  });

  test('a reply is asked in the same ways after it was kept', () => {
    const hasher = loadPdqHasher();
    for (const [width, height] of [
      [300, 200],
      [900, 700],
    ] as const) {
      const { families } = hasher.hash(sceneRaster(width, width, height, 1), { orientations: 'all', families: 'both' });
      const reply = {
        ok: true,
        digests: { md5: 'a'.repeat(32), sha1: 'b'.repeat(40), sha256: 'c'.repeat(64) },
        bytes: 4,
        format: 'jpeg',
        width,
        height,
        degraded: false,
        views: [{ frame: 0, background: null, families, blockhash: null }],
      } as const;
      const identity = { size: 4, mtimeNs: 1_764_000_000_123_456_789n, inode: 12_345_678n };
      const packed = packFacts({ ...NO_FACTS, ...identity, scan: 3, generation: 812, ...factsOfReply(reply) });
      expect(hashQueries(replyOf(unpackFacts(packed)))).toEqual(hashQueries(reply));
      // The row's key, its header and its share of the page come to some fifteen more; the name is beside it.
      expect(packed.length).toBeLessThan(families.length > 1 ? 215 : 185);
    }
  });
});
