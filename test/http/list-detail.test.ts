/** How far an image is searched for edited copies: each list says it for its entries, and a request for all of them. */
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DETAILS, type Detail } from '../../src/core/window.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const PICTURE = join(PICTURES, 'mate-twowings.jpg');
const WIDTH = 900;
const LISTS = ['listed-a', 'listed-b'] as const;
const JSON_TYPE = { 'content-type': 'application/json' };

let running: Running;
let hash = '';
let cropped: Buffer;
let bordered: Buffer;
beforeAll(async () => {
  running = await startService({ workers: '1' });
  await running.service.store.lists.removeList('sample');
  const whole = await sharp(PICTURE).resize(WIDTH).png().toBuffer();
  const { height } = await sharp(whole).metadata();
  const cut = 0.12 * WIDTH;
  const left = { left: cut, top: 0, width: WIDTH - cut, height };
  cropped = await sharp(whole).extract(left).png().toBuffer();
  const edge = { top: 135, bottom: 135, left: 135, right: 135, background: '#808080' };
  bordered = await sharp(whole).extend(edge).png().toBuffer();
  const hashed = await post('/v1/hash', whole);
  hash = (hashed as { pdq: { hash: string } }).pdq.hash;
  for (const list of LISTS) {
    await send('POST', '/v1/lists', { list });
    await add(list);
  }
});
afterAll(() => running.stop());
beforeEach(async () => {
  for (const list of LISTS) await set(list, 'plain');
});

async function post(path: string, image: Buffer): Promise<unknown> {
  const headers = { 'content-type': 'image/png' };
  const response = await fetch(running.url + path, { method: 'POST', headers, body: new Uint8Array(image) });
  expect(response.status).toBe(200);
  return response.json();
}

/** Add the picture to a list. */
async function add(list: string): Promise<void> {
  const response = await fetch(`${running.url}/v1/lists/${list}/entries?format=json`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: JSON.stringify([{ entryId: 'e', pdq: hash }]),
  });
  expect(response.status).toBe(200);
}

async function send(method: string, path: string, body: object): Promise<{ status: number; json: object }> {
  const response = await fetch(running.url + path, { method, headers: JSON_TYPE, body: JSON.stringify(body) });
  return { status: response.status, json: (await response.json()) as object };
}

const set = (list: string, detail: Detail) => send('PATCH', `/v1/lists/${list}`, { detail });

interface Answer {
  readonly verdict: string;
  readonly matches: readonly { readonly list: string; readonly window: { readonly kind: string } | null }[];
}

/** The lists that matched, with the kinds of their windows. */
async function found(image: Buffer, query = ''): Promise<string[]> {
  const { matches } = (await post(`/v1/check${query}`, image)) as Answer;
  return matches.map(({ list, window }) => `${list} ${window?.kind ?? 'whole'}`).sort();
}

test('lists are plain, and an edited copy of their entry is none for them', async () => {
  expect(await found(cropped)).toEqual([]);
  expect(await found(bordered)).toEqual([]);
});

test('of two lists with one entry, the one that looks deep matches a cropped copy, in one answer and alone', async () => {
  expect(await set('listed-a', 'deep')).toMatchObject({ status: 200, json: { detail: 'deep' } });
  expect(await found(cropped)).toEqual(['listed-a crop']);
  expect(await found(cropped, '?lists=listed-a,listed-b')).toEqual(['listed-a crop']);
  expect(await found(cropped, '?lists=listed-b')).toEqual([]);
  // The image is known by now: its decision is not that of another setting.
  await set('listed-b', 'deep');
  expect(await found(cropped)).toEqual(['listed-a crop', 'listed-b crop']);
  await set('listed-a', 'plain');
  expect(await found(cropped)).toEqual(['listed-b crop']);
});

test('a list that looks at what is found matches a border, and no crop, whatever another list looks at', async () => {
  await set('listed-a', 'standard');
  expect(await found(bordered)).toEqual(['listed-a border']);
  expect(await found(cropped)).toEqual([]);
  await set('listed-b', 'deep');
  expect(await found(cropped)).toEqual(['listed-b crop']);
  expect(await found(bordered)).toEqual(['listed-a border', 'listed-b border']);
});

describe.each(DETAILS)('on lists of detail %s', (detail) => {
  beforeEach(async () => {
    for (const list of LISTS) await set(list, detail);
  });
  test.each(DETAILS)('a request for %s gets that of all lists', async (requested) => {
    const both = (kind: string) => LISTS.map((list) => `${list} ${kind}`);
    expect(await found(cropped, `?detail=${requested}`)).toEqual(requested === 'deep' ? both('crop') : []);
    expect(await found(bordered, `?detail=${requested}`)).toEqual(requested === 'plain' ? [] : both('border'));
    expect(await found(cropped), 'the next one does not get it').toEqual(detail === 'deep' ? both('crop') : []);
  });
});

test('what a request asked for is not the answer to the next one, though both read the image alike', async () => {
  await set('listed-a', 'deep');
  expect(await found(cropped)).toEqual(['listed-a crop']);
  expect(await found(cropped, '?detail=deep')).toEqual(['listed-a crop', 'listed-b crop']);
  expect(await found(cropped)).toEqual(['listed-a crop']);
});

test('a suppression list asks for no windows, and suppresses those that it looks at', async () => {
  await send('POST', '/v1/lists', { list: 'good', kind: 'suppression', detail: 'deep' });
  await add('good');
  const verdict = async () => ((await post('/v1/check', cropped)) as Answer).verdict;
  expect(await verdict()).toBe('no_match');
  await set('listed-a', 'deep');
  expect(await verdict()).toBe('suppressed');
  expect(await found(cropped)).toEqual(['good crop', 'listed-a crop']);
  await set('good', 'standard');
  expect(await verdict()).toBe('match');
  expect(await found(cropped)).toEqual(['listed-a crop']);
  await running.service.store.lists.removeList('good');
  await running.service.reload();
});

test('a disabled list asks for nothing', async () => {
  await set('listed-a', 'deep');
  await send('PATCH', '/v1/lists/listed-a', { enabled: false });
  expect(await found(cropped)).toEqual([]);
  await send('PATCH', '/v1/lists/listed-a', { enabled: true });
  expect(await found(cropped)).toEqual(['listed-a crop']);
});

test('another word is refused', async () => {
  expect(await send('PATCH', '/v1/lists/listed-a', { detail: 'all' })).toMatchObject({ status: 400 });
  expect(await send('POST', '/v1/lists', { list: 'c', detail: '' })).toMatchObject({ status: 400 });
});

test('a new list has the detail of the configuration, or its own', async () => {
  const other = await startService({ workers: '1', detail: 'standard' });
  const ask = async (path: string, body: object) => {
    const response = await fetch(other.url + path, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) });
    expect(response.ok).toBe(true);
  };
  await ask('/v1/lists', { list: 'made' });
  await ask('/v1/lists', { list: 'own', detail: 'deep' });
  await ask('/v1/lists/imported/entries?format=json', [{ entryId: 'e', md5: '0123456789abcdef0123456789abcdef' }]);
  await expect.poll(() => other.service.store.lists.list('imported')).not.toBeNull();
  const lists = await other.service.store.lists.lists();
  expect(Object.fromEntries(lists.map(({ list, detail }) => [list, detail]))).toEqual({
    made: 'standard',
    own: 'deep',
    imported: 'standard',
    sample: 'plain',
  });
  await other.stop();
});
