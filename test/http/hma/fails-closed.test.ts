/** What must not be taken for a look-up without a match, or for a refusal of something else. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSecrets } from '../../../src/lists/import/source-secrets.js';
import { type Running, startService } from '../../support/running.js';
import { type Answer, call, formOf, photoOf } from './hma-client.js';

const PHOTO = await photoOf(31);
const EDITED = await photoOf(32);
const FILM = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypmp42\0\0\0\0isommp42'), Buffer.alloc(64, 7)]);

let running: Running;
let hma: string;
beforeAll(async () => {
  running = await startService({ hma: 'on' });
  hma = `${running.url}/hma`;
  for (const name of ['PHOTOS', 'FILMS']) await post('/c/banks', { name });
  await call(hma, 'POST', '/c/bank/PHOTOS/content', { form: formOf({ photo: PHOTO }) });
  await post('/c/bank/FILMS/signal', { video_md5: '5a'.repeat(16) });
});
afterAll(() => running.stop());

const get = (path: string) => call(hma, 'GET', path);
const post = (path: string, json: unknown) => call(hma, 'POST', path, { json });
const lookUp = (parts: Parameters<typeof formOf>[0], query = '') =>
  call(hma, 'POST', `/m/lookup${query}`, { form: formOf(parts) });
const nameOf = async (bank: string) => (await running.service.lists()).find((list) => list.bank === bank)!.list;
const change = (list: string, json: unknown) => call(running.url, 'PATCH', `/v1/lists/${list}`, { json });
const statusOf = ({ status, type }: Answer) => `${status} ${type}`;

describe('a value that unrelated files share', () => {
  test.each([
    ['pdq', '0'.repeat(64)],
    ['pdq', 'f'.repeat(64)],
    ['pdq', 'f0'.repeat(32)],
    ['video_md5', 'd41d8cd98f00b204e9800998ecf8427e'],
  ])('%s %s is no look-up without a match', async (type, signal) => {
    for (const route of ['lookup', 'raw_lookup'])
      expect(await get(`/m/${route}?signal_type=${type}&signal=${signal}`)).toMatchObject({
        status: 400,
        json: { message: expect.stringMatching(/unrelated files/) },
      });
  });
});

describe('a photo where no PDQ hash is searched', () => {
  const photo = () => lookUp({ photo: EDITED });
  test('is 503 where the only bank of such hashes is disabled, or never counts, though another has digests', async () => {
    const list = await nameOf('PHOTOS');
    expect(statusOf(await photo())).toBe('200 application/json');
    const size = async () => (await get('/m/index/status?signal_type=pdq')).json.pdq.size;
    const before = await size();
    for (const [off, on] of [
      [{ enabled: false }, { enabled: true }],
      [{ sampleRatio: 0 }, { sampleRatio: 1 }],
    ]) {
      await running.service.store.lists.updateList('sample', { enabled: false });
      await change(list, off);
      expect(statusOf(await photo()), JSON.stringify(off)).toBe('503 text/plain');
      expect(statusOf(await lookUp({ photo: EDITED }, '?banks=PHOTOS'))).toBe('503 text/plain');
      expect(await size()).toBe(0);
      await running.service.store.lists.updateList('sample', { enabled: true });
      await change(list, on);
      expect(statusOf(await photo())).toBe('200 application/json');
      expect(await size()).toBe(before);
    }
  });

  test('a client that switches its bank off by its ratio is answered as by a disabled list', async () => {
    await call(hma, 'PUT', '/c/bank/FILMS', { json: { enabled: false } });
    const of = () => get(`/m/lookup?banks=FILMS&signal_type=video_md5&signal=${'5a'.repeat(16)}`);
    expect(statusOf(await of())).toBe('503 text/plain');
    await call(hma, 'PUT', '/c/bank/FILMS', { json: { enabled: true } });
    expect((await of()).json).toHaveProperty('FILMS');
  });
});

describe('a video', () => {
  test('is looked up by all of its digests', async () => {
    const sha256 = createHash('sha256').update(FILM).digest('hex');
    const list = await nameOf('FILMS');
    const { contentId } = (
      await call(running.url, 'POST', `/v1/lists/${list}/contents`, { json: { sha256, mediaType: 'video' } })
    ).json;
    expect((await lookUp({ video: FILM })).json).toEqual({
      video_md5: { FILMS: [{ bank_content_id: contentId, distance: '-' }] },
    });
  });

  test('of no bytes, or of a text in place of them, is refused', async () => {
    expect((await lookUp({ video: Buffer.alloc(0) })).status).toBe(400);
    expect((await call(hma, 'POST', '/h/hash', { form: formOf({ video: Buffer.alloc(0) }) })).status).toBe(400);
    const body = `--b\r\ncontent-disposition: form-data; name="video"; filename="x"\r\ncontent-transfer-encoding: base64\r\n\r\n${FILM.toString('base64')}\r\n--b--\r\n`;
    const sent = await fetch(`${hma}/m/lookup`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body,
    });
    expect(sent.status).toBe(400);
  });
});

describe('where the calls are not', () => {
  test.each([
    ['off', {}, ['/hma', '/hma/zeef_some-key', '/old']],
    ['at another prefix', { hma: 'on', hmaPrefix: '/x' }, ['/hma', '/X', '/x/y/z']],
  ])('%s: no 404, and look-ups are answered in text', async (_where, knobs, places) => {
    const other = await startService(knobs);
    try {
      for (const place of places) {
        const of = (method: string, path: string) => call(other.url + place, method, path);
        expect(statusOf(await of('GET', '/m/lookup?signal=a')), place).toBe('503 text/plain');
        expect(statusOf(await of('POST', '/m/lookup')), place).toBe('503 text/plain');
        expect(statusOf(await of('GET', '/c/bank/A')), place).toBe('503 application/json');
      }
      expect((await call(other.url, 'GET', '/c/other')).status).toBe(404);
    } finally {
      await other.stop();
    }
  });
});

describe('numbers', () => {
  test.each(['0', '00', '4294967296', '9999999999', '99999999999', '-1', '1e1'])(
    'content %s is none',
    async (number) => {
      expect((await get(`/c/bank/PHOTOS/content/${number}`)).status).toBe(404);
      expect((await call(hma, 'DELETE', `/c/bank/PHOTOS/content/${number}`)).json).toEqual({ deleted: 0 });
    },
  );

  test.each([
    // Two of such numbers are one.
    [2 ** 53, 400],
    [2 ** 60, 400],
    ['12345678901234567890', 201],
    [123_456, 201],
  ])('a privacy group %s is %i', async (group, status) => {
    const made = await post('/c/exchanges', {
      bank: `TX_${String(group).slice(0, 4)}_${typeof group === 'string' ? 'T' : 'N'}${status}`,
      api: 'fb_threatexchange',
      api_json: { privacy_group: group },
      credential_json: { api_token: 'not-a-real-one' },
    });
    expect(made.status).toBe(status);
  });

  test('metadata as text nests no deeper than as an object', async () => {
    const deep = `{"json":${'['.repeat(8_000)}${']'.repeat(8_000)}}`;
    const sent = await post('/c/bank/FILMS/signal', { video_md5: '5b'.repeat(16), metadata: deep });
    expect(sent.status).toBe(400);
  });
});

test('credentials that are changed or cleared for all exchanges are those of each that has none of its own', async () => {
  const { lists, vault } = running.service.store;
  const api = (credentials: object) => post('/c/exchanges/api/ncmec', { credential_json: credentials });
  await api({ user: 'u', password: 'old' });
  await post('/c/exchanges', { bank: 'FOLLOWS', api: 'ncmec', api_json: {} });
  await post('/c/exchanges', {
    bank: 'HAS_OWN',
    api: 'ncmec',
    api_json: {},
    credential_json: { user: 'own', password: 'mine' },
  });
  const held = async (bank: string) => {
    const list = await nameOf(bank);
    const source = (await lists.source(list))!;
    return [source.user, readSecrets(list, source, { env: {}, vault }).password];
  };
  expect([await held('FOLLOWS'), await held('HAS_OWN')]).toEqual([
    ['u', 'old'],
    ['own', 'mine'],
  ]);
  await api({ user: 'u', password: 'new' });
  expect([await held('FOLLOWS'), await held('HAS_OWN')]).toEqual([
    ['u', 'new'],
    ['own', 'mine'],
  ]);
  await api({});
  expect([await held('FOLLOWS'), await held('HAS_OWN')]).toEqual([
    [null, undefined],
    ['own', 'mine'],
  ]);
});

test('a key by Basic, which a browser adds by itself, is taken from no page of another origin', async () => {
  const { key } = await running.service.store.keys.createKey({
    tenant: 't',
    scopes: ['check', 'check:hashes', 'details', 'curate'],
    expiresAt: null,
    name: null,
  });
  const basic = `Basic ${Buffer.from(`u:${key}`).toString('base64')}`;
  const ask = (headers: Record<string, string>) =>
    call(hma, 'GET', '/c/banks', { headers }).then(({ status }) => status);
  // Until then the service is one without keys, which takes no request of a page at all.
  await expect.poll(() => ask({}), { timeout: 5_000 }).toBe(401);
  expect(await ask({ authorization: basic })).toBe(200);
  expect(await ask({ authorization: basic, origin: 'https://evil.example' })).toBe(403);
  expect(await ask({ authorization: basic, 'sec-fetch-site': 'cross-site' })).toBe(403);
  expect(await ask({ authorization: basic, origin: running.url, 'sec-fetch-site': 'same-origin' })).toBe(200);
  expect(await ask({ authorization: `Bearer ${key}`, origin: 'https://evil.example' })).toBe(200);
});
