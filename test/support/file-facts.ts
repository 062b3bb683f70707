import fc from 'fast-check';
import { ERRORS, type ErrorCode } from '../../src/core/errors.js';
import {
  BACKGROUNDS,
  type Family,
  IMAGE_FORMATS,
  NOT_CHECKED_REASONS,
  PARTS,
  VERDICTS,
} from '../../src/core/vocabulary.js';
import { FILE_KINDS, type FileFacts } from '../../src/scan/facts/file-facts.js';

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => Buffer.from(value).toString('hex'));
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const family = (name: Family, count: number) =>
  fc.record({
    family: fc.constant(name),
    quality: fc.nat(100),
    degenerate: fc.boolean(),
    hashes: fc.array(hash, { minLength: count, maxLength: count }),
  });
const view = fc.constantFrom(1, 8).chain((count) =>
  fc.record({
    frame: fc.nat(70_000),
    background: fc.constantFrom(...BACKGROUNDS, null),
    part: fc.constantFrom(...PARTS, null),
    families: fc.oneof(
      fc.constant([]),
      fc.tuple(family('resized', count)),
      fc.tuple(family('resized', count), family('full', count)),
      fc.tuple(family('resized', count), family('symmetric', count)),
    ),
    blockhash: fc.option(hash),
    windows: fc.constant([]),
  }),
);
const anyFacts: fc.Arbitrary<FileFacts> = fc.record({
  kind: fc.constantFrom(...FILE_KINDS),
  size: fc.nat(Number.MAX_SAFE_INTEGER),
  mtimeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  ctimeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  inode: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  device: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  isMissing: fc.boolean(),
  scan: fc.nat(),
  generation: fc.nat(),
  verdict: fc.constantFrom(...VERDICTS),
  reason: fc.option(fc.constantFrom(...NOT_CHECKED_REASONS)),
  code: fc.option(fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[]))),
  frames: fc.integer({ min: 1, max: 16 }),
  digests: fc.record({ md5: hex(16), sha1: hex(20), sha256: hex(32) }, { requiredKeys: [] }),
  image: fc.option(
    fc.record({ format: fc.constantFrom(...IMAGE_FORMATS), width: fc.nat(100_000), height: fc.nat(100_000) }),
  ),
  degraded: fc.boolean(),
  decoding: fc.nat(255),
  views: fc.array(view, { maxLength: 4 }),
});

/** Facts of any file, with hashes of any kind. A file that is not an image has no views, and a reason. */
export const fileFacts: fc.Arbitrary<FileFacts> = anyFacts.map((facts) =>
  facts.image === null ? { ...facts, frames: 1, views: [], reason: facts.reason ?? 'not_an_image' } : facts,
);
