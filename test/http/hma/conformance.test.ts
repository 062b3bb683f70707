/** The interface of HMA, call by call, at a real `zeef serve`: bodies, types and statuses that its clients rely on. */
import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../../bench/temp-folder.js';
import { type Serving, serve } from '../../support/processes.js';
import { type Answer, call, flipped, formOf, photoOf } from './hma-client.js';

const PHOTO = await photoOf(1);
const OTHER_PHOTO = await photoOf(2);

let serving: Serving;
let base: string;
let hash: string;
let flat: Buffer;

const get = (path: string) => call(base, 'GET', path);
const post = (path: string, json?: unknown) => call(base, 'POST', path, json === undefined ? {} : { json });
const put = (path: string, json: unknown) => call(base, 'PUT', path, { json });
const remove = (path: string) => call(base, 'DELETE', path);
const send = (path: string, parts: Parameters<typeof formOf>[0]) => call(base, 'POST', path, { form: formOf(parts) });

const JSON_TYPE = 'application/json';
const answered = ({ status, type, json }: Answer) => [status, type, json];
const refusal = ({ status, type, json }: Answer) => [status, type, typeof json?.message];
const look = (signal: string, more = '') => get(`/m/lookup?signal_type=pdq&signal=${signal}${more}`);
const raw = (signal: string, more = '') => get(`/m/raw_lookup?signal_type=pdq&signal=${signal}${more}`);
const md5Of = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');

beforeAll(async () => {
  serving = await serve({ ZEEF_DATA_DIR: tempFolder('hma'), ZEEF_HMA: 'on', ZEEF_HMA_PREFIX: '/hma' });
  base = `${serving.url}/hma`;
  flat = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#777' } })
    .png()
    .toBuffer();
  hash = (await send('/h/hash', { photo: PHOTO })).json.pdq;
}, 60_000);
afterAll(() => serving.end('SIGTERM'));

describe('/status, /site-map and the document', () => {
  test.each([['/status'], ['/status/live']])('GET %s is the bare words, as text/html', async (path) => {
    expect(await get(path)).toMatchObject({ status: 200, type: 'text/html', text: 'I-AM-ALIVE' });
  });
  test('GET /site-map is a sorted array of paths', async () => {
    const { status, json } = await get('/site-map');
    expect([status, [...json].sort()]).toEqual([200, json]);
    for (const path of ['/h/hash', '/m/lookup', '/m/raw_lookup', '/c/banks', '/c/exchanges', '/status'])
      expect(json).toContain(path);
  });
  test('GET / leads to the status, and the document has the title that clients look for', async () => {
    expect((await call(`${serving.url}/hma`, 'GET', '/')).status).toBe(302);
    expect((await get('/openapi/openapi.json')).json).toMatchObject({ info: { title: 'Open Media Match API' } });
  });
  test.each([
    [
      '/c/signal_type',
      [
        { enabled_ratio: 1, name: 'pdq' },
        { enabled_ratio: 1, name: 'video_md5' },
      ],
    ],
    [
      '/c/content_type',
      [
        { enabled: true, name: 'photo' },
        { enabled: true, name: 'video' },
      ],
    ],
  ])('GET %s', async (path, expected) => {
    expect(answered(await get(path))).toEqual([200, JSON_TYPE, expected]);
  });
  test('a ratio is written as a fraction: types of clients refuse an integer', async () => {
    expect((await get('/c/signal_type')).text).toContain('"enabled_ratio":1.0');
  });
  test('what is no call is 404 with a message', async () => {
    for (const path of ['/c/nothing', '/x/y/z']) expect(refusal(await get(path))).toEqual([404, JSON_TYPE, 'string']);
  });
});

describe('/h/hash', () => {
  test('a photo has its PDQ hash in small letters, and a video its MD5', async () => {
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(answered(await send('/h/hash', { video: PHOTO }))).toEqual([200, JSON_TYPE, { video_md5: md5Of(PHOTO) }]);
  });
  test('fields of text beside the file are ignored', async () => {
    expect((await send('/h/hash', { content_type: 'photo', photo: PHOTO, banks: 'A' })).json).toEqual({ pdq: hash });
  });
  test.each<[string, string, object]>([
    ['pdq', '?types=pdq', { pdq: '' }],
    ['nothing', '?types=', {}],
  ])('types=%s', async (_, query, shape) => {
    expect(Object.keys((await send(`/h/hash${query}`, { photo: PHOTO })).json)).toEqual(Object.keys(shape));
  });
  test('an image without detail has an empty hash', async () => {
    expect(answered(await send('/h/hash', { photo: flat }))).toEqual([200, JSON_TYPE, { pdq: '' }]);
  });
  test.each<[string, () => Promise<Answer>, number]>([
    ['no file', () => send('/h/hash', { content_type: 'photo' }), 400],
    ['two files', () => send('/h/hash', { photo: PHOTO, video: PHOTO }), 400],
    ['an unknown field', () => send('/h/hash', { picture: PHOTO }), 400],
    ['no form', () => post('/h/hash', {}), 400],
    ['no body', () => post('/h/hash'), 400],
    ['another signal', () => send('/h/hash?types=video_md5', { photo: PHOTO }), 400],
    ['a file that is no image', () => send('/h/hash', { photo: Buffer.from('no image at all') }), 400],
    ['no address', () => get('/h/hash'), 422],
    ['an address where none is allowed', () => get('/h/hash?url=http://169.254.169.254/'), 400],
    ['a file by its scheme', () => get('/h/hash?url=file:///etc/passwd'), 400],
  ])('%s is refused with a message', async (_, ask, status) => {
    expect(refusal(await ask())).toEqual([status, JSON_TYPE, 'string']);
  });
});

describe('/c/banks', () => {
  test('is made with 201, its ratio as a fraction, and listed', async () => {
    const made = await post('/c/banks', { name: 'FIRST_BANK' });
    expect([made.status, made.text]).toEqual([201, '{"matching_enabled_ratio":1.0,"name":"FIRST_BANK"}']);
    expect((await get('/c/banks')).text).toBe('[{"matching_enabled_ratio":1.0,"name":"FIRST_BANK"}]');
    expect((await get('/c/bank/FIRST_BANK')).text).toBe('{"matching_enabled_ratio":1.0,"name":"FIRST_BANK"}');
  });
  test.each<[string, object, number]>([
    ['a ratio as text', { enabled_ratio: '0.5' }, 0.5],
    ['a ratio as a number', { enabled_ratio: 0.25 }, 0.25],
    ['enabled as text, which has no effect, and an unknown field', { enabled: 'true', matching_enabled_ratio: 0.1 }, 1],
    ['enabled as False, which has none either', { enabled: false, description: 'x' }, 1],
  ])('%s', async (_, fields, ratio) => {
    const { status, json } = await post('/c/banks', { name: 'LENIENT', ...fields });
    expect([status, json.matching_enabled_ratio]).toEqual([201, ratio]);
    expect((await remove('/c/bank/LENIENT')).json).toEqual({ message: 'Done' });
  });
  test.each<[string, unknown]>([
    ['small letters', { name: 'bank' }],
    ['a digit first', { name: '1_BANK' }],
    ['no name', {}],
    ['a name of 256', { name: 'A'.repeat(256) }],
    ['a ratio over 1', { name: 'RATIO', enabled_ratio: 1.01 }],
    ['a ratio below 0', { name: 'RATIO', enabled_ratio: '-0.1' }],
    ['a ratio that is none', { name: 'RATIO', enabled_ratio: 'much' }],
    ['a list', ['NAME']],
  ])('%s is 400', async (_, body) => {
    expect(refusal(await post('/c/banks', body))).toEqual([400, JSON_TYPE, 'string']);
    expect((await get('/c/banks')).json).toHaveLength(1);
  });
  test('both ends of a name, and of a ratio', async () => {
    for (const name of ['_', 'A'.repeat(255)]) {
      expect((await post('/c/banks', { name, enabled_ratio: 0 })).status).toBe(201);
      expect((await get(`/c/bank/${name}`)).text).toContain('"matching_enabled_ratio":0.0');
      await remove(`/c/bank/${name}`);
    }
  });
  test('a second one of the name is 403, and says so', async () => {
    const { status, json } = await post('/c/banks', { name: 'FIRST_BANK' });
    expect([status, json.message]).toEqual([403, expect.stringContaining('already exists')]);
  });
  test('one that is not there is 404; its removal is done', async () => {
    expect(refusal(await get('/c/bank/NOT_THERE'))).toEqual([404, JSON_TYPE, 'string']);
    expect(refusal(await put('/c/bank/NOT_THERE', { enabled: true }))).toEqual([404, JSON_TYPE, 'string']);
    expect(answered(await remove('/c/bank/NOT_THERE'))).toEqual([200, JSON_TYPE, { message: 'Done' }]);
  });
  test('is renamed with its contents, disabled and enabled', async () => {
    await post('/c/banks', { name: 'OLD_NAME' });
    const { id } = (await post('/c/bank/OLD_NAME/signal', { pdq: flipped(hash, 3) })).json;
    expect((await put('/c/bank/OLD_NAME', { name: 'NEW_NAME' })).json.name).toBe('NEW_NAME');
    expect((await get('/c/bank/OLD_NAME')).status).toBe(404);
    expect((await get(`/c/bank/NEW_NAME/content/${id}`)).json.bank.name).toBe('NEW_NAME');
    expect((await put('/c/bank/NEW_NAME', { name: 'FIRST_BANK' })).json.message).toBe('Bank name already exists');
    expect((await put('/c/bank/NEW_NAME', { name: 'no' })).status).toBe(400);
    expect((await put('/c/bank/NEW_NAME', { enabled: 'False' })).json.matching_enabled_ratio).toBe(0);
    expect((await look(hash)).json).toEqual({});
    expect((await raw(hash)).json.matches).toEqual([id]);
    expect((await put('/c/bank/NEW_NAME', { enabled: 'true' })).json.matching_enabled_ratio).toBe(1);
    expect((await look(hash)).json).toEqual({ NEW_NAME: [{ bank_content_id: id, distance: '3' }] });
    await remove('/c/bank/NEW_NAME');
    expect((await call(base, 'GET', `/m/lookup?signal_type=pdq&signal=${hash}`)).status).toBe(503);
  });
});

describe('contents', () => {
  const ids: Record<string, number> = {};

  test('are added by a file, with their note and metadata: 200, an integer, the signals', async () => {
    const metadata = JSON.stringify({
      content_id: 'case-1',
      content_uri: 'https://host.example/1',
      json: { a: [1, 'é'] },
    });
    const { status, json } = await send('/c/bank/FIRST_BANK/content', { photo: PHOTO, metadata, note: 'first' });
    expect([status, json]).toEqual([200, { id: expect.any(Number), signals: { pdq: hash } }]);
    expect(Number.isInteger(json.id)).toBe(true);
    ids.photo = json.id;
    expect((await get(`/c/bank/FIRST_BANK/content/${json.id}`)).json).toEqual({
      bank: { matching_enabled_ratio: 1, name: 'FIRST_BANK' },
      disable_until_ts: 1,
      id: json.id,
      original_media_uri: null,
      metadata: { content_id: 'case-1', content_uri: 'https://host.example/1', json: { a: [1, 'é'] } },
      note: 'first',
    });
  });
  test('include_metadata and include_signals, in any spelling of a truth', async () => {
    const at = `/c/bank/FIRST_BANK/content/${ids.photo}`;
    expect((await get(`${at}?include_metadata=False`)).json).not.toHaveProperty('metadata');
    expect((await get(`${at}?include_signals=True`)).json.signals).toEqual({ pdq: hash });
    expect((await get(at)).json).not.toHaveProperty('signals');
    expect((await get(`${at}?include_signals=maybe`)).status).toBe(400);
  });
  test('are read by their number, whatever the bank of the path is', async () => {
    await post('/c/banks', { name: 'SECOND_BANK' });
    expect((await get(`/c/bank/SECOND_BANK/content/${ids.photo}`)).json.bank.name).toBe('FIRST_BANK');
    for (const path of [
      `/c/bank/NOWHERE/content/${ids.photo}`,
      '/c/bank/FIRST_BANK/content/999999',
      '/c/bank/FIRST_BANK/content/x',
    ])
      expect(refusal(await get(path))).toEqual([404, JSON_TYPE, 'string']);
  });
  test('are added by signals: PDQ in small letters, MD5 trimmed and lowered', async () => {
    const md5 = md5Of(OTHER_PHOTO);
    const { status, json } = await post('/c/bank/SECOND_BANK/signal', {
      pdq: flipped(hash, 31),
      video_md5: ` ${md5.toUpperCase()} `,
      note: 'by signals',
    });
    expect([status, json.signals]).toEqual([200, { pdq: flipped(hash, 31), video_md5: md5 }]);
    ids.signals = json.id;
    expect((await get(`/c/bank/SECOND_BANK/content/${json.id}`)).json.note).toBe('by signals');
  });
  test.each<[string, unknown]>([
    ['capitals of PDQ', { pdq: 'A'.repeat(64) }],
    ['a short hash', { pdq: 'abc' }],
    ['a hash without detail', { pdq: '0'.repeat(64) }],
    ['the MD5 of nothing', { video_md5: 'd41d8cd98f00b204e9800998ecf8427e' }],
    ['another signal', { sha256: 'ab'.repeat(32) }],
    ['no signal', {}],
    ['a number', { pdq: 7 }],
    ['a note that is none', { video_md5: 'ab'.repeat(16), note: 7 }],
  ])('%s is 400', async (_, body) => {
    expect(refusal(await post('/c/bank/SECOND_BANK/signal', body))).toEqual([400, JSON_TYPE, 'string']);
  });
  test.each<[string, () => Promise<Answer>, number]>([
    ['no file and no address', () => post('/c/bank/FIRST_BANK/content', {}), 400],
    ['metadata that is no object', () => send('/c/bank/FIRST_BANK/content', { photo: PHOTO, metadata: '[]' }), 400],
    ['metadata that is no JSON', () => send('/c/bank/FIRST_BANK/content', { photo: PHOTO, metadata: '{' }), 400],
    ['a bank that is not there', () => send('/c/bank/NOWHERE/content', { photo: PHOTO }), 404],
    ['signals for a bank that is not there', () => post('/c/bank/NOWHERE/signal', { pdq: hash }), 404],
  ])('%s is refused', async (_, ask, status) => {
    expect(refusal(await ask())).toEqual([status, JSON_TYPE, 'string']);
  });
  test('the same value is banked twice, as two contents, and both are found', async () => {
    const { id } = (await post('/c/bank/FIRST_BANK/signal', { pdq: hash })).json;
    expect(id).not.toBe(ids.photo);
    const found = (await look(hash, '&banks=FIRST_BANK')).json.FIRST_BANK;
    expect(found).toEqual(
      expect.arrayContaining([ids.photo, id].map((one) => ({ bank_content_id: one, distance: '0' }))),
    );
    expect((await remove(`/c/bank/FIRST_BANK/content/${id}`)).json).toEqual({ deleted: 1 });
    expect((await look(hash, '&banks=FIRST_BANK')).json.FIRST_BANK).toHaveLength(1);
  });

  test('an image without detail is found by its bytes', async () => {
    const { status, json } = await send('/c/bank/SECOND_BANK/content', { photo: flat });
    expect([status, json.signals]).toEqual([200, { pdq: '' }]);
    const found = await send('/m/lookup', { photo: flat });
    expect(found.json).toEqual({ pdq: { SECOND_BANK: [{ bank_content_id: json.id, distance: '0' }] } });
    await remove(`/c/bank/SECOND_BANK/content/${json.id}`);
  });

  test('a removal is of the named bank alone, and counts', async () => {
    expect((await remove(`/c/bank/SECOND_BANK/content/${ids.photo}`)).json).toEqual({ deleted: 0 });
    expect((await remove('/c/bank/SECOND_BANK/content/999999')).json).toEqual({ deleted: 0 });
    expect((await remove('/c/bank/NOWHERE/content/1')).status).toBe(404);
  });

  describe('disable_until_ts', () => {
    const set = (until: unknown) => put(`/c/bank/FIRST_BANK/content/${ids.photo}`, { disable_until_ts: until });
    const isFound = async () => 'FIRST_BANK' in (await look(hash)).json;
    const nowS = () => Math.floor(Date.now() / 1000);

    test('0 disables for ever: no look-up finds it, a raw one does', async () => {
      expect((await set(0)).json).toMatchObject({ id: ids.photo, disable_until_ts: 0 });
      expect([await isFound(), (await raw(hash)).json.matches.includes(ids.photo)]).toEqual([false, true]);
      expect((await send('/m/lookup', { photo: PHOTO })).json.pdq).not.toHaveProperty('FIRST_BANK');
    });
    test('1 enables it', async () => {
      expect((await set(1)).json.disable_until_ts).toBe(1);
      expect(await isFound()).toBe(true);
    });
    test('a time disables it until then, as text too', async () => {
      const until = nowS() + 2;
      expect((await set(String(until))).json.disable_until_ts).toBe(until);
      expect(await isFound()).toBe(false);
      await expect.poll(isFound, { timeout: 10_000 }).toBe(true);
      expect((await get(`/c/bank/FIRST_BANK/content/${ids.photo}`)).json.disable_until_ts).toBe(until);
      expect((await set(1)).json.disable_until_ts).toBe(1);
    });
    test.each<[string, () => unknown, number]>([
      ['a negative one', () => -1, 400],
      ['a fraction', () => 1.5, 400],
      ['a word', () => 'later', 400],
      ['more than five years ahead', () => nowS() + 5 * 365 * 86_400 + 60, 400],
      ['less than five years ahead', () => nowS() + 5 * 365 * 86_400 - 60, 200],
      ['a past one', () => 1_000_000_000, 200],
    ])('%s', async (_, until, status) => {
      expect((await set(until())).status).toBe(status);
      expect((await set(1)).status).toBe(200);
    });
    test('a note is changed without it, and both are kept', async () => {
      const at = `/c/bank/FIRST_BANK/content/${ids.photo}`;
      expect((await put(at, { note: 'second' })).json).toMatchObject({ note: 'second', disable_until_ts: 1 });
      expect((await put(at, { disable_until_ts: 0 })).json).toMatchObject({ note: 'second', disable_until_ts: 0 });
      expect((await put(at, { disable_until_ts: 1 })).json).toMatchObject({
        note: 'second',
        metadata: { content_id: 'case-1' },
      });
      expect((await put('/c/bank/FIRST_BANK/content/999999', { note: 'x' })).status).toBe(404);
    });
  });

  describe('/m/lookup', () => {
    test('by a signal has banks at the top, and the distance as text', async () => {
      const { status, type, json } = await look(hash);
      expect([status, type]).toEqual([200, JSON_TYPE]);
      expect(json).toEqual({
        FIRST_BANK: [{ bank_content_id: ids.photo, distance: '0' }],
        SECOND_BANK: [{ bank_content_id: ids.signals, distance: '31' }],
      });
    });
    test('both sides of the radius', async () => {
      const far = (bits: number) => hash.slice(0, 32) + flipped(hash.slice(32), bits);
      const nearestOf = async (bits: number) =>
        (await look(far(bits), '&banks=FIRST_BANK')).json.FIRST_BANK?.[0]?.distance;
      expect([await nearestOf(31), await nearestOf(32)]).toEqual(['31', undefined]);
    });
    test('by a video has a distance that is none', async () => {
      const { json } = await get(`/m/lookup?signal_type=video_md5&signal=${md5Of(OTHER_PHOTO).toUpperCase()}`);
      expect(json).toEqual({ SECOND_BANK: [{ bank_content_id: ids.signals, distance: '-' }] });
      expect((await send('/m/lookup', { video: OTHER_PHOTO })).json).toEqual({ video_md5: json });
    });
    test('without a match is empty, by type where a file is sent', async () => {
      expect((await get(`/m/lookup?signal_type=video_md5&signal=${'12'.repeat(16)}`)).text).toBe('{}');
      expect((await send('/m/lookup', { photo: await photoOf(3) })).text).toBe('{"pdq":{}}');
      // Nothing was searched.
      expect((await send('/m/lookup?types=', { photo: PHOTO })).status).toBe(400);
    });
    test('banks= names the banks that are searched', async () => {
      expect(Object.keys((await look(hash, '&banks=SECOND_BANK')).json)).toEqual(['SECOND_BANK']);
      expect(Object.keys((await look(hash, '&banks=SECOND_BANK,FIRST_BANK')).json).sort()).toEqual([
        'FIRST_BANK',
        'SECOND_BANK',
      ]);
      // One that is not there would look like one without a match.
      for (const banks of [
        '&banks=NOWHERE',
        '&banks=FIRST_BANK,NOWHERE',
        '&banks=FIRST_BANK&banks=NOWHERE',
        '&banks=&banks=NOWHERE',
      ])
        expect(refusal(await look(hash, banks))).toEqual([400, JSON_TYPE, 'string']);
      expect((await look(hash, '&banks=')).status).toBe(200);
    });
    test.each<[string, string]>([
      ['no signal', '/m/lookup?signal_type=pdq'],
      ['an empty signal, as of an image without detail', '/m/lookup?signal_type=pdq&signal='],
      ['no type', `/m/lookup?signal=${'ab'.repeat(32)}`],
      ['an unknown type', `/m/lookup?signal_type=tmk&signal=${'ab'.repeat(32)}`],
      ['capitals', `/m/lookup?signal_type=pdq&signal=${'AB'.repeat(32)}`],
      ['a short hash', '/m/lookup?signal_type=pdq&signal=abc'],
      ['a short digest', '/m/lookup?signal_type=video_md5&signal=abc'],
    ])('%s is 400 with a message', async (_, path) => {
      expect(refusal(await get(path))).toEqual([400, JSON_TYPE, 'string']);
    });
    test('what could not be hashed is no answer without a match', async () => {
      expect((await send('/m/lookup', { photo: Buffer.from('nothing') })).status).toBe(400);
      expect((await send('/m/lookup', { photo: flat })).status).toBe(400);
    });
    test('unknown parameters are ignored', async () => {
      expect((await look(hash, '&threshold=4&metadata=1')).status).toBe(200);
    });

    describe('the ratio of a bank', () => {
      // Python: random.Random(seed).random() of '1234' is 0.248, of '1' 0.478.
      const under = (ratio: number, query: string) =>
        put('/c/bank/FIRST_BANK', { enabled_ratio: ratio })
          .then(() => look(hash, query))
          .then(({ json }) => 'FIRST_BANK' in json);
      afterAll(() => put('/c/bank/FIRST_BANK', { enabled_ratio: 1 }));

      test.each([
        [0.2483, '&seed=1234', false],
        [0.2484, '&seed=1234', true],
        [0.4782, '&seed=1', false],
        [0.4783, '&seed=1', true],
        [0, '', false],
        [1, '', true],
        // HMA 1.1.7 reads it of POST alone.
        [0, '&bypass_coinflip=true', false],
      ])('%s with %s: %s', async (ratio, query, expected) => {
        expect(await under(ratio, query)).toBe(expected);
      });
      test('a POST may bypass it; a raw look-up does', async () => {
        await put('/c/bank/FIRST_BANK', { enabled_ratio: 0 });
        const found = async (query: string) =>
          'FIRST_BANK' in (await send(`/m/lookup${query}`, { photo: PHOTO })).json.pdq;
        expect([await found(''), await found('?bypass_coinflip=true')]).toEqual([false, true]);
        expect((await raw(hash)).json.matches).toContain(ids.photo);
      });
      test('of one half some are drawn, and some are not', async () => {
        await put('/c/bank/FIRST_BANK', { enabled_ratio: 0.5 });
        const drawn = new Set<boolean>();
        for (let n = 0; n < 60 && drawn.size < 2; n++) drawn.add('FIRST_BANK' in (await look(hash)).json);
        expect(drawn.size).toBe(2);
        // An image that was checked before is drawn again.
        const ofImage = new Set<boolean>();
        for (let n = 0; n < 60 && ofImage.size < 2; n++)
          ofImage.add('FIRST_BANK' in (await send('/m/lookup', { photo: PHOTO })).json.pdq);
        expect(ofImage.size).toBe(2);
      });
    });
  });

  describe('/m/raw_lookup and /m/compare', () => {
    test('numbers, or with their distance', async () => {
      expect((await raw(hash)).json).toEqual({ matches: [ids.photo, ids.signals] });
      for (const truth of ['true', 'True', '1'])
        expect((await raw(hash, `&include_distance=${truth}`)).json.matches[0]).toEqual({
          bank_content_id: ids.photo,
          distance: '0',
        });
      expect((await raw(hash, '&include_distance=false&banks=SECOND_BANK')).json).toEqual({ matches: [ids.signals] });
    });
    test('a distance is a number in a comparison, and both sides of the radius', async () => {
      const far = hash.slice(0, 32) + flipped(hash.slice(32), 1);
      expect((await post('/m/compare', { pdq: [hash, hash] })).text).toBe('{"pdq":[true,{"distance":0}]}');
      expect((await post('/m/compare', { pdq: [hash, flipped(hash, 31)] })).json).toEqual({
        pdq: [true, { distance: 31 }],
      });
      expect((await post('/m/compare', { pdq: [far, flipped(hash, 31)] })).json).toEqual({
        pdq: [false, { distance: 32 }],
      });
    });
    test.each<[string, unknown]>([
      ['one hash', { pdq: ['ab'.repeat(32)] }],
      ['no list', { pdq: 'x' }],
      ['a bad hash', { pdq: ['x', 'y'] }],
      ['another type', { tmk: ['x', 'y'] }],
      ['a type without distances', { video_md5: ['ab'.repeat(16), 'ab'.repeat(16)] }],
      ['a list', []],
    ])('%s is 400', async (_, body) => {
      expect(refusal(await post('/m/compare', body))).toEqual([400, JSON_TYPE, 'string']);
    });
    test('the state of the index by type', async () => {
      const { json } = await get('/m/index/status');
      const of = (type: string) => [json[type].present, json[type].size > 0, json[type].built_to > 1_700_000_000];
      expect([of('pdq'), of('video_md5')]).toEqual([
        [true, true, true],
        [true, true, true],
      ]);
      expect(Object.keys((await get('/m/index/status?signal_type=pdq')).json)).toEqual(['pdq']);
      expect((await get('/m/index/status?signal_type=x')).status).toBe(400);
      expect((await get('/c/signal_type/index?signal_type=pdq')).json.pdq).toMatchObject({ index_out_of_date: false });
    });
  });
});

describe('addresses and bodies in the forms that clients send', () => {
  test('slashes are merged', async () => {
    expect((await call(`${serving.url}/hma/`, 'GET', '/c/banks')).status).toBe(200);
    expect((await call(serving.url, 'GET', '///hma//c///bank//FIRST_BANK')).json.name).toBe('FIRST_BANK');
    expect((await call(serving.url, 'GET', `//hma//m/lookup?signal=${hash}&signal_type=pdq`)).status).toBe(200);
  });
  test('a POST of JSON without a body says what is missing', async () => {
    expect(
      (await call(base, 'POST', '/c/bank/FIRST_BANK/content', { headers: { 'content-type': 'application/json' } }))
        .status,
    ).toBe(400);
  });
  test('an empty Bearer is no key, where none is needed', async () => {
    expect((await call(base, 'GET', '/c/banks', { headers: { authorization: 'Bearer ' } })).status).toBe(200);
  });
  test('all banks are returned, however many matches the first has', async () => {
    await post('/c/banks', { name: 'FULL' });
    for (let n = 0; n < 12; n++) await post('/c/bank/FULL/signal', { pdq: flipped(hash, n % 32) });
    const { json } = await look(hash);
    expect([Object.keys(json).sort(), json.FULL.length]).toEqual([['FIRST_BANK', 'FULL', 'SECOND_BANK'], 12]);
  });
});

test('everything that was looked up is on record', async () => {
  const stats = await (await fetch(`${serving.url}/v1/stats`)).json();
  expect(stats.checked).toBeGreaterThan(40);
  expect(stats.byReason.not_sampled).toBeGreaterThan(0);
});
