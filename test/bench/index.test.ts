import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { linear, multiIndexHashing } from '../../bench/index/baselines.js';
import { hashesBySeed, plantedQueries } from '../../bench/index/data.js';
import { measure, PAIR_SPAN, recallOf } from '../../bench/index/measure.js';
import { run } from '../../bench/main.js';
import { pdqLike } from '../../bench/pdq-like.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { linearBuilder } from '../../src/index/linear.js';

const hashes = pdqLike(3_000, 3);
const queries = plantedQueries(hashes, 60);

function oracle(of: Uint8Array) {
  const builder = linearBuilder(of.length / 32);
  for (let at = 0; at < of.length; at += 32) builder.add(of.subarray(at, at + 32));
  return builder.seal();
}

describe('the baselines find what the oracle finds', () => {
  const truth = oracle(hashes);
  test.each([0, 1, 15, 16, 31])('radius %i', (radiusBits) => {
    const rivals = [linear(hashes, 'scanScalar'), linear(hashes, 'scanSimd'), multiIndexHashing(hashes)];
    let pairs = 0;
    for (let at = 0; at < queries.length; at += 32) {
      const query = queries.subarray(at, at + 32);
      const expected = truth.search(query, radiusBits);
      pairs += expected.length;
      for (const rival of rivals) expect(rival.search(query, radiusBits)).toEqual(expected);
    }
    if (radiusBits === 31) expect(pairs).toBeGreaterThanOrEqual(60);
  });
});

test('recall is the share of true pairs; a false pair is an error', () => {
  const timed = { queries: 2, perSecond: 1, processorUs: 1, p50: 1, p99: 1 };
  const found = (pairs: number[]) => ({ ...timed, pairs: Float64Array.from(pairs) });
  const truth = Float64Array.from([1, 2, PAIR_SPAN + 1, PAIR_SPAN + 2]);
  expect(recallOf(found([1, 2, PAIR_SPAN + 1]), truth, 2)).toBe(0.75);
  expect(recallOf(found([1, 2]), truth, 1)).toBe(1);
  expect(() => recallOf(found([3]), truth, 2)).toThrow();
  expect(measure(queries, () => [{ entryIndex: 5, distanceBits: 0 }]).pairs[1]).toBe(PAIR_SPAN + 5);
});

test('hashes by seed do not depend on the number of threads', async () => {
  const made = await hashesBySeed(60_000);
  expect(Buffer.from(made.subarray(0, 320)).equals(pdqLike(10, 1))).toBe(true);
  expect(Buffer.from(made.subarray(50_000 * 32, 50_010 * 32)).equals(pdqLike(10, 2))).toBe(true);
});

describe('data from files', () => {
  const folder = tempFolder('bench');
  const file = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const ask = (more: object) => run(['index'], { smoke: true, json: true, hnswMax: 1, out: () => {}, ...more });

  test('every pair within the radius is written, and nothing else', async () => {
    const pairs = join(folder, 'pairs.csv');
    await ask({ hashes: file('h', hashes), queries: file('q', queries), pairs });
    const truth = oracle(hashes);
    const expected = Array.from({ length: 60 }, (_, query) =>
      truth
        .search(queries.subarray(query * 32, query * 32 + 32), 31)
        .map(({ entryIndex, distanceBits }) => `${query},${entryIndex},${distanceBits}`),
    ).flat();
    expect(readFileSync(pairs, 'utf8')).toBe(`query,entry,distance\n${expected.join('\n')}\n`);
    expect(readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  test.each([
    [
      'a file of partial hashes',
      () => ({ hashes: file('x', new Uint8Array(33)), queries: file('q', queries) }),
      'REQUEST_INVALID',
    ],
    ['an empty file', () => ({ hashes: file('x', new Uint8Array(0)), queries: file('q', queries) }), 'REQUEST_INVALID'],
    ['a missing file', () => ({ hashes: join(folder, 'none'), queries: file('q', queries) }), 'FILE_UNREADABLE'],
    ['hashes without queries', () => ({ hashes: file('h', hashes) }), 'REQUEST_INVALID'],
  ])('%s is refused', async (_name, flags, code) => {
    await expect(ask(flags())).rejects.toMatchObject({ code });
  });
});
