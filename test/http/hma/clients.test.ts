/**
 * The order of calls of each client, from start to end, read as strictly as it reads: types of the gem that refuse an integer, keys of an object that
 * are taken for banks, rows that are deleted at a 404.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_ATTRIBUTES } from '../../../src/core/vocabulary.js';
import type { Scope } from '../../../src/store/keys-contract.js';
import { type Running, startService } from '../../support/running.js';
import { type Answer, call, formOf, photoOf } from './hma-client.js';

const PHOTO = await photoOf(11);
const FRESH = await photoOf(12);
const CURATOR = ['check', 'check:hashes', 'details', 'curate'] as const;

let running: Running;
let hma: string;
const keys: Record<string, string> = {};

beforeAll(async () => {
  running = await startService({ hma: 'on' });
  hma = `${running.url}/hma`;
  const make = async (tenant: string, scopes: readonly Scope[]) =>
    (await running.service.store.keys.createKey({ tenant, scopes, expiresAt: null, name: null })).key;
  keys.coop = await make('coop', CURATOR);
  keys.gem = await make('fetlife', CURATOR);
  keys.matrix = await make('matrix', CURATOR);
  keys.matcher = await make('matrix', ['check', 'check:hashes', 'details']);
  keys.blind = await make('matrix', ['check', 'check:hashes']);
  keys.admin = await make('operator', ['admin']);
});
afterAll(() => running.stop());

/** dry-types reads `Types::Float` as strictly as that, from the text. */
const isFloat = (text: string, name: string) => new RegExp(`"${name}":\\d+\\.\\d+`).test(text);
const isMatch = (one: { bank_content_id: unknown; distance: unknown }) =>
  Number.isInteger(one.bank_content_id) && typeof one.distance === 'string';

describe('Coop, whose address ends with a slash and which sends no header', () => {
  const ask = (method: string, path: string, json?: unknown) =>
    // The key is in its address.
    call(`${hma}/${keys.coop}/`, method, path, json === undefined ? {} : { json });

  test('makes a bank with its ratio as text, sets it as a number, adds nothing and finds nothing', async () => {
    expect((await ask('POST', '/c/banks', { name: 'COOP_BANK', enabled_ratio: '0.5' })).status).toBe(201);
    const { json } = await ask('PUT', '/c/bank/COOP_BANK', { enabled_ratio: 1 });
    expect(json).toEqual({ matching_enabled_ratio: 1, name: 'COOP_BANK' });
  });
  test('asks for all banks at once, and looks up what it hashed', async () => {
    await ask('POST', '/c/banks', { name: 'COOP_OTHER', enabled_ratio: '1' });
    const { json } = await call(`${hma}/${keys.coop}/`, 'POST', '/h/hash', { form: formOf({ photo: PHOTO }) });
    await ask('POST', '/c/bank/COOP_BANK/signal', { pdq: json.pdq });
    const banks = await Promise.all(['COOP_BANK', 'COOP_OTHER'].map((name) => ask('GET', `/c/bank/${name}`)));
    expect(banks.map(({ status }) => status)).toEqual([200, 200]);
    const found = await ask('GET', `/m/lookup?signal=${json.pdq}&signal_type=pdq`);
    expect(
      Object.entries(found.json as Record<string, never[]>).map(([name, matches]) => [name, matches.every(isMatch)]),
    ).toEqual([['COOP_BANK', true]]);
  });
  test('lists the kinds of exchanges, their forms, and makes one with credentials', async () => {
    const names: string[] = (await ask('GET', '/c/exchanges/apis')).json;
    expect(names).toEqual(expect.arrayContaining(['ncmec', 'stop_ncii', 'tat', 'fb_threatexchange']));
    const infos = await Promise.all(names.map((name) => ask('GET', `/c/exchanges/api/${name}`)));
    for (const { json } of infos)
      expect(json).toEqual({ has_set_authentification: false, supports_authentification: true });
    for (const name of names) {
      const { config_schema: config, credentials_schema: credentials } = (
        await ask('GET', `/c/exchanges/api/${name}/schema`)
      ).json;
      for (const field of [...config.fields, ...credentials.fields])
        expect(Object.keys(field).sort()).toEqual(['choices', 'default', 'help', 'name', 'required', 'type']);
    }
    const made = await ask('POST', '/c/exchanges', {
      bank: 'COOP_NCMEC',
      api: 'ncmec',
      api_json: { environment: 'test_Industry', only_esp_ids: [7, '3'] },
      credential_json: { user: 'coop', password: 'not-a-real-one' },
    });
    expect([made.status, made.json]).toEqual([201, { message: 'Created successfully' }]);
    expect((await ask('PUT', '/c/bank/COOP_NCMEC', { enabled_ratio: 0.5 })).json.matching_enabled_ratio).toBe(0.5);
    expect((await ask('GET', '/c/exchange/COOP_NCMEC')).json).toEqual({
      api: 'ncmec',
      enabled: true,
      environment: 'test_Industry',
      name: 'COOP_NCMEC',
      only_esp_ids: [3, 7],
    });
    const { json } = await ask('GET', '/c/exchange/COOP_NCMEC/status');
    expect(json).toMatchObject({ fetched_items: 0, up_to_date: false });
    expect(Object.keys(json).sort()).toEqual([
      'checkpoint_ts',
      'fetched_items',
      'last_fetch_complete_ts',
      'last_fetch_succeeded',
      'running_fetch_start_ts',
      'up_to_date',
    ]);
  });
  test('a version that waits for approval does not read as current', async () => {
    const { lists } = running.service.store;
    const { list } = (await lists.lists()).find(({ bank }) => bank === 'COOP_NCMEC')!;
    const at = new Date().toISOString();
    const set = async (outcome: 'held' | 'synced' | 'failed') => {
      const source = (await lists.source(list))!;
      await lists.setSource(list, {
        ...source,
        syncedAt: at,
        lastTry: { startedAt: at, endedAt: at, outcome, why: null },
      });
      const { last_fetch_succeeded: succeeded, up_to_date: current } = (
        await ask('GET', '/c/exchange/COOP_NCMEC/status')
      ).json;
      return [succeeded, current];
    };
    expect([await set('held'), await set('failed'), await set('synced')]).toEqual([
      [false, false],
      [false, false],
      [true, true],
    ]);
  });
  test('sets and clears credentials, of all exchanges and of one', async () => {
    const of = async () => (await ask('GET', '/c/exchanges/api/stop_ncii')).json.has_set_authentification;
    const credentials = { subscription_key: 'a', fetch_function_key: 'b' };
    await ask('POST', '/c/exchanges', { bank: 'COOP_NCII', api: 'stop_ncii', api_json: {} });
    expect(
      (await ask('POST', '/c/exchanges/api/stop_ncii', { credential_json: credentials })).json.has_set_authentification,
    ).toBe(true);
    const { lists } = running.service.store;
    const list = (await lists.lists()).find(({ bank }) => bank === 'COOP_NCII')!.list;
    expect(Object.keys((await lists.source(list))!.secrets).sort()).toEqual(['functionKey', 'subscriptionKey']);
    expect(
      (await ask('POST', '/c/exchanges/api/stop_ncii', { credential_json: {} })).json.has_set_authentification,
    ).toBe(false);
    expect(await of()).toBe(false);
    const own = await ask('POST', '/c/exchange/COOP_NCII/credentials', {
      credential_json: { ...credentials, subscription_key: 'c' },
    });
    expect([own.status, own.json.has_set_authentification]).toEqual([200, true]);
    expect((await ask('POST', '/c/exchanges/api/stop_ncii', { credential_json: { user: 'x' } })).status).toBe(400);
    expect((await ask('GET', '/c/exchanges/api/nothing')).status).toBe(400);
    // A key of the operator is in no answer, nor in the store as it was sent.
    expect(JSON.stringify(await lists.source(list))).not.toContain('"c"');
  });
  test('disables, enables and deletes an exchange with its bank', async () => {
    expect((await ask('PUT', '/c/exchange/COOP_NCII', { enabled: 'false' })).json.enabled).toBe(false);
    expect((await ask('PUT', '/c/exchange/COOP_NCII', { enabled: true })).json.enabled).toBe(true);
    for (let time = 0; time < 2; time++)
      expect((await ask('DELETE', '/c/exchange/COOP_NCII')).json).toEqual({ message: 'Exchange deleted' });
    expect((await ask('GET', '/c/bank/COOP_NCII')).status).toBe(404);
    expect((await ask('GET', '/c/exchange/COOP_NCII')).status).toBe(404);
  });
  test.each<[string, object]>([
    ['a name in small letters', { bank: 'coop', api: 'ncmec' }],
    ['an unknown kind', { bank: 'X', api: 'other' }],
    ['no kind', { bank: 'X' }],
    ['a configuration that is no object', { bank: 'X', api: 'ncmec', api_json: [] }],
    ['an unknown environment', { bank: 'X', api: 'ncmec', api_json: { environment: 'https://elsewhere.example/' } }],
    ['no privacy group', { bank: 'X', api: 'fb_threatexchange', api_json: {} }],
    ['half of the credentials', { bank: 'X', api: 'tat', credential_json: { username: 'x' } }],
  ])('%s is 400, and no bank is made', async (_, body) => {
    expect((await ask('POST', '/c/exchanges', body)).status).toBe(400);
    expect((await ask('GET', '/c/bank/X')).status).toBe(404);
  });
  test('may not send the service to another address; the operator may', async () => {
    const body = { bank: 'X', api: 'tat', api_json: { url: 'https://169.254.169.254/' } };
    expect((await ask('POST', '/c/exchanges', body)).status).toBe(403);
    const byOperator = await call(`${hma}/${keys.admin}`, 'POST', '/c/exchanges', { json: body });
    expect(byOperator.status).toBe(201);
    await call(`${hma}/${keys.admin}`, 'DELETE', '/c/exchange/X');
  });
});

describe('the gem of FetLife, which sends its key by Basic and reads types strictly', () => {
  const authorization = () => `Basic ${Buffer.from(`zeef:${keys.gem}`).toString('base64')}`;
  const ask = (method: string, path: string, more: Parameters<typeof call>[3] = {}) =>
    call(hma, method, path, { ...more, headers: { authorization: authorization() } });

  test('status, bank, content, hash, look-up, raw look-up', async () => {
    expect((await ask('GET', '/status')).text).toBe('I-AM-ALIVE');
    const json = { name: 'FETLIFE', enabled: 'true', matching_enabled_ratio: 1 };
    const made = await ask('POST', '/c/banks', { json });
    expect([made.status, isFloat(made.text, 'matching_enabled_ratio')]).toEqual([201, true]);
    expect(isFloat((await ask('GET', '/c/bank/FETLIFE')).text, 'matching_enabled_ratio')).toBe(true);
    const added = await ask('POST', '/c/bank/FETLIFE/content', {
      form: formOf({ photo: PHOTO, metadata: '{"content_id":"7"}' }),
    });
    expect([added.status, Number.isInteger(added.json.id), typeof added.json.signals.pdq]).toEqual([
      200,
      true,
      'string',
    ]);
    const hash = (await ask('POST', '/h/hash', { form: formOf({ photo: PHOTO }) })).json.pdq;
    const found = (await ask('POST', '/m/lookup', { form: formOf({ photo: PHOTO }) })).json;
    expect(found).toEqual({ pdq: { FETLIFE: [{ bank_content_id: added.json.id, distance: '0' }] } });
    const raw = (await ask('GET', `/m/raw_lookup?signal=${hash}&signal_type=pdq&include_distance=true`)).json;
    expect(raw.matches.every(isMatch)).toBe(true);
  });
  test('reads errors of 400 and 404 by their message', async () => {
    for (const path of ['/c/bank/NOWHERE', '/m/lookup?signal=x&signal_type=pdq'])
      expect(typeof (await ask('GET', path)).json.message).toBe('string');
  });
});

describe('policyserv, which reads no status of a look-up and takes each key of an object for a bank', () => {
  const BANKS = new Set(['MATRIX']);
  /** As it decides: what is no JSON is an error. */
  const decide = async (authorization: string) => {
    const hashed = await call(hma, 'POST', '/h/hash', { form: formOf({ photo: PHOTO }), headers: { authorization } });
    const signals =
      hashed.status === 200 ? (Object.entries(hashed.json) as [string, string][]) : [['pdq', 'ab'.repeat(32)]];
    const answers = await Promise.all(
      signals.map(([type, signal]) =>
        call(hma, 'GET', `/m/lookup?signal_type=${type}&signal=${signal}`, { headers: { authorization } }),
      ),
    );
    if (answers.some(({ json }: Answer) => json === undefined)) return 'error';
    return answers.some(({ json }) => Object.keys(json).some((name) => BANKS.has(name))) ? 'blocked' : 'passes';
  };
  const bearer = (key: string) => `Bearer ${key}`;
  const change = (method: string, path: string, json: unknown) =>
    call(hma, method, path, { json, headers: { authorization: bearer(keys.matrix!) } });

  test('nothing that was not searched passes: no bank, a wrong key, no key, a missing scope', async () => {
    expect(await decide(bearer(keys.matcher!))).toBe('error');
    await change('POST', '/c/banks', { name: 'MATRIX' });
    await change('POST', '/c/bank/MATRIX/signal', { video_md5: 'ab'.repeat(16) });
    // No bank has a hash of this type.
    expect(await decide(bearer(keys.matcher!))).toBe('error');
    const { pdq } = (
      await call(hma, 'POST', '/h/hash', {
        form: formOf({ photo: FRESH }),
        headers: { authorization: bearer(keys.matrix!) },
      })
    ).json;
    await change('POST', '/c/bank/MATRIX/signal', { pdq });
    expect(await decide(bearer(keys.matcher!))).toBe('passes');
    for (const wrong of ['Bearer zeef_wrong', 'Bearer ', bearer(keys.blind!)])
      expect(await decide(wrong)).toBe('error');
    const own = (
      await call(hma, 'POST', '/h/hash', {
        form: formOf({ photo: PHOTO }),
        headers: { authorization: bearer(keys.matrix!) },
      })
    ).json;
    await change('POST', '/c/bank/MATRIX/signal', own);
    expect(await decide(bearer(keys.matcher!))).toBe('blocked');
  });
  test('401 is the text that hma-matrix sends, of every call but health', async () => {
    for (const path of ['/c/banks', '/m/lookup?signal=x&signal_type=pdq', '/m/index/status', '/c/signal_type'])
      expect(await call(hma, 'GET', path)).toMatchObject({
        status: 401,
        type: 'text/plain',
        text: 'Authentication required',
      });
    for (const path of ['/status', '/status/live', '/site-map'])
      expect((await call(hma, 'GET', path)).status).toBe(200);
  });
});

describe('a 404 at which Coop deletes its bank', () => {
  const statusOf = async (base: string, key?: string) =>
    (
      await call(
        base,
        'GET',
        '/c/bank/COOP_BANK',
        key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } },
      )
    ).status;

  test('comes only where the caller has no such bank', async () => {
    expect(await statusOf(hma, keys.coop)).toBe(200);
    // Another tenant's does not exist for it.
    expect(await statusOf(hma, keys.gem)).toBe(404);
    expect([await statusOf(hma), await statusOf(hma, 'zeef_wrong'), await statusOf(hma, keys.blind)]).toEqual([
      401, 401, 403,
    ]);
    expect(await statusOf(`${hma}/zeef_wrong`)).toBe(401);
  });
  test.each([
    ['/hma', ['/hma', '/hma/some-key/', '//hma/', '/%68ma', '/HMA', '/hma%2F']],
    ['/', ['', '/some-key/', '//', '/%2F']],
  ])('does not come where the interface is off, at %s', async (hmaPrefix, spellings) => {
    const off = await startService({ hmaPrefix });
    try {
      for (const spelling of spellings)
        expect([spelling, await call(off.url + spelling, 'GET', '/c/bank/COOP_BANK')]).toEqual([
          spelling,
          expect.objectContaining({ status: 503, json: { message: expect.any(String) } }),
        ]);
      for (const path of ['/hmac', '/v1/nothing', '/nothing'])
        expect((await call(off.url, 'GET', path)).status).toBe(404);
    } finally {
      await off.stop();
    }
  });
  test('does not come in another spelling of the prefix', async () => {
    for (const spelling of ['/HMA', '/Hma/some-key'])
      expect((await call(running.url + spelling, 'GET', '/c/bank/COOP_BANK')).status).toBe(503);
  });
  test('the interface is at the root, beside all else', async () => {
    const root = await startService({ hma: 'on', hmaPrefix: '/' });
    try {
      expect((await call(root.url, 'GET', '/status')).text).toBe('I-AM-ALIVE');
      expect((await call(`${root.url}/`, 'POST', '/c/banks', { json: { name: 'ROOT' } })).status).toBe(201);
      expect((await call(root.url, 'GET', '/c/bank/ROOT')).json.name).toBe('ROOT');
      expect((await call(root.url, 'GET', '/zeef_wrong/c/bank/ROOT')).status).toBe(401);
      for (const path of ['/livez', '/v1/lists', '/openapi.json', '/metrics'])
        expect((await call(root.url, 'GET', path)).status).toBe(200);
      for (const path of ['/c/nothing', '/v1/nothing']) expect((await call(root.url, 'GET', path)).status).toBe(404);
    } finally {
      await root.stop();
    }
  });
  test('does not come where the service cannot read its lists', async () => {
    const { lists } = running.service.store;
    const [read, readEntries] = [lists.lists.bind(lists), lists.entriesByKeys.bind(lists)];
    lists.lists = () => Promise.reject(new Error('no disk'));
    lists.entriesByKeys = () => Promise.reject(new Error('no disk'));
    try {
      expect(await statusOf(hma, keys.coop)).toBe(500);
      // What is near is found, and not what it is.
      const lookup = await call(hma, 'POST', '/m/lookup', {
        form: formOf({ photo: PHOTO }),
        headers: { authorization: `Bearer ${keys.coop}` },
      });
      expect([lookup.status, lookup.type]).toEqual([500, 'text/plain']);
    } finally {
      lists.lists = read;
      lists.entriesByKeys = readEntries;
    }
  });
});

describe('tenants', () => {
  const as = (key: string | undefined) => (method: string, path: string, json?: unknown) =>
    call(`${hma}/${key}`, method, path, json === undefined ? {} : { json });

  test('have banks of the same name, and see no content of another', async () => {
    const [coop, gem] = [as(keys.coop), as(keys.gem)];
    expect((await gem('POST', '/c/banks', { name: 'COOP_BANK' })).status).toBe(201);
    const { id } = (await gem('POST', '/c/bank/COOP_BANK/signal', { video_md5: '77'.repeat(16) })).json;
    expect((await coop('GET', `/c/bank/COOP_BANK/content/${id}`)).status).toBe(404);
    expect((await coop('DELETE', `/c/bank/COOP_BANK/content/${id}`)).json).toEqual({ deleted: 0 });
    expect((await coop('PUT', `/c/bank/COOP_BANK/content/${id}`, { disable_until_ts: 0 })).status).toBe(404);
    expect((await gem('GET', `/m/lookup?signal=${'77'.repeat(16)}&signal_type=video_md5`)).json).toHaveProperty(
      'COOP_BANK',
    );
    const other = await coop('GET', `/m/lookup?signal=${'77'.repeat(16)}&signal_type=video_md5`);
    expect(other.text).not.toContain(String(id));
  });
  test('see a bank that is everyone’s, and do not change it', async () => {
    await running.service.store.lists.updateList('sample', { bank: 'SHARED' });
    await running.service.reload();
    const coop = as(keys.coop);
    expect((await coop('GET', '/c/bank/SHARED')).status).toBe(200);
    for (const [method, path, json] of [
      ['PUT', '/c/bank/SHARED', { enabled: false }],
      ['DELETE', '/c/bank/SHARED', undefined],
      ['POST', '/c/bank/SHARED/signal', { video_md5: '78'.repeat(16) }],
      ['DELETE', '/c/bank/SHARED/content/1', undefined],
    ] as const)
      expect([path, (await coop(method, path, json)).status]).toEqual([path, 403]);
    // The name is taken for all of them.
    expect((await coop('POST', '/c/banks', { name: 'SHARED' })).status).toBe(403);
    const entry = (await running.service.store.lists.entryKeys('sample', ['mate-freshflower'])).get(
      'mate-freshflower',
    )!;
    expect((await coop('GET', `/c/bank/SHARED/content/${entry}`)).json).toMatchObject({
      id: entry,
      disable_until_ts: 1,
    });
  });
  test('hashes are returned to the scope signals alone, and each reading is in the audit log', async () => {
    const coop = as(keys.coop);
    const { id } = (await coop('POST', '/c/bank/COOP_BANK/signal', { video_md5: '79'.repeat(16) })).json;
    const path = `/c/bank/COOP_BANK/content/${id}?include_signals=true`;
    expect((await coop('GET', path)).status).toBe(403);
    const { store } = running.service;
    const { key } = await store.keys.createKey({
      tenant: 'coop',
      scopes: [...CURATOR, 'signals'],
      expiresAt: null,
      name: null,
    });
    expect((await as(key)('GET', path)).json.signals).toEqual({ video_md5: '79'.repeat(16) });
    const rows = await store.audit.page({ tenant: 'coop', before: null, limit: 10 });
    expect(rows.map(({ action }) => action)).toContain('entries.signals');
  });
  test('make no list by a name of their choice, and change of their own what reveals nothing', async () => {
    const as = (key: string | undefined) => ({ headers: { authorization: `Bearer ${key}` } });
    const made = (list: string, key = keys.coop) =>
      call(running.url, 'POST', '/v1/lists', { json: { list }, ...as(key) });
    // Imports and syncs of the operator go to a list by its name.
    for (const list of ['stopncii', 'own-suppressions']) expect((await made(list)).status).toBe(403);
    expect((await made('own-suppressions', keys.admin)).status).toBe(400);
    const { list } = (await running.service.store.lists.lists()).find(
      ({ bank, tenant }) => bank === 'COOP_BANK' && tenant === 'coop',
    )!;
    expect(list).toMatch(/^bank-[0-9a-z]{26}$/);
    const change = (json: object) => call(running.url, 'PATCH', `/v1/lists/${list}`, { json, ...as(keys.coop) });
    for (const json of [
      { tenant: null },
      { tenant: 'coop' },
      { radiusBits: 128 },
      { name: 'stopncii' },
      { detail: 'deep' },
    ])
      expect([json, (await change(json)).status]).toEqual([json, 403]);
    expect((await change({ sampleRatio: 1, enabled: true })).status).toBe(200);
    const { key } = await running.service.store.keys.createKey({
      tenant: 'fetlife',
      scopes: ['lists'],
      expiresAt: null,
      name: null,
    });
    const seen = async (who: string | undefined) =>
      (await call(running.url, 'GET', `/v1/lists/${list}`, as(who))).status;
    expect([await seen(key), await seen(keys.admin)]).toEqual([404, 200]);
  });
  test('are not compared with what another tenant suppresses', async () => {
    const { lists } = running.service.store;
    await lists.createList({ list: 'gem-good', kind: 'suppression', radiusBits: 31, tenant: 'fetlife' });
    const good = 'c3'.repeat(32);
    const rows = (algorithm: 'pdq' | 'md5', value: string) =>
      (async function* () {
        const entry = { entryId: `g-${algorithm}`, algorithm, value, status: 'active' as const, ...NO_ATTRIBUTES };
        yield { ok: true as const, line: 1, entry };
      })();
    await lists.addEntries('gem-good', rows('pdq', good));
    await lists.addEntries('gem-good', rows('md5', 'c4'.repeat(16)));
    const add = (key: string | undefined, bank: string, json: object) =>
      as(key)('POST', `/c/bank/${bank}/signal`, json);
    for (const json of [{ pdq: good }, { video_md5: 'c4'.repeat(16) }]) {
      expect([json, (await add(keys.coop, 'COOP_BANK', json)).status]).toEqual([json, 200]);
      expect([json, (await add(keys.gem, 'COOP_BANK', json)).status]).toEqual([json, 409]);
    }
  });
  test('see no import of another tenant’s list, whatever it is called now', async () => {
    const { store } = running.service;
    await store.lists.createList({ list: 'gem-list', kind: 'match', radiusBits: 31, tenant: 'fetlife' });
    const admin = { authorization: `Bearer ${keys.admin}` };
    const imported = await fetch(`${running.url}/v1/lists/gem-list/entries?format=plain`, {
      method: 'POST',
      headers: { ...admin, 'content-type': 'text/csv' },
      body: `${'ab'.repeat(16)}\n`,
    });
    const { id } = (await imported.json()) as { id: string };
    const { key } = await store.keys.createKey({ tenant: 'coop', scopes: ['lists'], expiresAt: null, name: null });
    const seen = async (path: string) =>
      (await call(running.url, 'GET', path, { headers: { authorization: `Bearer ${key}` } })).text;
    const isHidden = async () => {
      expect(await seen('/v1/jobs')).not.toContain('gem-list');
      expect(await seen(`/v1/jobs/${id}`)).not.toContain('gem-list');
    };
    await isHidden();
    await call(running.url, 'PATCH', '/v1/lists/gem-list', { json: { name: 'gem-other' }, headers: admin });
    await isHidden();
    await call(running.url, 'DELETE', '/v1/lists/gem-other', { headers: admin });
    await isHidden();
  });
  test('have the same answer about a list of another tenant and about none', async () => {
    const headers = { authorization: `Bearer ${keys.coop}` };
    const theirs = (await running.service.lists()).find(({ tenant, bank }) => tenant === 'fetlife' && bank !== null)!;
    const asked = [
      ['GET', '?bogus=1', undefined],
      ['GET', '/entries?bogus=1', undefined],
      ['PATCH', '', { radiusBits: 5 }],
      ['PATCH', '', { nothing: 1 }],
      ['POST', '/images', undefined],
      ['POST', '/contents', { md5: 'x' }],
      ['DELETE', '', undefined],
    ] as const;
    for (const [method, path, json] of asked) {
      const of = async (list: string) => {
        const answer = await call(running.url, method, `/v1/lists/${list}${path}`, { headers, ...(json && { json }) });
        return [answer.status, answer.json?.code, Object.keys(answer.json?.details ?? {})];
      };
      expect(await of(theirs.list), `${method} ${path}`).toEqual(await of('nowhere'));
    }
  });
  test('an operator reads whose bank has a name', async () => {
    await as(keys.gem)('POST', '/c/banks', { name: 'NCMEC_OF_ONE' });
    const headers = { authorization: `Bearer ${keys.admin}` };
    const answer = await call(running.url, 'PATCH', '/v1/lists/sample', { headers, json: { bank: 'NCMEC_OF_ONE' } });
    expect(answer).toMatchObject({ status: 409, json: { code: 'BANK_EXISTS', details: { tenant: 'fetlife' } } });
  });
  test('fill no more than their part of the memory, by either interface', async () => {
    const small = await startService({ hma: 'on', tenantEntriesMax: '2' });
    try {
      const { key } = await small.service.store.keys.createKey({
        tenant: 'coop',
        scopes: CURATOR,
        expiresAt: null,
        name: null,
      });
      const ask = (path: string, json: unknown) =>
        call(small.url, 'POST', path, { json, headers: { authorization: `Bearer ${key}` } });
      await ask('/hma/c/banks', { name: 'FILLED' });
      const add = (n: number) => ask('/hma/c/bank/FILLED/signal', { video_md5: String(n).padStart(32, 'a') });
      for (const n of [1, 2]) expect((await add(n)).status).toBe(200);
      const full = await add(3);
      expect(full).toMatchObject({ status: 409, json: { message: expect.stringMatching(/as many lists or entries/) } });
      const own = (await small.service.lists()).find(({ bank }) => bank === 'FILLED')!.list;
      const refused = await ask(`/v1/lists/${own}/contents`, { md5: 'c'.repeat(31) + 1 });
      const full2 = { status: 409, json: { code: 'TENANT_FULL', details: { entries: 2, most: 2 } } };
      expect(refused).toMatchObject(full2);
      const image = await fetch(`${small.url}/v1/lists/${own}/images`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'image/jpeg' },
        body: new Uint8Array(PHOTO),
      });
      expect({ status: image.status, json: await image.json() }).toMatchObject(full2);
    } finally {
      await small.stop();
    }
  });
  test('the own interface has the same contents, by the same numbers', async () => {
    const { list } = (await running.service.store.lists.lists()).find(
      ({ bank, tenant }) => bank === 'COOP_BANK' && tenant === 'coop',
    )!;
    const coop = as(keys.coop);
    const { id } = (await coop('POST', '/c/bank/COOP_BANK/signal', { video_md5: '7a'.repeat(16), note: 'both doors' }))
      .json;
    const own = async (method: string, more = '', json?: unknown, key = keys.coop) =>
      call(running.url, method, `/v1/lists/${list}/contents${more}`, {
        ...(json === undefined ? {} : { json }),
        headers: { authorization: `Bearer ${key}` },
      });
    const changed = await own('PATCH', `/${id}`, { inactive: true, note: 'again' });
    expect(changed.json).toMatchObject({ contentId: id, inactive: true, note: 'again', algorithms: ['md5'] });
    expect((await coop('GET', `/c/bank/COOP_BANK/content/${id}`)).json).toMatchObject({
      disable_until_ts: 0,
      note: 'again',
    });
    const until = '2029-01-01T00:00:00.000Z';
    expect((await own('PATCH', `/${id}`, { inactiveUntil: until })).json).toMatchObject({
      inactive: true,
      inactiveUntil: until,
    });
    expect((await coop('GET', `/c/bank/COOP_BANK/content/${id}`)).json.disable_until_ts).toBe(Date.parse(until) / 1000);
    expect((await own('PATCH', `/${id}`, { inactive: false, inactiveUntil: until })).status).toBe(400);
    // Not of another tenant, nor of a list of everyone.
    expect((await own('PATCH', `/${id}`, { inactive: true }, keys.gem)).status).toBe(404);
    const shared = { headers: { authorization: `Bearer ${keys.coop}` }, json: { md5: '7b'.repeat(16) } };
    expect((await call(running.url, 'POST', '/v1/lists/sample/contents', shared)).status).toBe(403);
    expect((await own('DELETE', `/${id}`)).status).toBe(204);
    expect((await own('DELETE', `/${id}`)).status).toBe(404);
  });
});
