import { expect, test } from 'vitest';
import { hashAnswer, hashQueries } from '../../src/check/hash-image.js';
import type { HashReply } from '../../src/engine/image-engine.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { sceneRaster } from '../support/random.js';

const hasher = loadPdqHasher();

function replyOf(width: number, height: number): HashReply {
  const { families } = hasher.hash(sceneRaster(1, width, height, 1), { orientations: 'all', families: 'both' });
  const views = [{ frame: 0, background: null, part: null, families, blockhash: null, windows: [] }];
  return { ok: true, digests: {}, bytes: 1, format: 'jpeg', width, height, damage: null, views };
}

test.each([
  [512, 300, 'symmetric', false],
  [513, 300, 'full', true],
] as const)(
  'an image of %ix%i is searched by resized and %s; its answer has the hashes that a list may have',
  (...row) => {
    const [width, height, second, hasFull] = row;
    const reply = replyOf(width, height);
    const queries = hashQueries(reply).map(({ family, orientation }) => `${family} ${orientation}`);
    expect(new Set(queries).size).toBe(16);
    expect(queries.filter((query) => query.startsWith(second))).toHaveLength(8);
    const { pdq, pdqFull, views } = hashAnswer(reply);
    expect(pdq).not.toBeNull();
    expect(pdqFull !== null).toBe(hasFull);
    expect(views).toEqual([{ frame: 0, background: null, part: null, pdq, pdqFull }]);
  },
);
