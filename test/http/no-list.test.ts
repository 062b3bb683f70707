/** Where nothing was searched, no form of a check is answered `no_match`, whatever the reason that no list is in force. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { queryBatchOf } from '../../src/check/file-queries.js';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { type Algorithm, VALUE_BYTES } from '../../src/core/vocabulary.js';
import type { ListChange } from '../../src/store/lists-contract.js';
import { run } from '../support/processes.js';
import { PHOTOGRAPHS, type Running, startService } from '../support/running.js';

const IMAGE = readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg'));
const ITEMS = [
  { pdq: '0f3c'.repeat(16) },
  { md5: 'ab'.repeat(16), pdq: '0f3c'.repeat(16) },
  { pdq: '0f3c'.repeat(16), quality: 20 },
  { hashes: [{ algorithm: 'pdq', value: '35'.repeat(32) }] },
];
const RAW = Buffer.alloc(3 * 32, 0x35);

let running: Running;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());
const lists = () => running.service.store.lists;

interface Answer {
  readonly verdict: string;
  readonly reason?: string | null;
}
interface Batch {
  readonly results: readonly Answer[];
  readonly checked: number;
  readonly notChecked?: number;
  readonly reason?: string;
}

async function post<T>(path: string, type: string, body: BodyInit): Promise<T> {
  const headers = { 'content-type': type };
  return (await (await fetch(`${running.url}${path}`, { method: 'POST', headers, body })).json()) as T;
}

/** Return `verdict reason` of every form of a check. `queried`: null for all lists. */
async function everyForm(queried: string | null): Promise<string[]> {
  const query = queried === null ? '' : `lists=${queried}`;
  const image = await post<Answer>(`/v1/check?${query}`, 'image/jpeg', IMAGE);
  const form = new FormData();
  form.append('one', new Blob([IMAGE]), 'a.jpg');
  const uploaded = await fetch(`${running.url}/v1/check?${query}`, { method: 'POST', body: form });
  const files = (await uploaded.json()) as Batch;
  const body = JSON.stringify({ items: ITEMS, ...(queried === null ? {} : { lists: [queried] }) });
  const json = await post<Batch>('/v1/check/hashes', 'application/json', body);
  const lines = await fetch(`${running.url}/v1/check/hashes?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: ITEMS.map((item) => `${JSON.stringify(item)}\n`).join(''),
  });
  const streamed = (await lines.text()).trim().split('\n');
  const raw = await post<Batch>(`/v1/check/hashes?algorithm=pdq&${query}`, 'application/octet-stream', RAW);
  expect([files.results.length, json.results.length, streamed.length]).toEqual([1, ITEMS.length, ITEMS.length]);
  // Raw values are answered where they match; all others have one answer.
  const others =
    raw.notChecked === raw.checked ? { verdict: 'not_checked', reason: raw.reason! } : { verdict: 'no_match' };
  const answers = [
    image,
    ...files.results,
    ...json.results,
    ...streamed.map((line) => JSON.parse(line) as Answer),
    others,
  ];
  return [...new Set(answers.map(({ verdict, reason }) => (reason ? `${verdict} ${reason}` : verdict)))];
}

async function readiness() {
  const response = await fetch(`${running.url}/readyz`);
  const { notReady } = (await response.json()) as { notReady: string[] };
  return [response.status, ...notReady];
}

interface Made {
  readonly kind?: 'match' | 'suppression';
  readonly algorithms?: readonly Algorithm[];
  readonly updatedAt?: string;
  readonly change?: ListChange;
  readonly disables?: boolean;
}

async function* rowsOf(algorithms: readonly Algorithm[], updatedAt: string | null): AsyncGenerator<ParsedRow> {
  for (const [at, algorithm] of algorithms.entries()) {
    const value = 'c9'.repeat(VALUE_BYTES[algorithm]);
    const nothing = { category: null, severity: null, source: null, mediaType: null, tags: [], notes: {} };
    yield {
      ok: true,
      line: at + 1,
      entry: { entryId: 'one', algorithm, value, status: 'active', updatedAt, ...nothing },
    };
  }
}

/** Make a list `x` the only one; without anything, there is none. */
async function only(made: Made | null): Promise<void> {
  for (const { list } of await lists().lists()) await lists().removeList(list);
  if (made !== null) {
    const { kind = 'match', algorithms = ['pdq', 'md5'], updatedAt = null, change, disables = false } = made;
    await lists().createList({ list: 'x', kind, radiusBits: 31 });
    await lists().replaceEntries('x', rowsOf(algorithms, updatedAt));
    if (change) await lists().updateList('x', change);
    if (disables) await lists().changeEntries('x', { entryId: 'one' }, 'disable');
  }
  await running.service.reload();
}

const LONG_AGO = '2020-01-01T00:00:00Z';
describe('nothing is in force', () => {
  test.each<[string, Made | null]>([
    ['no list', null],
    ['an empty list', { algorithms: [] }],
    ['a disabled list', { change: { enabled: false } }],
    ['an expired list', { change: { expiresAt: LONG_AGO } }],
    ['a list whose entries are disabled', { disables: true }],
    ['a list whose entries have expired', { updatedAt: LONG_AGO, change: { entryDaysMax: 30 } }],
    ['a suppression list alone', { kind: 'suppression' }],
    ['PhotoDNA without its radius', { algorithms: ['photodna'] }],
  ])('%s', async (_says, made) => {
    await only(made);
    expect(await everyForm(null)).toEqual(['not_checked no_list']);
    expect(await readiness()).toEqual([503, 'no_list']);
  });

  test('a suppression list, also where it is named', async () => {
    await only({ kind: 'suppression' });
    expect(await everyForm('x')).toEqual(['not_checked no_list']);
  });

  test('it is counted as not checked, with its reason', async () => {
    await only(null);
    const read = async () => {
      const stats = (await (await fetch(`${running.url}/v1/stats`)).json()) as {
        checked: number;
        notChecked: number;
        byReason: Record<string, number>;
      };
      return [stats.checked, stats.notChecked, stats.byReason.no_list ?? 0];
    };
    const before = await read();
    await everyForm(null);
    const count = 2 + 2 * ITEMS.length + RAW.length / 32;
    expect((await read()).map((now, at) => now - before[at]!)).toEqual([count, count, count]);
  });

  test('a list of other algorithms: only what it could match is searched', async () => {
    await only({ algorithms: ['md5'] });
    const { results } = await post<Batch>(
      '/v1/check/hashes',
      'application/json',
      JSON.stringify({ items: [{ pdq: ITEMS[0]!.pdq }, { md5: 'ab'.repeat(16) }, ITEMS[1]] }),
    );
    expect(results.map(({ verdict }) => verdict)).toEqual(['not_checked', 'no_match', 'no_match']);
    expect(await readiness()).toEqual([200]);
  });
});

describe('an image without detail', () => {
  const flatPng = () =>
    sharp({ create: { width: 64, height: 64, channels: 3, background: '#808080' } })
      .png()
      .toBuffer();
  const checkFlat = async () => post<Answer>('/v1/check', 'image/png', new Uint8Array(await flatPng()));

  test.each([['pdq'], ['blockhash'], ['sha256']] as const)(
    'is no_match and lowQuality, where %s is in force',
    async (algorithm) => {
      await only({ algorithms: [algorithm] });
      expect(await checkFlat()).toMatchObject({ verdict: 'no_match', reason: null, lowQuality: true });
      const { snapshot, match } = await running.service.openFiles({ lists: null, tenant: 'local' });
      const query = { digests: { sha256: 'ab'.repeat(32) }, hashes: [] };
      const options = { requestedRadiusBits: null };
      expect(await match(queryBatchOf([query]), options, snapshot)).toMatchObject([{ verdict: 'no_match' }]);
    },
  );

  test('is not checked where no list is in force', async () => {
    await only(null);
    expect(await checkFlat()).toMatchObject({ verdict: 'not_checked', reason: 'no_list', lowQuality: true });
  });
});

describe('something is in force', () => {
  test.each<[string, Made, string | null]>([
    ['a list', {}, null],
    [
      'a list whose entries have not expired',
      { updatedAt: new Date().toISOString(), change: { entryDaysMax: 30 } },
      null,
    ],
    ['a list whose entries have no date', { change: { entryDaysMax: 30 } }, null],
  ])('%s', async (_says, made, queried) => {
    await only(made);
    expect(await everyForm(queried)).toEqual(['no_match']);
  });

  test('the answer follows the list within one reload', async () => {
    await only({});
    expect(await everyForm(null)).toEqual(['no_match']);
    await lists().updateList('x', { enabled: false });
    await running.service.reload();
    expect(await everyForm(null)).toEqual(['not_checked no_list']);
    await lists().updateList('x', { enabled: true });
    await running.service.reload();
    expect([await everyForm(null), await readiness()]).toEqual([['no_match'], [200]]);
  });
});

test('with the knob off, a service without a list is ready', async () => {
  const other = await startService({ readyNeedsList: 'off' });
  await other.service.store.lists.removeList('sample');
  await other.service.reload();
  const response = await fetch(`${other.url}/readyz`);
  expect([response.status, await response.json()]).toMatchObject([200, { ready: true, listsInForce: 0 }]);
  await other.stop();
});

describe('on the command line', () => {
  const env = { ZEEF_DATA_DIR: tempFolder('no-list') };
  const empty = tempFolder('no-files');
  const NO_LIST = 'zeef: no list is in force';
  test.each<[string, string[], string]>([
    ['check', ['check', join(PHOTOGRAPHS, 'mate-dune.jpg')], 'not_checked'],
    ['scan', ['scan', PHOTOGRAPHS], '"reason":"no_list"'],
    ['scan of an empty folder', ['scan', empty], '"type":"summary"'],
  ])('%s: exit code 2, and one line says why', async (_says, args, expected) => {
    const { code, output } = await run(env, ...args);
    const text = output.toString();
    expect(code).toBe(2);
    expect(text.split(NO_LIST)).toHaveLength(2);
    expect(text).toContain(expected);
    expect(text).not.toContain('"type":"match"');
  });
});
