/** Sections of an index file hold the entries that are left, in order, also over the pieces in which a ring gives its hashes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openIndex, sealIndex } from '../../src/index/index-file.js';
import { createIndexPool, type IndexPool } from '../../src/index/index-pool.js';
import { digestMaker, radiusMaker, vectorMaker } from '../../src/index/makers.js';
import { givenHashes, type RingIndex } from '../../src/index/ring.js';
import { Segmented } from '../../src/index/segmented.js';
import { type AlgorithmIndexes, sectionsOf } from '../../src/lists/index-sections.js';
import { randomBytes, seeded } from '../support/random.js';
import { vaultOf } from '../support/vault.js';

const COUNT = 70_000;
const values = randomBytes(seeded(5), COUNT * 32);
let pool: IndexPool;
beforeAll(() => {
  pool = createIndexPool({ threads: 1 });
});
afterAll(() => pool.close());

const fail = (error: unknown) => {
  throw error;
};

async function indexesOf(): Promise<AlgorithmIndexes> {
  const radius = () => new Segmented(radiusMaker('ring', pool), COUNT, fail);
  const digest = (bytes: number) => new Segmented(digestMaker(bytes, pool), 0, fail);
  const indexes = {
    pdq: radius(),
    blockhash: radius(),
    md5: digest(16),
    sha1: digest(20),
    sha256: digest(32),
    photodna: new Segmented(vectorMaker('linear'), 0, fail),
  };
  const keys = Uint32Array.from({ length: COUNT }, (_, at) => at + 1);
  const listKeys = Uint16Array.from({ length: COUNT }, (_, at) => at % 7);
  await indexes.pdq.addMany({ keys, listKeys }, values);
  await indexes.pdq.settle();
  return indexes;
}

const random = seeded(6);
test.each<[string, (at: number) => boolean]>([
  ['nothing', () => false],
  ['a tenth at random', () => random() < 0.1],
  ['nine tenths at random', () => random() < 0.9],
  ['the first and the last', (at) => at === 0 || at === COUNT - 1],
  ['those at the edges of pieces', (at) => at % 32_768 === 0 || at % 32_768 === 32_767],
  ['a whole piece', (at) => at >= 32_768 && at < 65_536],
  ['all but one beside an edge', (at) => at !== 32_768],
  ['everything', () => true],
])('without %s', async (_name, isGone) => {
  const indexes = await indexesOf();
  const gone = Array.from({ length: COUNT }, (_, at) => at).filter(isGone);
  await indexes.pdq.remove(gone.map((at) => at + 1));
  const isLeft = new Set(gone);
  const left = Array.from({ length: COUNT }, (_, at) => at).filter((at) => !isLeft.has(at));
  const pieces = [...givenHashes((indexes.pdq.segments[0]!.index as RingIndex).share())];
  expect(pieces.length, 'the edges are crossed').toBeGreaterThan(1);
  const [section, ...others] = sectionsOf(indexes);
  expect(others).toEqual([]);
  expect(section).toMatchObject({ algorithm: 'pdq', valueBytes: 32, entryCount: left.length });
  const file = sealIndex({ position: 1, sections: sectionsOf(indexes) }, vaultOf());
  const read = await openIndex(file, COUNT * 38 + 1_000, vaultOf());
  expect(Buffer.from(read.sections[0]!.values).equals(Buffer.concat([...section!.columns[2]!]))).toBe(true);
  const [keys, lists, hashes] = sectionsOf(indexes)[0]!.columns.map((column) => Buffer.concat([...column]));
  expect(keys!.equals(Buffer.from(Uint32Array.from(left, (at) => at + 1).buffer))).toBe(true);
  expect(lists!.equals(Buffer.from(Uint16Array.from(left, (at) => at % 7).buffer))).toBe(true);
  expect(hashes!.equals(Buffer.concat(left.map((at) => values.subarray(at * 32, at * 32 + 32))))).toBe(true);
});
