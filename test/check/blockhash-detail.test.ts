/** Blockhashes that say too little match nothing, in every form of a query. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { hasBlockhashDetail } from '../../src/core/blockhash-weight.js';
import { blockhash256 } from '../../src/kernels/blockhash.js';
import { importList } from '../../src/lists/import/import-list.js';
import { type Running, startService } from '../support/running.js';

const SIDE = 160;

/** A page whose subject fills `from`..`to` of each side; the subject is noise of the seed. */
function page(ground: number, from: number, to: number, seed: number) {
  const data = new Uint8Array(SIDE * SIDE).fill(ground);
  for (let y = from; y < to; y++) for (let x = from; x < to; x++) data[y * SIDE + x] = (x * seed + y * y * 7) % 200;
  return { width: SIDE, height: SIDE, channels: 1 as const, data };
}
/** A hash whose first `weight` bits are set. */
const weighing = (weight: number) => {
  const hash = new Uint8Array(32);
  for (let bit = 0; bit < weight; bit++) hash[bit >> 3]! |= 0x80 >> (bit & 7);
  return hash;
};
const hex = (hash: Uint8Array) => Buffer.from(hash).toString('hex');

test('small subjects on white or black collide, and are without detail; a full image is not', () => {
  const [one, two] = [3, 5].map((seed) => blockhash256(page(255, 72, 88, seed)));
  expect(one).toEqual(two);
  expect(hasBlockhashDetail(one!)).toBe(false);
  expect(hasBlockhashDetail(blockhash256(page(0, 72, 88, 3)))).toBe(false);
  expect(hasBlockhashDetail(blockhash256(page(255, 0, SIDE, 3)))).toBe(true);
});

test.each([
  [95, false],
  [96, true],
  [160, true],
  [161, false],
])('%i bits: %s', (weight, has) => expect(hasBlockhashDetail(weighing(weight))).toBe(has));

let running: Running;
beforeAll(async () => {
  running = await startService();
  const path = join(tempFolder('blockhash'), 'list.csv');
  writeFileSync(path, `value,algorithm\n${hex(weighing(96))},blockhash\n`);
  const request = { paths: [path], format: 'csv' as const, list: 'blocks', kind: 'match' as const, radiusBits: 31 };
  await importList(running.service.store, request);
  await running.service.reload();
});
afterAll(() => running.stop());

const OPTIONS = {
  orientations: 'none',
  lists: null,
  requestedRadiusBits: null,
  detail: null,
  tenant: 'local',
  reference: null,
} as const;
const batch = () => running.service.openBatch(OPTIONS, { isStream: false });

// All are within 31 bits of the entry.
test.each([
  [95, 'no_match'],
  [96, 'match'],
] as const)('a query of %i bits: %s, alone, with a digest, as the hash of a file, and raw', async (weight, verdict) => {
  const blockhash = hex(weighing(weight));
  const lowQuality = weight < 96;
  const md5 = 'a'.repeat(32);
  const answers = await batch().checkItems([{ blockhash }, { blockhash, md5 }]);
  for (const answer of answers) expect(answer).toMatchObject({ verdict, lowQuality });
  const hashes = [{ algorithm: 'blockhash' as const, value: blockhash }];
  expect((await batch().checkItems([{ hashes }]))[0]).toMatchObject({ verdict, lowQuality });
  const raw = await batch().checkValues('blockhash', weighing(weight));
  expect(raw.get(0)?.verdict ?? 'no_match').toBe(verdict);
});

test('JSON, NDJSON and raw values say alike that a blockhash without detail matched nothing', async () => {
  const post = async (type: string, body: BodyInit, query = '') => {
    const headers = { 'content-type': type };
    return (await fetch(`${running.url}/v1/check/hashes${query}`, { method: 'POST', headers, body })).text();
  };
  const item = (weight: number) => ({ blockhash: hex(weighing(weight)) });
  const expected = [
    { verdict: 'no_match', lowQuality: true },
    { verdict: 'match', lowQuality: false },
  ];
  const json = await post('application/json', JSON.stringify({ items: [item(95), item(96)] }));
  expect(JSON.parse(json)).toMatchObject({ results: expected });
  const lines = await post('application/x-ndjson', [item(95), item(96)].map((one) => JSON.stringify(one)).join('\n'));
  expect(
    lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject(expected);
  const values = Buffer.concat([weighing(95), weighing(96)]);
  const raw = await post('application/octet-stream', values, '?algorithm=blockhash');
  expect(JSON.parse(raw)).toMatchObject({ results: [{ index: 1 }], checked: 2, matched: 1, lowQuality: 1 });
});
