/** A verdict by status, at each of its doors: every row of the table, both values of the knob, and what is on record. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { AppError, type ErrorCode } from '../../src/core/errors.js';
import type { Scope } from '../../src/store/keys-contract.js';
import { PHOTOGRAPHS, PICTURES, type Running, startService } from '../support/running.js';

const LISTED = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));
const OTHER = readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg'));
/** Its digest is on a suppression list. */
const SUPPRESSED = readFileSync(join(PHOTOGRAPHS, 'mate-garden.jpg'));
const IMAGE_BYTES_MAX = 3_000_000;
const LARGE = Buffer.alloc(IMAGE_BYTES_MAX + 1, 7);
const LARGE_LISTED = Buffer.alloc(IMAGE_BYTES_MAX + 70_000, 9);

interface Body {
  readonly verdict: string;
  readonly reason: string | null;
  readonly code: string | null;
  readonly checkId: string;
  readonly details: Record<string, string>;
  readonly matches: readonly Record<string, unknown>[];
  readonly results: readonly Body[];
}

/** A service by a value of the knob, with a key for each scope. */
class Door {
  private constructor(
    readonly running: Running,
    readonly keys: Readonly<Record<string, string>>,
  ) {}

  static async open(flags: Record<string, string>): Promise<Door> {
    const all = { adapters: 'pict-rs', imageBytesMax: String(IMAGE_BYTES_MAX), ...flags };
    const running = await startService(all);
    const { store } = running.service;
    const make = async (scopes: readonly Scope[]) =>
      (await store.keys.createKey({ tenant: 'host', scopes, expiresAt: null, name: null })).key;
    const revoked = await store.keys.createKey({ tenant: 'host', scopes: ['check'], expiresAt: null, name: null });
    await store.keys.revokeKey(null, revoked.info.id);
    const md5Of = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');
    await store.lists.createList({ list: 'videos', kind: 'match', radiusBits: 31 });
    await store.lists.createList({ list: 'benign', kind: 'suppression', radiusBits: 0 });
    const add = async (list: string, value: string) =>
      store.lists.replaceEntries(
        list,
        (async function* () {
          const nothing = { category: null, severity: null, source: null, mediaType: null, tags: [], notes: {} };
          const entry = {
            entryId: 'one',
            algorithm: 'md5' as const,
            value,
            status: 'active' as const,
            updatedAt: null,
          };
          yield { ok: true as const, line: 1, entry: { ...entry, ...nothing } };
        })(),
      );
    await add('videos', md5Of(LARGE_LISTED));
    await add('benign', md5Of(SUPPRESSED));
    await running.service.reload();
    return new Door(running, {
      check: await make(['check']),
      hashes: await make(['check:hashes']),
      details: await make(['check', 'check:hashes', 'details']),
      lists: await make(['lists']),
      revoked: revoked.key,
      wrong: `zeef_${'A'.repeat(43)}`,
    });
  }

  async send(path: string, init: RequestInit, key: string | null) {
    const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
    const response = await fetch(this.running.url + path, { ...init, headers: { ...init.headers, ...authorization } });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: JSON.parse(text || '{}') as Body };
  }

  verdict = (body: BodyInit, { key = 'check', query = '', type = 'image/jpeg' } = {}) =>
    this.send(`/v1/verdict${query}`, { method: 'POST', body, headers: { 'content-type': type } }, this.keys[key]!);

  pictrs = (body: BodyInit, { key = 'check', type = 'image/jpeg' } = {}) =>
    this.send(`/adapters/pict-rs/${this.keys[key]}`, { method: 'POST', body, headers: { 'content-type': type } }, null);

  ofHash = (query: string, key = 'hashes') => this.send(`/v1/verdict?${query}`, { method: 'GET' }, this.keys[key]!);

  /** Counts of checks on record, and of those that were not checked. */
  async counts(): Promise<[checked: number, matched: number, notChecked: number]> {
    const { json } = await this.send('/v1/stats', { method: 'GET' }, this.keys.check!);
    const { checked, matched, notChecked } = json as unknown as Record<string, number>;
    return [checked!, matched!, notChecked!];
  }
}

let closed: Door;
let open: Door;
let truncated: Buffer;
beforeAll(async () => {
  closed = await Door.open({});
  open = await Door.open({ verdictFails: 'open' });
  truncated = (await sharp(OTHER).jpeg().toBuffer()).subarray(0, 2_000);
});
afterAll(async () => {
  await closed.running.stop();
  await open.running.stop();
});
afterEach(() => vi.restoreAllMocks());

/** Bytes, the status where it fails closed and open, and the verdict with its reason. */
const TABLE: readonly [string, () => Buffer, number, number, string][] = [
  ['a match', () => LISTED, 406, 406, 'match null'],
  ['no match', () => OTHER, 200, 200, 'no_match null'],
  ['a suppressed match', () => SUPPRESSED, 200, 200, 'suppressed null'],
  ['no image', () => Buffer.from('no image'), 503, 200, 'not_checked not_an_image'],
  ['an image that is cut off', () => truncated, 503, 200, 'not_checked truncated'],
  ['a file over the size limit', () => LARGE, 503, 200, 'not_checked too_large'],
  ['a listed file over the size limit', () => LARGE_LISTED, 406, 406, 'match too_large'],
];

describe.each(['closed', 'open'] as const)('fails %s', (knob) => {
  const door = () => (knob === 'closed' ? closed : open);
  const rows = TABLE.map(([name, bytes, whenClosed, whenOpen, verdict]) => {
    const status = knob === 'closed' ? whenClosed : whenOpen;
    return { name, bytes, status, verdict, code: verdict.startsWith('not_checked') ? 'NOT_CHECKED' : null };
  });

  test.each(rows)('$name: $status at each door, and on record before', async ({ bytes, status, verdict, code }) => {
    const before = await door().counts();
    const body = new Uint8Array(bytes());
    const chunked = () => new Blob([body]).stream();
    const form = new FormData();
    form.append('file', new Blob([body]), 'a.jpg');
    const { send, keys } = door();
    const duplex = { duplex: 'half' } as object;
    const headers = { 'content-type': 'image/jpeg' };
    const answers = [
      await door().verdict(body),
      await door().pictrs(body),
      await send.call(door(), '/v1/verdict', { method: 'POST', body: chunked(), headers, ...duplex }, keys.check!),
      await send.call(
        door(),
        `/adapters/pict-rs/${keys.check}`,
        { method: 'POST', body: chunked(), headers, ...duplex },
        null,
      ),
      await send.call(door(), '/v1/verdict', { method: 'POST', body: form }, keys.check!),
    ];
    for (const { status: got, json } of answers) {
      const one = json.results?.[0] ?? json;
      expect([got, `${one.verdict} ${one.reason}`, json.code]).toEqual([status, verdict, code]);
      expect(one.checkId).toMatch(/^[0-9A-Z]{26}$/);
    }
    const [checked, matched, notChecked] = (await door().counts()).map((now, at) => now - before[at]!);
    const { length } = answers;
    const isMatch = verdict.startsWith('match');
    expect([checked, matched, notChecked]).toEqual([length, isMatch ? length : 0, code === null ? 0 : length]);
  });

  test('no list in force: 503, or 200 where it fails open; recorded', async () => {
    const { service } = door().running;
    const names = ['sample', 'videos'];
    const enable = async (enabled: boolean) => {
      for (const list of names) await service.store.lists.updateList(list, { enabled });
      await service.reload();
    };
    await enable(false);
    try {
      const before = await door().counts();
      for (const answer of [
        await door().verdict(OTHER),
        await door().pictrs(OTHER),
        await door().ofHash(`sha256=${'ab'.repeat(32)}`),
      ]) {
        expect(answer.status).toBe(knob === 'closed' ? 503 : 200);
        expect(answer.json).toMatchObject({ verdict: 'not_checked', reason: 'no_list', code: 'NOT_CHECKED' });
      }
      expect((await door().counts()).map((now, at) => now - before[at]!)).toEqual([3, 0, 3]);
    } finally {
      await enable(true);
    }
  });

  test.each(['QUEUE_FULL', 'SHUTTING_DOWN', 'STORE_FAILED', 'LEDGER_FAILED', 'DECODER_UNAVAILABLE'] as const)(
    'what has no record is refused, whatever the knob says: %s',
    async (code: ErrorCode) => {
      vi.spyOn(door().running.service, 'checkImage').mockRejectedValue(new AppError(code));
      const form = new FormData();
      form.append('file', new Blob([OTHER]), 'a.jpg');
      const answers = [
        await door().verdict(OTHER),
        await door().pictrs(OTHER),
        await door().send('/v1/verdict', { method: 'POST', body: form }, door().keys.check!),
      ];
      for (const { status, json, headers } of answers) {
        expect([status, json.code]).toEqual([503, code]);
        expect(headers.get('retry-after')).toBe('1');
      }
    },
  );

  test.each([
    ['wrong', 401, 'KEY_INVALID'],
    ['revoked', 401, 'KEY_INVALID'],
    ['lists', 403, 'SCOPE_MISSING'],
    ['hashes', 403, 'SCOPE_MISSING'],
  ])('a key that is %s: %i %s, and nothing is recorded', async (key, status, code) => {
    const before = await door().counts();
    for (const answer of [await door().verdict(LISTED, { key }), await door().pictrs(LISTED, { key })]) {
      expect([answer.status, answer.json.code]).toEqual([status, code]);
      expect(answer.text).not.toContain(door().keys[key]!);
    }
    expect(await door().counts()).toEqual(before);
  });

  test('an empty body and another type are refused', async () => {
    for (const send of [door().verdict, door().pictrs]) {
      expect((await send('')).json.code).toBe('BODY_EMPTY');
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'video/'])
        expect([(await send(OTHER, { type })).status, type]).toEqual([415, type]);
    }
  });

  test('of several files a match goes first, then what was not checked', async () => {
    const statusOf = async (...files: (Buffer | string)[]) => {
      const form = new FormData();
      for (const [at, file] of files.entries()) form.append('file', new Blob([file as BlobPart]), `${at}.jpg`);
      return (await door().send('/v1/verdict', { method: 'POST', body: form }, door().keys.check!)).status;
    };
    const unchecked = knob === 'closed' ? 503 : 200;
    expect(await statusOf(OTHER, SUPPRESSED)).toBe(200);
    expect(await statusOf(OTHER, 'no image', SUPPRESSED)).toBe(unchecked);
    expect(await statusOf('no image', LISTED, OTHER)).toBe(406);
  });

  test('files behind a fault have no record, so the answer is 503; 406 where one before it matched', async () => {
    const { service } = door().running;
    for (const [first, status] of [
      [OTHER, 503],
      [LISTED, 406],
    ] as const) {
      const check = service.checkImage;
      vi.spyOn(service, 'checkImage')
        .mockImplementationOnce((...args) => check(...args))
        .mockRejectedValueOnce(new AppError('QUEUE_FULL'));
      const form = new FormData();
      for (const file of [first, OTHER]) form.append('file', new Blob([file]), 'a.jpg');
      const answer = await door().send('/v1/verdict', { method: 'POST', body: form }, door().keys.check!);
      expect(answer).toMatchObject({ status, json: { code: 'NOT_CHECKED', error: { code: 'QUEUE_FULL' } } });
      expect(answer.json.results).toHaveLength(1);
      vi.restoreAllMocks();
    }
  });
});

describe('the status of a match', () => {
  test.each([403, 406, 422, 451])('%i, where the request chooses it', async (status) => {
    const query = `?match=${status}`;
    expect((await closed.verdict(LISTED, { query })).status).toBe(status);
    expect((await closed.verdict(OTHER, { query })).status).toBe(200);
    expect((await closed.verdict('no image', { query })).status).toBe(503);
    const md5 = '3a94856c33abf72d5120897a492e68a2';
    expect((await closed.ofHash(`md5=${md5}&match=${status}`)).status).toBe(status);
  });

  test.each(['200', '204', '401', '404', '500', '', '0406', '406.0'])('%s is refused', async (status) => {
    const { json } = await closed.verdict(LISTED, { query: `?match=${status}` });
    expect([json.code, json.details.field]).toEqual(['REQUEST_INVALID', 'match']);
    const of = await closed.ofHash(`md5=${'0'.repeat(32)}&match=${status}`);
    expect([of.json.code, of.json.details.field]).toEqual(['REQUEST_INVALID', 'match']);
  });

  test('an adapter takes no Idempotency-Key, and no form', async () => {
    const path = `/adapters/pict-rs/${closed.keys.check}`;
    const headers = { 'content-type': 'image/jpeg', 'idempotency-key': 'a' };
    const keyed = await closed.send(path, { method: 'POST', body: OTHER, headers }, null);
    expect(keyed).toMatchObject({ status: 400, json: { details: { field: 'idempotency-key' } } });
    const form = new FormData();
    form.append('file', new Blob([OTHER]), 'a.jpg');
    expect((await closed.send(path, { method: 'POST', body: form }, null)).status).toBe(415);
  });

  test('an adapter takes videos: their digests can match', async () => {
    const type = 'video/mp4';
    expect(await closed.pictrs('no video', { type })).toMatchObject({ status: 503, json: { verdict: 'not_checked' } });
    expect((await closed.pictrs(new Uint8Array(LARGE_LISTED), { type })).status).toBe(406);
    expect((await closed.verdict('no video', { type })).status).toBe(415);
  });

  test('an adapter takes no parameter', async () => {
    const path = `/adapters/pict-rs/${closed.keys.check}?match=200`;
    const init = { method: 'POST', body: LISTED, headers: { 'content-type': 'image/jpeg' } };
    expect(await closed.send(path, init, null)).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } });
  });
});

describe('a file that is known by a value', () => {
  const MD5 = '3a94856c33abf72d5120897a492e68a2';
  test('each kind of value, alone and with others', async () => {
    const { pdq, digests } = (await closed.verdict(LISTED, { query: '?digests=md5,sha1' })).json as unknown as {
      pdq: { hash: string };
      digests: Record<string, string>;
    };
    for (const [query, status] of [
      [`md5=${MD5}`, 406],
      [`md5=${MD5.toUpperCase()}`, 406],
      [`pdq=${pdq.hash}`, 406],
      [`md5=${'0'.repeat(32)}`, 200],
      [`md5=${'0'.repeat(32)}&pdq=${pdq.hash}`, 406],
      [`sha1=${'0'.repeat(40)}&md5=${digests.md5}&lists=videos`, 200],
    ] as const)
      expect([query, (await closed.ofHash(query)).status]).toEqual([query, status]);
  });

  test('HEAD and a reference; both are recorded', async () => {
    const before = await closed.counts();
    const { status } = await closed.send(`/v1/verdict?md5=${MD5}`, { method: 'HEAD' }, closed.keys.hashes!);
    const { json } = await closed.ofHash(`md5=${MD5}&reference=file/1`);
    expect([status, (json as unknown as { id: string }).id]).toEqual([406, 'file/1']);
    expect((await closed.counts()).map((now, at) => now - before[at]!)).toEqual([2, 2, 0]);
  });

  test('nothing, an invalid value, an unknown list, a radius without details and a key without the scope', async () => {
    for (const [query, status, code, key] of [
      ['match=403', 400, 'REQUEST_INVALID', 'hashes'],
      ['md5=abc', 422, 'VALUE_INVALID', 'hashes'],
      [`sha256=${'g'.repeat(64)}`, 422, 'VALUE_INVALID', 'hashes'],
      [`md5=${MD5}&lists=nowhere`, 404, 'LIST_NOT_FOUND', 'hashes'],
      [`pdq=${'ab'.repeat(32)}&radius=3`, 403, 'SCOPE_MISSING', 'hashes'],
      [`md5=${MD5}`, 403, 'SCOPE_MISSING', 'check'],
    ] as const) {
      const answer = await closed.ofHash(query, key);
      expect([query, answer.status, answer.json.code]).toEqual([query, status, code]);
    }
  });
});

describe('the facts of an answer', () => {
  test('without the scope details a match has its list, its type and two flags', async () => {
    for (const send of [closed.verdict, closed.pictrs]) {
      const [plain, more] = [await send(LISTED), await send(LISTED, { key: 'details' })];
      expect(Object.keys(plain.json.matches[0]!).sort()).toEqual(['list', 'matchType', 'quarantined', 'suppressed']);
      expect(more.json.matches[0]).toMatchObject({ list: 'sample', entryId: expect.any(String), distance: 0 });
    }
    const md5 = 'md5=3a94856c33abf72d5120897a492e68a2';
    expect(Object.keys((await closed.ofHash(md5)).json.matches[0]!)).not.toContain('entryId');
    expect((await closed.ofHash(md5, 'details')).json.matches[0]).toMatchObject({ entryId: 'mate-freshflower' });
  });

  test('an Idempotency-Key counts once, and is answered with the same status', async () => {
    const before = await closed.counts();
    for (let time = 0; time < 3; time++) {
      const headers = { 'content-type': 'image/jpeg', 'idempotency-key': 'upload-1' };
      const init = { method: 'POST', body: LISTED, headers };
      expect((await closed.send('/v1/verdict', init, closed.keys.check!)).status).toBe(406);
    }
    expect((await closed.counts()).map((now, at) => now - before[at]!)).toEqual([1, 1, 0]);
    const headers = { 'content-type': 'image/jpeg', 'idempotency-key': 'upload-1' };
    const other = await closed.send('/v1/verdict', { method: 'POST', body: OTHER, headers }, closed.keys.check!);
    expect([other.status, other.json.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
  });
});

test('an adapter that is not switched on is 404, with a good key too', async () => {
  const off = await Door.open({ adapters: 'none' });
  try {
    const { status, json } = await off.pictrs(OTHER);
    expect([status, json.code]).toEqual([404, 'ADAPTER_OFF']);
    expect((await off.verdict(OTHER)).status).toBe(200);
  } finally {
    await off.running.stop();
  }
});

test('limits of the tenant apply to the key in the path', async () => {
  const { store } = closed.running.service;
  const { key } = await store.keys.createKey({ tenant: 'slow', scopes: ['check'], expiresAt: null, name: null });
  await store.tenants.setTenant('slow', { limits: { checksPerDay: 2, bytesPerDay: 10 * OTHER.length } });
  const send = () => {
    const init = { method: 'POST', body: OTHER, headers: { 'content-type': 'image/jpeg' } };
    return closed.send(`/adapters/pict-rs/${key}`, init, null);
  };
  expect([(await send()).status, (await send()).status]).toEqual([200, 200]);
  expect(await send()).toMatchObject({ status: 429, json: { code: 'QUOTA_EXCEEDED' } });
});

test('a queue that is full is 503, by a real one', async () => {
  const busy = await Door.open({ workers: '1', queueImagesPerWorker: '1', cacheBytesMax: '0' });
  try {
    // Large ones: the second is still decoded when the last arrives.
    const images: Buffer[] = [];
    for (let n = 0; n < 12; n++)
      images.push(
        await sharp(OTHER)
          .resize(2_400 + n)
          .jpeg({ quality: 40 })
          .toBuffer(),
      );
    const answers = await Promise.all(images.map((image) => busy.pictrs(new Uint8Array(image))));
    const codes = answers.map(({ status, json }) => `${status} ${json.code}`);
    expect(new Set(codes)).toEqual(new Set(['200 null', '503 QUEUE_FULL']));
    const passed = codes.filter((code) => code.startsWith('200')).length;
    expect((await busy.counts())[0]).toBe(passed);
  } finally {
    await busy.running.stop();
  }
});

test('a service that drains is 503', async () => {
  const ending = await Door.open({});
  try {
    expect((await ending.pictrs(OTHER)).status).toBe(200);
    const image = await sharp(OTHER).resize(700).jpeg().toBuffer();
    await ending.running.service.close();
    const { status } = await ending.pictrs(new Uint8Array(image));
    expect(status).toBeGreaterThanOrEqual(500);
  } finally {
    await ending.running.stop().catch(() => {});
  }
});
