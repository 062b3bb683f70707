import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearCopy, pdqLike } from '../../bench/pdq-like.js';
import { ENTRY_KEY_MAX, LIST_KEY_MAX } from '../../src/core/limits.js';
import { createIndexPool } from '../../src/index/index-pool.js';
import { digestMaker, radiusMaker, ringMaker } from '../../src/index/makers.js';
import {
  isRemoved,
  liveCounts,
  mergeColumns,
  newSegment,
  positionOf,
  remainingRuns,
  type Segment,
  withoutKeys,
} from '../../src/index/segment.js';
import { OPEN_ENTRIES_MIN, Segmented } from '../../src/index/segmented.js';
import type { RadiusIndex } from '../../src/index/types.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { hasHnsw } from '../support/hnsw.js';
import { seeded } from '../support/random.js';

const pool = createIndexPool({ threads: 2 });
const fail = (error: unknown) => {
  throw error;
};

/** An index that seals and merges from a few entries on, so that a test of hundreds sees every state. */
function eager(entriesMax: number): Segmented<RadiusIndex> {
  return new Segmented<RadiusIndex>({ ...ringMaker(pool), entriesMax }, 0, fail, 8);
}

function search(index: Segmented<RadiusIndex>, query: Uint8Array, radiusBits: number): [number, number][] {
  return index.segments
    .flatMap((segment) =>
      segment.index
        .search(query, radiusBits)
        .filter(({ entryIndex }) => !isRemoved(segment, entryIndex))
        .map(({ entryIndex, distanceBits }): [number, number] => [segment.keys[entryIndex]!, distanceBits]),
    )
    .sort(([a], [b]) => a - b);
}

function oracle(live: ReadonlyMap<number, Uint8Array>, query: Uint8Array, radiusBits: number): [number, number][] {
  return [...live]
    .map(([key, hash]): [number, number] => [key, hamming256(query, hash)])
    .filter(([, distanceBits]) => distanceBits <= radiusBits);
}

test('after any additions, removals, settles and merges exactly the live entries are found', async () => {
  const hashes = pdqLike(400, 5);
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ do: fc.constant('remove' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ do: fc.constantFrom('settle' as const, 'merge' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 0, max: 47 }), async (steps, radiusBits) => {
      const random = seeded(steps.length + radiusBits);
      const index = eager(64);
      const live = new Map<number, Uint8Array>();
      let key = 0;
      for (const step of steps) {
        if (step.do === 'add') {
          for (let n = 0; n < step.count; n++) {
            key++;
            const hash = hashes.slice((key % 400) * 32, (key % 400) * 32 + 32);
            if (index.isFull) await index.settle();
            index.add(key, 7, hash);
            live.set(key, hash);
          }
          await index.settle();
        } else if (step.do === 'remove') {
          const gone = [...live.keys()].filter(() => random() < step.share);
          for (const each of gone) live.delete(each);
          await index.remove([...gone, 999_999]);
        } else if (step.do === 'settle') await index.settle();
        else await index.merged();
        expect(index.entryCount).toBe(live.size);
        for (const { keys } of index.segments) expect(keys.length).toBeLessThanOrEqual(64);
        const query = nearCopy(hashes.subarray(0, 32), 10, random);
        expect(search(index, query, radiusBits)).toEqual(oracle(live, query, radiusBits));
      }
    }),
    { numRuns: 60 },
  );
});

test('many additions are merged into the sealed segment, without what is removed meanwhile', async () => {
  const hashes = pdqLike(1_000, 6);
  const at = (key: number) => hashes.subarray((key % 1_000) * 32, (key % 1_000) * 32 + 32);
  const index = new Segmented(ringMaker(pool), 0, fail);
  let key = 0;
  const add = async (count: number) => {
    for (let n = 0; n < count; n++) index.add(++key, 1, at(key));
    await index.settle();
  };
  await add(OPEN_ENTRIES_MIN + 1);
  expect(index.segments).toHaveLength(1);
  await add(OPEN_ENTRIES_MIN + 1);
  // The merge of both has begun; entries removed now stay removed in its result.
  await index.remove([1, OPEN_ENTRIES_MIN + 5]);
  await add(3);
  await index.merged();
  expect(index.segments.map(({ keys }) => keys.length)).toEqual([2 * OPEN_ENTRIES_MIN + 2, 3]);
  expect(index.entryCount).toBe(2 * OPEN_ENTRIES_MIN + 3);
  const found = search(index, at(1), 0).map(([found]) => found);
  expect(found).not.toContain(1);
  expect(found).toContain(1_001);
  // Half of a segment is removed: it is rewritten without them, and takes less memory.
  const bytes = index.segments[0]!.index.memoryBytes;
  await index.remove(Array.from({ length: OPEN_ENTRIES_MIN }, (_, n) => n + 10));
  await index.merged();
  expect(index.segments[0]!.removedCount).toBe(0);
  expect(index.segments[0]!.index.memoryBytes).toBeLessThan(bytes);
});

test('as many additions during a merge as went into it are there once each', async () => {
  const hashes = pdqLike(40, 7);
  const maker = ringMaker(pool);
  const merges: Promise<RadiusIndex>[] = [];
  const merge = (parts: readonly Segment<RadiusIndex>[]) => {
    merges.push(maker.merge!(parts));
    return merges.at(-1)!;
  };
  const index = new Segmented<RadiusIndex>({ ...maker, merge }, 0, fail, 8);
  let key = 0;
  const add = (count: number) => {
    for (let n = 0; n < count; n++) index.add(++key, 1, hashes.subarray(key * 32, key * 32 + 32));
  };
  add(9);
  await index.settle();
  add(9);
  await index.settle();
  // The merge ends, and more is added before its result is used.
  await merges[0];
  add(9);
  await index.settle();
  const found = index.segments.flatMap(({ keys }) => [...keys]).sort((a, b) => a - b);
  expect(found).toEqual(Array.from({ length: 27 }, (_, n) => n + 1));
});

test('an open entry that was removed stays removed when the open segment is rebuilt', async () => {
  const hashes = pdqLike(20, 8);
  const index = new Segmented(ringMaker(pool), 0, fail);
  const add = (key: number) => index.add(key, 1, hashes.subarray(key * 32, key * 32 + 32));
  add(1);
  add(2);
  await index.settle();
  await index.remove([1]);
  add(3);
  await index.settle();
  expect(index.entryCount).toBe(2);
  expect(search(index, hashes.subarray(32, 64), 0)).toEqual([]);
});

test('entries of removed lists are dropped from the open and the sealed segments', async () => {
  const hashes = pdqLike(40, 8);
  const index = eager(16);
  for (let key = 1; key < 40; key++) {
    if (index.isFull) await index.settle();
    index.add(key, key % 3, hashes.subarray(key * 32, key * 32 + 32));
  }
  await index.settle();
  await index.keepLists(new Set([1, 2]));
  expect(index.entryCount).toBe(26);
  await index.merged();
  expect(index.entryCount).toBe(26);
  expect(search(index, hashes.subarray(3 * 32, 4 * 32), 0)).toEqual([]);
  expect(search(index, hashes.subarray(4 * 32, 5 * 32), 0)).toEqual([[4, 0]]);
});

test('a failed merge is reported, its segments still answer, and a later merge succeeds', async () => {
  const hashes = pdqLike(200, 9);
  const told: unknown[] = [];
  let fails = 1;
  const maker = ringMaker(pool);
  const index = new Segmented<RadiusIndex>(
    { ...maker, merge: (parts) => (fails-- > 0 ? Promise.reject(new Error('no memory')) : maker.merge!(parts)) },
    0,
    (error) => told.push(error),
  );
  for (let key = 1; key <= OPEN_ENTRIES_MIN + 1; key++)
    index.add(key, 1, hashes.subarray((key % 200) * 32, (key % 200) * 32 + 32));
  await index.settle();
  await index.remove(Array.from({ length: OPEN_ENTRIES_MIN / 2 }, (_, n) => n + 1));
  await index.merged();
  expect(told).toEqual([new Error('no memory')]);
  expect(index.entryCount).toBe(OPEN_ENTRIES_MIN / 2 + 1);
  await index.merged();
  expect(index.segments[0]!.removedCount).toBe(0);
  expect(index.entryCount).toBe(OPEN_ENTRIES_MIN / 2 + 1);
});

test.runIf(hasHnsw)('hnsw is built once; later entries are found in an exact segment beside it', async () => {
  const hashes = pdqLike(300, 4);
  const index = new Segmented(radiusMaker('hnsw', pool), 0, fail);
  for (let key = 1; key <= 200; key++) index.add(key, 1, hashes.subarray(key * 32, key * 32 + 32));
  await index.settle();
  for (let key = 201; key < 300; key++) index.add(key, 1, hashes.subarray(key * 32, key * 32 + 32));
  await index.settle();
  expect(index.segments.map(({ index }) => index.kind)).toEqual(['hnsw', 'ring']);
  expect(search(index, hashes.subarray(250 * 32, 251 * 32), 0)).toEqual([[250, 0]]);
});

test('digests: removed entries stay out through a merge', async () => {
  const index = new Segmented(digestMaker(16, pool), 0, fail);
  const digest = (key: number) => Buffer.alloc(16, key.toString(16).padStart(32, '0'), 'hex');
  const found = (key: number) =>
    index.segments.flatMap((segment) => segment.index.lookup(digest(key)).filter((entry) => !isRemoved(segment, entry)))
      .length;
  for (let key = 1; key <= OPEN_ENTRIES_MIN + 1; key++) index.add(key, 1, digest(key));
  await index.settle();
  await index.remove(Array.from({ length: 30_000 }, (_, n) => n + 1));
  expect([found(1), found(30_000), found(30_001)]).toEqual([0, 0, 1]);
  await index.merged();
  expect([found(1), found(30_000), found(30_001)]).toEqual([0, 0, 1]);
  expect(index.segments[0]!.index.entryCount).toBe(OPEN_ENTRIES_MIN + 1 - 30_000);
});

test('a key of more bits than the index holds is refused, and never becomes another', async () => {
  const index = new Segmented(ringMaker(pool), 0, fail);
  const hash = pdqLike(1, 1);
  index.add(ENTRY_KEY_MAX - 1, LIST_KEY_MAX, hash);
  index.add(ENTRY_KEY_MAX, 1, hash);
  expect(() => index.add(ENTRY_KEY_MAX + 1, 1, hash)).toThrow('INDEX_FULL');
  await index.settle();
  expect(search(index, hash, 0).map(([key]) => key)).toEqual([ENTRY_KEY_MAX - 1, ENTRY_KEY_MAX]);
  const fresh = new Segmented(ringMaker(pool), 0, fail);
  expect(() => fresh.add(1, LIST_KEY_MAX + 1, hash)).toThrow('INDEX_FULL');
});

test('property: counts that follow removals and merges are those of a new count', async () => {
  const hashes = pdqLike(400, 7);
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), list: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('remove' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ do: fc.constant('keep' as const), list: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constantFrom('settle' as const, 'merge' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const random = seeded(steps.length);
      const index = eager(64);
      let key = 0;
      for (const ask of steps) {
        if (ask.do === 'add')
          for (let n = 0; n < 15 && key < 400; n++, key++)
            index.add(key + 1, ask.list, hashes.subarray(key * 32, key * 32 + 32));
        else if (ask.do === 'remove')
          await index.remove(Array.from({ length: key }, (_, at) => at + 1).filter(() => random() < ask.share));
        else if (ask.do === 'keep') await index.keepLists(new Set([1, 2, 3, 4, 5].filter((list) => list !== ask.list)));
        else await (ask.do === 'merge' ? index.merged() : index.settle());
        for (const segment of index.segments) {
          // A copy is another segment, which nothing has counted.
          const counted = [...liveCounts({ ...segment })].sort(([a], [b]) => a - b);
          expect([...liveCounts(segment)].sort(([a], [b]) => a - b)).toEqual(counted);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('positionOf, withoutKeys, remainingRuns and mergeColumns, by example', () => {
  const keys = Uint32Array.from([2, 3, 5, 8, 100]);
  expect([1, 2, 4, 8, 100, 101].map((key) => positionOf(keys, key))).toEqual([-1, 0, -1, 3, 4, -1]);
  const segment = newSegment(null, { keys, listKeys: new Uint16Array(5) });
  expect(withoutKeys(segment, [1, 4])).toBe(segment);
  const marked = withoutKeys(withoutKeys(segment, [3, 3]), [8, 3]);
  expect(marked.removedCount).toBe(2);
  expect(segment.removed).toBeNull();
  expect([...remainingRuns(5, marked.removed)]).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
  expect([...mergeColumns([marked, segment]).keys]).toEqual([2, 5, 100, 2, 3, 5, 8, 100]);
  expect([...remainingRuns(70, null)]).toEqual([[0, 70]]);
});

test('property: remaining runs are exactly the entries that are not removed', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 199 })), (gone) => {
      const removed = new Uint32Array(7);
      for (const at of gone) removed[at >>> 5]! |= 1 << (at & 31);
      const left = [...remainingRuns(200, removed)].flatMap(([from, to]) =>
        Array.from({ length: to - from }, (_, n) => from + n),
      );
      expect(left).toEqual(Array.from({ length: 200 }, (_, n) => n).filter((n) => !gone.includes(n)));
    }),
  );
});

test('entries on shared memory that are added together are kept, and not written when others come', async () => {
  const hashes = pdqLike(5, 8);
  const values = new Uint8Array(new SharedArrayBuffer(4 * 32));
  values.set(hashes.subarray(0, values.length));
  const columns = {
    keys: new Uint32Array(new SharedArrayBuffer(4 * 4)),
    listKeys: new Uint16Array(new SharedArrayBuffer(4 * 2)),
  };
  columns.keys.set([1, 2, 3, 4]);
  columns.listKeys.fill(7);
  const index = new Segmented<RadiusIndex>(ringMaker(pool), 0, fail);
  await index.addMany(columns, values);
  await index.settle();
  index.add(5, 7, hashes.subarray(4 * 32));
  await index.settle();
  await index.remove([2]);
  const found = [0, 1, 2, 3, 4].map((at) => search(index, hashes.subarray(at * 32, (at + 1) * 32), 0));
  expect(found).toEqual([[[1, 0]], [], [[3, 0]], [[4, 0]], [[5, 0]]]);
  expect(values).toEqual(new Uint8Array(hashes.subarray(0, values.length)));
  expect([...columns.keys, ...columns.listKeys]).toEqual([1, 2, 3, 4, 7, 7, 7, 7]);
});

test('a ring that all threads fill and build has every entry at its place', async () => {
  // The first count that is built so, and an end inside of a part.
  const count = 2_000_001;
  const values = new Uint8Array(new SharedArrayBuffer(count * 32));
  const words = new Uint32Array(values.buffer);
  const random = seeded(11);
  for (let at = 0; at < words.length; at++) words[at] = random() * 2 ** 32;
  const ring = await pool.buildRing(values);
  for (const at of [0, 262_143, 262_144, 524_287, 524_288, 1_835_007, 1_835_008, count - 1]) {
    const query = values.slice(at * 32, (at + 1) * 32);
    query[5]! ^= 0b1001;
    expect(ring.search(query, 31)).toEqual([{ entryIndex: at, distanceBits: 2 }]);
    expect(Buffer.from(ring.hashOf(at))).toEqual(Buffer.from(values.slice(at * 32, (at + 1) * 32)));
  }
  ring.close();
});
