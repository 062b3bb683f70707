import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { QueryBatch } from '../../../src/check/file-queries.js';
import { hashQueries } from '../../../src/check/hash-image.js';
import { ERRORS } from '../../../src/core/errors.js';
import { IMAGE_FORMATS, NOT_CHECKED_REASONS, ORIENTATIONS, VERDICTS } from '../../../src/core/vocabulary.js';
import { loadPdqHasher } from '../../../src/kernels/pdq-wasm.js';
import {
  DECODING,
  FILE_KINDS,
  type FileFacts,
  factsOfReply,
  isOutdated,
  replyOf,
} from '../../../src/scan/facts/file-facts.js';
import { packFacts, unpackFacts } from '../../../src/scan/facts/packed-facts.js';
import { addQueriesFromRow } from '../../../src/scan/facts/queries-from-rows.js';
import { NO_FACTS } from '../../../src/scan/image-reader.js';
import { fileFacts } from '../../support/file-facts.js';
import { sceneRaster } from '../../support/random.js';

const WHOLE = { orientations: 'all', detail: 'deep' } as const;
const DAMAGED = expect.objectContaining({ code: 'STORE_FAILED' });

describe('facts of a file', () => {
  test('are unpacked as they were packed', () => {
    fc.assert(
      fc.property(fileFacts, (held) => {
        const packed = packFacts(held);
        expect(unpackFacts(packed)).toEqual(held);
      }),
    );
  });

  test('truncated rows are refused', () => {
    const packed = packFacts({
      ...NO_FACTS,
      size: 1,
      mtimeNs: 2n,
      ctimeNs: 2n,
      inode: 3n,
      device: 4n,
      scan: 1,
      generation: 1,
      digests: { md5: '0'.repeat(32) },
    });
    for (let length = 0; length < packed.length - 17; length++) {
      expect(() => unpackFacts(packed.subarray(0, length)), `${length}`).toThrow(DAMAGED);
    }
  });

  test('a damaged row is read or refused with STORE_FAILED', () => {
    const isRefused = (read: () => unknown) => {
      try {
        read();
        return false;
      } catch (error) {
        expect(error).toEqual(DAMAGED);
        return true;
      }
    };
    fc.assert(
      fc.property(fileFacts, fc.nat(), fc.integer({ min: 1, max: 255 }), (facts, at, bits) => {
        const packed = packFacts(facts);
        packed[at % packed.length]! ^= bits;
        const told = isRefused(() => {
          const damaged = unpackFacts(packed);
          const { kind, verdict } = damaged;
          // Windows stay packed until they are asked for.
          replyOf(damaged);
          expect([FILE_KINDS.includes(kind), VERDICTS.includes(verdict)]).toEqual([true, true]);
        });
        // A rematch reads no more than its queries need, so it may accept a row that is damaged elsewhere.
        if (isRefused(() => addQueriesFromRow(new QueryBatch(), packed, WHOLE))) expect(told).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        isRefused(() => unpackFacts(bytes));
        isRefused(() => addQueriesFromRow(new QueryBatch(), bytes, WHOLE));
      }),
    );
  });

  test.each([
    ['an unknown kind', 0, 15],
    ['an unknown reason', 0, 15 << 4],
    ['an unknown verdict', 1, 7],
    ['an unknown code', 3, 255],
    ['a size past 2^53', 4, 255],
  ])('%s is refused', (_name, at, byte) => {
    const identity = { size: 200, mtimeNs: 2n, ctimeNs: 2n, inode: 2n ** 63n, device: 4n };
    const said = { reason: 'unreadable', code: 'FILE_UNREADABLE' } as const;
    const packed = packFacts({ ...NO_FACTS, ...identity, scan: 1, generation: 1, ...said });
    packed.fill(byte, at, at === 4 ? at + 12 : at + 1);
    expect(() => unpackFacts(packed)).toThrow(DAMAGED);
  });

  test('codes have the numbers, and words the positions, that stored rows have', () => {
    // Numbers in inventories of 0.1.0, and those added since: none may change, none may be used twice.
    const { number: crash } = ERRORS.IMAGE_DECODER_CRASH;
    expect([ERRORS.IMAGE_NOT_AN_IMAGE.number, crash, ERRORS.FILE_UNREADABLE.number]).toEqual([17, 25, 26]);
    expect([ERRORS.FILE_VANISHED.number, ERRORS.ARCHIVE_TOO_LARGE.number]).toEqual([30, 33]);
    const numbers = Object.values(ERRORS).map(({ number }) => number);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(Math.max(...numbers), 'one byte').toBeLessThan(256);
    expect(VERDICTS).toEqual(['match', 'no_match', 'suppressed', 'not_checked']);
    expect(NOT_CHECKED_REASONS.slice(0, 10)).toEqual([
      'unsupported_format',
      'not_an_image',
      'truncated',
      'corrupt',
      'too_large',
      'too_many_pixels',
      'too_small',
      'timeout',
      'decoder_crash',
      'unreadable',
    ]);
    expect(IMAGE_FORMATS.join(' ')).toMatch(/^jpeg png gif webp avif heic tiff bmp ico jp2 jxl svg pdf/);
    expect(ORIENTATIONS.join(' ')).toBe('original rotate90 rotate180 rotate270 flipX flipY flipPlus1 flipMinus1');
    expect(FILE_KINDS.slice(0, 4)).toEqual(['picture', 'not_picture', 'archive', 'vanished']);
  });

  test('a stored reply gives the same queries', () => {
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
        damage: null,
        views: [{ frame: 0, background: null, part: null, families, blockhash: null, windows: [] }],
      } as const;
      const timeNs = 1_764_000_000_123_456_789n;
      const identity = { size: 4, mtimeNs: timeNs, ctimeNs: timeNs, inode: 12_345_678n, device: 2049n };
      const packed = packFacts({ ...NO_FACTS, ...identity, scan: 3, generation: 812, ...factsOfReply(reply) });
      expect(hashQueries(replyOf(unpackFacts(packed)))).toEqual(hashQueries(reply));
      expect(hashQueries(reply)).toHaveLength(16);
      // The key, the header and the row's share of the page take some fifteen bytes more; the name is beside it.
      expect(packed.length).toBeLessThan(225);
      // A row of before there was `symmetric`: the flags of its view, and all after them, are as they were.
      const before = { ...reply, views: [{ ...reply.views[0], families: families.slice(0, 1) }] };
      const old = packFacts({ ...NO_FACTS, ...identity, scan: 3, generation: 812, ...factsOfReply(before) });
      expect(old.length).toBeLessThan(195);
      expect(hashQueries(replyOf(unpackFacts(old)))).toEqual(hashQueries(reply).slice(0, 8));
    }
  });
});

test('a time outside 64 bits of nanoseconds is kept within them, the same each time', () => {
  const far = { ...NO_FACTS, size: 1, ctimeNs: 2n ** 63n, inode: 1n, device: 1n, scan: 1, generation: 1 };
  for (const mtimeNs of [2n ** 63n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 70n]) {
    const packed = packFacts({ ...far, mtimeNs });
    expect(unpackFacts(packed).mtimeNs).toBe(BigInt.asIntN(64, mtimeNs));
    expect(unpackFacts(packed)).toMatchObject({ ctimeNs: -(2n ** 63n), device: 1n });
  }
});

describe('rows of earlier versions', () => {
  const image = { format: 'png', width: 8, height: 8 } as const;
  const rowOf = (decoding: number, more: Partial<FileFacts>) =>
    ({ decoding, reason: null, degraded: false, image, ...more }) as FileFacts;
  test.each<[string, Partial<FileFacts>, boolean, boolean]>([
    ['a whole image', {}, true, false],
    ['a whole JPEG', { image: { ...image, format: 'jpeg' } }, false, false],
    ['a damaged one', { degraded: true }, true, true],
    ['a damaged JPEG', { degraded: true, image: { ...image, format: 'jpeg' } }, true, true],
    ['a truncated one', { reason: 'truncated' }, true, true],
    ['a corrupt one', { reason: 'corrupt' }, true, true],
    ['one with too many pixels', { reason: 'too_many_pixels' }, true, false],
    ['what was no image', { reason: 'not_an_image', image: null }, false, false],
    ['a format that was not decoded', { reason: 'unsupported_format', image: null }, true, false],
  ])('%s is read again where this one may find something else in it', (_name, facts, of0, of1) => {
    expect([0, 1, DECODING].map((decoding) => isOutdated(rowOf(decoding, facts)))).toEqual([of0, of1, false]);
  });
});
