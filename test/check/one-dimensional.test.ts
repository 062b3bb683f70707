/** One-dimensional PDQ hashes match near only on lists that ask for them, in every form of a query, and the answer says so. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { formatHash256 } from '../../src/core/hash256.js';
import { isOneDimensionalPdq } from '../../src/core/pdq-shape.js';
import { type Algorithm, ORIENTATIONS } from '../../src/core/vocabulary.js';
import { createDecoder } from '../../src/decode/decode.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { importList } from '../../src/lists/import/import-list.js';
import { type Running, startService } from '../support/running.js';
import { slide } from '../support/slides.js';

const folder = tempFolder('one-dimensional');

let running: Running;
let entry: string;
let image: Buffer;
let hash256: Uint8Array;

async function bring(list: string, rows: readonly (readonly [Algorithm, string])[]): Promise<void> {
  const path = join(folder, `${list}.csv`);
  writeFileSync(path, ['algorithm,value', ...rows.map((row) => row.join(','))].join('\n'));
  const request = {
    paths: [path],
    format: 'csv' as const,
    list,
    kind: 'match' as const,
    radiusBits: 31,
    approved: true,
  };
  await importList(running.service.store, request);
  await running.service.reload();
}

async function matchLowQuality(value: boolean): Promise<void> {
  await running.service.store.lists.updateList('slides', { matchLowQuality: value });
  await running.service.reload();
}

beforeAll(async () => {
  running = await startService();
  image = await slide(1);
  const decoder = createDecoder({ imageBytesMax: 1e6, imagePixelsMax: 1e6 });
  const { raster } = await decoder.decode(image);
  const [family] = loadPdqHasher().hash(raster, { orientations: 'none', families: 'resized' }).families;
  expect(family).toMatchObject({ degenerate: false });
  expect(family!.quality).toBeGreaterThanOrEqual(50);
  hash256 = family!.hashes[0]!;
  entry = formatHash256(hash256);
  await bring('slides', [['pdq', entry]]);
});
afterAll(() => running.stop());

const OPTIONS = { lists: null, requestedRadiusBits: null, detail: null, tenant: 'local', reference: null } as const;
const batch = (orientations: 'all' | 'none') =>
  running.service.openBatch({ ...OPTIONS, orientations }, { isStream: false });
const post = async (type: string, body: BodyInit, query = '') => {
  const headers = { 'content-type': type };
  return (await fetch(`${running.url}/v1/check/hashes${query}`, { method: 'POST', headers, body })).text();
};

test('the slide is one-dimensional in all orientations', () => expect(isOneDimensionalPdq(hash256)).toBe(true));

test.each([
  [false, 'no_match'],
  [true, 'match'],
] as const)('with matchLowQuality %s, every form of the hash: %s with lowQuality', async (accepts, verdict) => {
  await matchLowQuality(accepts);
  const expected = { verdict, lowQuality: true };
  const file = ORIENTATIONS.map((orientation) => ({ algorithm: 'pdq' as const, value: entry, orientation }));
  // A sender's own word that it is of good quality does not count.
  const items = [
    { pdq: entry },
    { pdq: entry, md5: 'a'.repeat(32) },
    { hashes: file.map((one) => ({ ...one, lowQuality: false })) },
  ];
  for (const orientations of ['all', 'none'] as const) {
    expect(await batch(orientations).checkItems(items)).toMatchObject(items.map(() => expected));
    const raw = await batch(orientations).checkValues('pdq', hash256);
    expect(raw.get(0)?.verdict ?? 'no_match').toBe(verdict);
  }
  expect(JSON.parse(await post('application/json', JSON.stringify({ items })))).toMatchObject({
    results: items.map(() => expected),
  });
  const lines = await post('application/x-ndjson', items.map((one) => JSON.stringify(one)).join('\n'));
  expect(
    lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject(items.map(() => expected));
  const raw = await post('application/octet-stream', Buffer.from(hash256), '?algorithm=pdq');
  expect(JSON.parse(raw)).toMatchObject({
    checked: 1,
    matched: accepts ? 1 : 0,
    lowQuality: 1,
    results: accepts ? [{ index: 0, ...expected }] : [],
  });
});

test('the image, and another of its template: no_match that says why, and a match where the list asks', async () => {
  const check = async (bytes: Buffer) =>
    (
      await fetch(`${running.url}/v1/check`, {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: new Uint8Array(bytes),
      })
    ).json();
  const other = await slide(3);
  for (const [accepts, verdict] of [
    [false, 'no_match'],
    [true, 'match'],
  ] as const) {
    await matchLowQuality(accepts);
    for (const bytes of [image, other])
      expect(await check(bytes)).toMatchObject({ verdict, lowQuality: true, oneDimensional: true });
  }
});

test('its digest matches all the same', async () => {
  await matchLowQuality(false);
  const [answer] = await batch('none').checkItems([{ pdq: entry, sha256: 'b'.repeat(64) }]);
  expect(answer).toMatchObject({ verdict: 'no_match' });
  await bring('digests', [['sha256', 'b'.repeat(64)]]);
  const [found] = await batch('none').checkItems([{ pdq: entry, sha256: 'b'.repeat(64) }]);
  expect(found).toMatchObject({
    verdict: 'match',
    lowQuality: true,
    matches: [{ matchType: 'exact', list: 'digests' }],
  });
});
