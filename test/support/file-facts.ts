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
import { DETAILS, type Place, RESAMPLED } from '../../src/core/window.js';
import { reorientPdq } from '../../src/kernels/pdq-signs.js';
import { fixedPlaces } from '../../src/kernels/windows/fixed-windows.js';
import type { WindowHash } from '../../src/kernels/windows/hash-windows.js';
import { type FactView, FILE_KINDS, type FileFacts } from '../../src/scan/facts/file-facts.js';
import { packStoredWindows } from '../../src/scan/facts/stored-windows.js';

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
const found = fc
  .record({
    kind: fc.constantFrom('border' as const, 'strip' as const, 'part' as const),
    across: fc.tuple(fc.nat(1_024), fc.nat(1_024)),
    along: fc.tuple(fc.nat(1_024), fc.nat(1_024)),
  })
  .map(({ kind, across, along }): Place => {
    const [left, right] = [Math.min(...across) / 1_024, Math.max(...across) / 1_024];
    const [top, bottom] = [Math.min(...along) / 1_024, Math.max(...along) / 1_024];
    return {
      kind,
      rectangle: { left, top, right: left === right ? 1 : right, bottom: top === bottom ? 1 : bottom },
      degrees: 0,
    };
  })
  .filter(({ rectangle }) => rectangle.left < 1 && rectangle.top < 1);

/** Windows as they are hashed: found ones of whole pixels, fixed ones in their order. `hashes`: of each. */
const windowsOf = (hashes: 1 | 2): fc.Arbitrary<WindowHash[]> =>
  fc
    .record({
      sides: fc.tuple(fc.integer({ min: 24, max: 1_024 }), fc.integer({ min: 24, max: 1_024 })),
      found: fc.array(found, { maxLength: 3 }),
      fixed: fc.subarray(
        Array.from({ length: 127 }, (_, number) => number),
        { maxLength: 4 },
      ),
      hash,
      wrong: fc.subarray(Array.from({ length: 256 }, (_, bit) => bit)),
    })
    .map(({ sides: [width, height], found, fixed, hash: original, wrong }) => {
      const mirrored = reorientPdq(original, 'flipY');
      for (const bit of wrong) mirrored[bit >> 3]! ^= 1 << (bit & 7);
      const table = fixedPlaces(width, height);
      return [RESAMPLED, ...found, ...fixed.map((number) => table[number]!)].map((place) => ({
        window: { ...place, proportion: width / height },
        quality: 80,
        hashes: [original, mirrored].slice(0, hashes),
        certain: original,
      }));
    });
export const freshWindows = windowsOf(2);

const plainView = fc.constantFrom(1, 8).chain((count) =>
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
const view: fc.Arbitrary<FactView> = fc
  .tuple(plainView, fc.option(windowsOf(2)), fc.option(windowsOf(1)))
  .map(([plain, both, one]) => {
    const windows = both ?? one;
    return windows === null ? plain : { ...plain, storedWindows: packStoredWindows(windows) };
  });
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
  detail: fc.constantFrom(...DETAILS),
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
  facts.image === null
    ? { ...facts, frames: 1, detail: 'plain', views: [], reason: facts.reason ?? 'not_an_image' }
    : facts,
);
