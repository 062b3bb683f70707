import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadPdqHasher } from '../../../src/kernels/pdq-wasm.js';
import { hashQueries } from '../../../src/service/hash-image.js';
import { factsOfReply, identityOf, packFacts, replyOf, unpackFacts } from '../../../src/service/scan/file-facts.js';
import { NO_FACTS } from '../../../src/service/scan/pictures.js';
import { fileFacts } from '../../support/file-facts.js';
import { sceneRaster } from '../../support/random.js';

describe('facts of a file', () => {
  test('come back as they were packed, and their identity without the rest', () => {
    fc.assert(
      fc.property(fileFacts, (held) => {
        const packed = packFacts(held);
        expect(unpackFacts(packed)).toEqual(held);
        const { size, mtimeNs, inode } = held;
        expect(identityOf(packed)).toEqual({ size, mtimeNs, inode });
      }),
    );
  });

  test('bytes that end too soon are refused', () => {
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
