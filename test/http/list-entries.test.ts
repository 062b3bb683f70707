/** Pages of a list's entries over HTTP: each id once, none that may be a value, and cursors that reveal none. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { ENTRIES_PER_PAGE_MAX } from '../../src/http/routes/list-entries.js';
import { importList } from '../../src/lists/import/import-list.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
const md5 = (at: number) => `ab${at.toString(16).padStart(30, '0')}`;
const ids = Array.from({ length: 130 }, (_, at) => `case-${String(at).padStart(3, '0')}`);

async function bring(list: string, rows: readonly string[]): Promise<void> {
  const path = join(tempFolder('entries'), `${list}.csv`);
  writeFileSync(path, ['entryId,algorithm,value', ...rows].join('\n'));
  const request = { paths: [path], list, format: 'csv' as const, kind: 'match' as const, radiusBits: 31 };
  await importList(running.service.store, { ...request, approved: true });
  await running.service.reload();
}

interface Page {
  readonly entries: readonly { readonly entryId: string | null }[];
  readonly cursor: string | null;
}
async function page(query = '', list = 'police'): Promise<{ status: number; json: Page; text: string }> {
  const response = await fetch(`${running.url}/v1/lists/${list}/entries${query}`);
  const text = await response.text();
  return { status: response.status, json: JSON.parse(text), text };
}
async function all(list: string, limit: number) {
  const entries: Page['entries'][number][] = [];
  let texts = '';
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { json, text } = await page(`?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`, list);
    entries.push(...json.entries);
    texts += text + Buffer.from(json.cursor ?? '', 'base64url').toString('latin1');
    cursor = json.cursor;
  }
  return { entries, texts };
}

beforeAll(async () => {
  running = await startService();
  await bring('police', [
    ...ids.map((id, at) => `${id},md5,${md5(at)}`),
    `case-000,sha1,${md5(500)}00000000`,
    // Before and behind the others; the import itself replaces an id that is the value of its own row.
    `a-${md5(900)},md5,${md5(901)}`,
    `${md5(901)},md5,${md5(902)}`,
    `z-${md5(902)},md5,${md5(900)}`,
  ]);
  await bring('other', [`one,md5,${md5(1)}`, `two,md5,${md5(2)}`]);
});
afterAll(() => running.stop());

test.each([1, 7, 65, 133, 134, 200])('pages of %i have each entry once, without values', async (limit) => {
  const { entries, texts } = await all('police', limit);
  expect(entries.map(({ entryId }) => entryId)).toEqual([null, null, ...ids, null]);
  for (const at of [0, 500, 900, 901, 902]) expect(texts).not.toContain(md5(at));
});

test('a page has fifty, their kinds and their marks', async () => {
  const { lists } = running.service.store;
  await lists.changeEntries('police', { entryId: 'case-001' }, 'disable');
  await lists.changeEntries('police', { entryId: 'case-002' }, 'quarantine');
  await lists.changeEntries('police', { entryId: 'case-003' }, 'flood');
  const { json } = await page();
  expect(json.entries).toHaveLength(50);
  const none = { algorithms: ['md5'], enabled: true, quarantined: false, flooded: false };
  expect(json.entries.slice(2, 7)).toEqual([
    { ...none, entryId: 'case-000', algorithms: ['md5', 'sha1'] },
    { ...none, entryId: 'case-001', enabled: false },
    { ...none, entryId: 'case-002', quarantined: true },
    { ...none, entryId: 'case-003', flooded: true },
    { ...none, entryId: 'case-004' },
  ]);
});

test('a cursor is of its list, and whole', async () => {
  const { cursor } = (await page('?limit=1', 'other')).json;
  expect((await page(`?cursor=${cursor}`, 'other')).json).toMatchObject({
    entries: [{ entryId: 'two' }],
    cursor: null,
  });
  const flipped = `${cursor!.slice(0, -3)}${cursor!.at(-3) === 'A' ? 'B' : 'A'}${cursor!.slice(-2)}`;
  const made = Buffer.from(JSON.stringify(['police', 'case-100'])).toString('base64url');
  for (const [query, list] of [
    [cursor, 'police'],
    [flipped, 'other'],
    [made, 'police'],
    ['x', 'police'],
  ] as const)
    expect((await page(`?cursor=${query}`, list)).json, String(query)).toMatchObject({
      code: 'REQUEST_INVALID',
      details: { field: 'cursor' },
    });
});

test.each([
  ['?limit=0', 'REQUEST_INVALID'],
  [`?limit=${ENTRIES_PER_PAGE_MAX + 1}`, 'REQUEST_INVALID'],
  [`?limit=${ENTRIES_PER_PAGE_MAX}`, undefined],
  ['?after=case-001', 'REQUEST_INVALID'],
])('%s: %s', async (query, code) => expect((await page(query)).json).toMatchObject(code ? { code } : { cursor: null }));

test('of a list that is not there', async () =>
  expect((await page('', 'none')).json).toMatchObject({ code: 'LIST_NOT_FOUND' }));
