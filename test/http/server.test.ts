import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listRows } from '../../bench/list-rows.js';
import { decoderPids } from '../support/decoder-pids.js';
import { hasHnsw } from '../support/hnsw.js';
import { sceneRaster } from '../support/random.js';
import { PHOTOGRAPHS, PICTURES, type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService({ requestTimeoutMs: '1500', imageBytesMax: '3000000' });
});
afterAll(() => running.stop());

const picture = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));
const isPicture = (name: string) => /\.(jpg|webp|png)$/.test(name);

/** The fields of a response or problem that the tests read. */
interface Answer {
  readonly id: string | null;
  readonly verdict: string;
  readonly reason: string | null;
  readonly code: string;
  readonly requestId: string;
  readonly matches: { readonly matchType: string; readonly distance: number }[];
  readonly results: unknown[];
  readonly digests: Record<string, string>;
  readonly pdq: { readonly hash: string };
  readonly pdqFull: { readonly hash: string } | null;
}

async function post(path: string, body: BodyInit, type: string | null = 'application/octet-stream', headers = {}) {
  const response = await fetch(running.url + path, {
    method: 'POST',
    body,
    headers: { ...(type ? { 'content-type': type } : {}), ...headers },
  });
  return { status: response.status, headers: response.headers, json: (await response.json()) as Answer };
}

describe('check options', () => {
  test('SHA-256 is always returned, other digests where requested or held by a list', async () => {
    const unasked = await post('/v1/check', new Uint8Array(picture));
    const held = Object.entries((await running.service.lists())[0]!.entriesByAlgorithm).filter(
      ([, count]) => count > 0,
    );
    const holds = (name: string) => held.some(([algorithm]) => algorithm === name);
    expect(Object.keys(unasked.json.digests).sort()).toEqual(
      ['md5', 'sha1', 'sha256'].filter((name) => name === 'sha256' || holds(name)),
    );
    const asked = await post('/v1/check?digests=md5,sha1', new Uint8Array(picture));
    for (const name of ['md5', 'sha1', 'sha256']) {
      expect(asked.json.digests[name]).toBe(createHash(name).update(picture).digest('hex'));
    }
    expect((await post('/v1/check?digests=crc32', new Uint8Array(picture))).status).toBe(400);
  });

  test('the PDQ hashes of both families are those of POST /v1/hash; small images have one', async () => {
    const small = await sharp(picture).resize(512, 400, { fit: 'fill' }).png().toBuffer();
    for (const [image, hasFull] of [
      [picture, true],
      [small, false],
    ] as const) {
      const [checked, hashed] = [await post('/v1/check', image), await post('/v1/hash', image)];
      expect(checked.json.pdq).toEqual(hashed.json.pdq);
      expect([checked.json.pdqFull, checked.json.pdqFull !== null]).toEqual([hashed.json.pdqFull, hasFull]);
    }
    expect((await post('/v1/check', 'no image')).json).toMatchObject({ pdq: null, pdqFull: null });
  });

  test('a listed image late in an animation is found by default, its frame is returned, and ?frames=1 is the first alone', async () => {
    const [width, height, count] = [320, 200, 5];
    const frame = (seed: number) => Buffer.from(sceneRaster(seed, width, height, 3).data);
    const known = await sharp(picture).resize(width, height, { fit: 'fill' }).removeAlpha().raw().toBuffer();
    const frames = [frame(1), frame(2), frame(3), frame(4), known];
    const file = await sharp(Buffer.concat(frames), {
      raw: { width, height: height * count, channels: 3, pageHeight: height },
    })
      .webp({ quality: 90 })
      .toBuffer();
    expect((await post('/v1/check?frames=1', new Uint8Array(file))).json.verdict).toBe('no_match');
    const { json } = await post('/v1/check', new Uint8Array(file));
    expect(json.verdict).toBe('match');
    expect(json.matches[0]).toMatchObject({ matchType: 'near', frame: 4, background: null });
    expect((await post('/v1/check?frames=17', new Uint8Array(file))).status).toBe(400);
    expect((await post('/v1/check?frames=0', new Uint8Array(file))).status).toBe(400);
  });
});

describe('a sample image and its variants', () => {
  const half = () => sharp(picture).resize(800);
  test.each<[string, () => Promise<Buffer>]>([
    ['unchanged', async () => picture],
    ['JPEG of quality 40', () => sharp(picture).jpeg({ quality: 40 }).toBuffer()],
    ['WebP', () => sharp(picture).webp().toBuffer()],
    ['PNG', () => sharp(picture).png({ compressionLevel: 1 }).toBuffer()],
    ['halved', () => half().jpeg().toBuffer()],
    ['slightly blurred', () => sharp(picture).blur(1.2).jpeg().toBuffer()],
    ['rotated by 90 degrees', () => half().rotate(90).jpeg().toBuffer()],
    ['mirrored', () => half().flop().jpeg().toBuffer()],
  ])('%s: a match within 31', async (_name, make) => {
    const { status, json } = await post('/v1/check', new Uint8Array(await make()));
    expect(status).toBe(200);
    expect(json.verdict).toBe('match');
    const nearest = json.matches.find((match) => match.matchType === 'near');
    expect(nearest).toMatchObject({ list: 'sample', algorithm: 'pdq' });
    expect(nearest!.distance).toBeLessThanOrEqual(31);
  });

  test('a rotated image does not match with ?orientations=none', async () => {
    const { json } = await post(
      '/v1/check?orientations=none',
      new Uint8Array(await half().rotate(90).jpeg().toBuffer()),
    );
    expect(json.verdict).toBe('no_match');
  });

  test('twenty other photographs do not match', async () => {
    const others = readdirSync(PHOTOGRAPHS).filter(isPicture);
    expect(others.length).toBeGreaterThanOrEqual(20);
    for (const name of others) {
      expect((await post('/v1/check', readFileSync(join(PHOTOGRAPHS, name)))).json, name).toMatchObject({
        verdict: 'no_match',
        matches: [],
      });
    }
  });
});

describe('query parameters', () => {
  test('reference is returned as id; lists and radius narrow the search', async () => {
    expect((await post('/v1/check?reference=r-1', picture)).json.id).toBe('r-1');
    const other = new Uint8Array(await sharp(picture).jpeg({ quality: 40 }).toBuffer());
    const distance = (await post('/v1/check', other)).json.matches[0]!.distance;
    expect((await post(`/v1/check?radius=${distance}`, other)).json.verdict).toBe('match');
    if (distance > 0) expect((await post(`/v1/check?radius=${distance - 1}`, other)).json.verdict).toBe('no_match');
    expect((await post('/v1/check?lists=sample', picture)).json.verdict).toBe('match');
    expect(await post('/v1/check?lists=nowhere', picture)).toMatchObject({
      status: 404,
      json: { code: 'LIST_NOT_FOUND' },
    });
  });

  test('several files are answered in order, also a broken one', async () => {
    const form = new FormData();
    form.append('a', new Blob([picture]), 'a.jpg');
    form.append('b', new Blob(['no picture']), 'b.txt');
    const { json } = await post('/v1/check', form, null);
    expect(json.results).toMatchObject([
      { id: 'a.jpg', verdict: 'match' },
      { id: 'b.txt', verdict: 'not_checked', reason: 'not_an_image' },
    ]);
  });
});

describe('hashes', () => {
  test('results are in order, an invalid item fails alone, and digests and PDQ match', async () => {
    const known = (await post('/v1/hash', picture)).json;
    const items = [
      { id: 'p', pdq: known.pdq.hash },
      { id: 'm', md5: known.digests.md5!.toUpperCase() },
      { id: 'x', pdq: 'zz' },
      { id: 'n', sha256: '0'.repeat(64) },
      {},
      { photodna: 'AA==' },
    ];
    const { json } = await post('/v1/check/hashes', JSON.stringify({ items }), 'application/json');
    expect(json).toMatchObject({ checked: 3, matched: 2 });
    expect(json.results).toMatchObject([
      { id: 'p', verdict: 'match', matches: [{ distance: 0, family: null }, { entryId: 'mate-freshflower-full' }] },
      { id: 'm', verdict: 'match', matches: [{ matchType: 'exact', algorithm: 'md5' }] },
      { id: 'x', error: { code: 'VALUE_INVALID', field: 'pdq' } },
      { id: 'n', verdict: 'no_match' },
      { error: { code: 'VALUE_INVALID' } },
      { error: { code: 'PHOTODNA_UNCONFIGURED' } },
    ]);
  });

  test('a hash with a quality below 50 is not matched as near', async () => {
    const { pdq } = (await post('/v1/hash', picture)).json;
    for (const [quality, verdict] of [
      [49, 'no_match'],
      [50, 'match'],
    ] as const) {
      const { json } = await post(
        '/v1/check/hashes',
        JSON.stringify({ items: [{ pdq: pdq.hash, quality }] }),
        'application/json',
      );
      expect(json.results[0]).toMatchObject({ verdict, lowQuality: quality < 50 });
    }
  });
});

describe('streamed batches', () => {
  const ndjson = (lines: readonly string[]) => lines.join('\n');
  async function ask(path: string, type: string, body: BodyInit) {
    const response = await fetch(running.url + path, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    } as RequestInit);
    return { status: response.status, text: await response.text() };
  }

  test('NDJSON results equal the JSON results, in order, also for invalid lines', async () => {
    const known = (await post('/v1/hash', picture)).json;
    const some = [
      { id: 'p', pdq: known.pdq.hash },
      { md5: known.digests.md5! },
      { id: 'both', pdq: known.pdq.hash, md5: '0'.repeat(32) },
      { id: 'ü"', sha1: known.digests.sha1! },
      { id: 'x', pdq: 'zz' },
      { id: 'q', pdq: known.pdq.hash, quality: 3 },
    ];
    const many = Array.from({ length: 700 }, (_, at) => ({
      id: `n${at}`,
      pdq: at % 100 === 7 ? known.pdq.hash : at.toString(16).padStart(64, '0'),
    }));
    const items = [...some, ...many];
    const json = (await post('/v1/check/hashes', JSON.stringify({ items }), 'application/json')).json;
    const { status, text } = await ask(
      '/v1/check/hashes',
      'application/x-ndjson',
      ndjson(items.map((item) => JSON.stringify(item))),
    );
    expect(status).toBe(200);
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(json.results);
    const broken = await ask('/v1/check/hashes', 'application/x-ndjson', '{"pdq":\n\n{"id":7}\n');
    expect(
      broken.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { error: { code: 'VALUE_INVALID', field: null } },
      { error: { code: 'VALUE_INVALID', field: 'id' } },
    ]);
  });

  test('a line is answered before the next one is sent; a line over the limit fails alone', async () => {
    const { pdq } = (await post('/v1/hash', picture)).json;
    let push: (text: string) => void = () => {};
    let end: () => void = () => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        push = (text) => controller.enqueue(new TextEncoder().encode(text));
        end = () => controller.close();
      },
    });
    push(`{"id":"1","pdq":"${pdq.hash}"}\n`);
    const response = await fetch(`${running.url}/v1/check/hashes`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-ndjson' },
      duplex: 'half',
    } as RequestInit);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = await reader.read();
    expect(JSON.parse(first.value!)).toMatchObject({ id: '1', verdict: 'match' });
    push(`{"id":"${'x'.repeat(200_000)}"`);
    push(`}\n{"id":"2","pdq":"${pdq.hash}"}\n`);
    end();
    let rest = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
    expect(
      rest
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ error: { code: 'VALUE_INVALID' } }, { id: '2', verdict: 'match' }]);
  });

  test('raw values: only matches are returned, with their index', async () => {
    const known = (await post('/v1/hash', picture)).json;
    const values = Buffer.alloc(20_000 * 32);
    for (const at of [0, 9_999, 19_999]) values.write(known.pdq.hash, at * 32, 'hex');
    const pdq = await ask('/v1/check/hashes?algorithm=pdq', 'application/octet-stream', new Uint8Array(values));
    const json = JSON.parse(pdq.text) as Answer & { results: { index: number }[] };
    expect(json).toMatchObject({ checked: 20_000, matched: 3 });
    expect(json.results.map(({ index }) => index)).toEqual([0, 9_999, 19_999]);
    expect(json.results[0]).toMatchObject({ verdict: 'match', matches: [{ list: 'sample', distance: 0 }, {}] });
    const md5 = Buffer.from(known.digests.md5! + '0'.repeat(32), 'hex');
    const digests = await ask('/v1/check/hashes?algorithm=md5', 'application/octet-stream', new Uint8Array(md5));
    expect(JSON.parse(digests.text)).toMatchObject({ checked: 2, matched: 1, results: [{ index: 0 }] });
  });

  test('rotated copies match only with ?orientations=all', async () => {
    const turned = await sharp(picture).resize(800).rotate(90).png().toBuffer();
    const { pdq } = (await post('/v1/hash', new Uint8Array(turned))).json;
    const body = new Uint8Array(Buffer.from(pdq.hash.repeat(100), 'hex'));
    const asked = async (orientations: string) =>
      JSON.parse(
        (await ask(`/v1/check/hashes?algorithm=pdq&orientations=${orientations}`, 'application/octet-stream', body))
          .text,
      ) as Answer;
    expect(await asked('none')).toMatchObject({ checked: 100, matched: 0 });
    const all = await asked('all');
    expect(all).toMatchObject({ checked: 100, matched: 100 });
    expect(all.results[99]).toMatchObject({
      index: 99,
      matches: [{ orientation: 'rotate90' }, { orientation: 'rotate90' }],
    });
  });

  test('an incomplete value is an error: at once where the length is known, else at the end', async () => {
    const known = await post('/v1/check/hashes?algorithm=pdq', new Uint8Array(33));
    expect(known).toMatchObject({ status: 422, json: { code: 'VALUE_INVALID' } });
    const stream = new Blob([new Uint8Array(33)]).stream();
    const { text } = await ask('/v1/check/hashes?algorithm=pdq', 'application/octet-stream', stream);
    expect(JSON.parse(text)).toMatchObject({ checked: 1, matched: 0, error: { code: 'VALUE_INVALID' } });
    expect(await post('/v1/check/hashes', new Uint8Array(32))).toMatchObject({
      status: 400,
      json: { code: 'REQUEST_INVALID' },
    });
    expect(await post('/v1/check/hashes?algorithm=photodna', new Uint8Array(32))).toMatchObject({ status: 400 });
    expect(await post('/v1/check/hashes?algorithm=pdq&lists=none', new Uint8Array(32))).toMatchObject({
      status: 404,
      json: { code: 'LIST_NOT_FOUND' },
    });
  });

  test('every value counts once', async () => {
    const checked = async () =>
      ((await (await fetch(`${running.url}/v1/stats`)).json()) as { checked: number; matched: number }).checked;
    const before = await checked();
    await ask('/v1/check/hashes?algorithm=md5', 'application/octet-stream', new Uint8Array(16 * 5_000));
    expect((await checked()) - before).toBe(5_000);
  });
});

const PHOTODNA_INDEXES = hasHnsw ? (['hnsw', 'linear'] as const) : (['linear'] as const);

test.each(PHOTODNA_INDEXES)(
  'PhotoDNA values match within the configured radius, and exact is right for the index %s',
  async (kind) => {
    const exact = kind === 'linear';
    const other = await startService({ photodnaRadius: '20', photodnaIndex: kind });
    try {
      const value = new Uint8Array(144).fill(90);
      await other.service.store.lists.createList({ list: 'licensed', kind: 'match', radiusBits: 31 });
      await other.service.store.lists.replaceEntries('licensed', listRows('photodna', value));
      await other.service.reload();
      const near = value.slice();
      near[7] = 110;
      const far = value.slice();
      far[7] = 111;
      const items = [
        { id: 'near', photodna: Buffer.from(near).toString('base64') },
        { id: 'far', photodna: Buffer.from(far).toString('hex') },
        { id: 'wrong', photodna: 'AA==' },
        { id: 'md5', md5: '0'.repeat(32) },
      ];
      const response = await fetch(`${other.url}/v1/check/hashes`, {
        method: 'POST',
        body: JSON.stringify({ items }),
        headers: { 'content-type': 'application/json' },
      });
      expect(((await response.json()) as Answer).results).toMatchObject([
        { verdict: 'match', exact, matches: [{ list: 'licensed', distance: 20, radius: 20, orientation: null }] },
        { verdict: 'no_match', exact },
        { error: { code: 'VALUE_INVALID', field: 'photodna' } },
        { verdict: 'no_match', exact: true },
      ]);
    } finally {
      await other.stop();
    }
  },
);

describe('refused requests', () => {
  test.each<[string, string, BodyInit, string, number, string]>([
    ['no image to hash', '/v1/hash', 'hello', 'image/jpeg', 422, 'IMAGE_NOT_AN_IMAGE'],
    ['an empty body', '/v1/check', '', 'image/jpeg', 422, 'BODY_EMPTY'],
    ['an unsupported Content-Type', '/v1/check', 'x', 'text/plain', 415, 'MEDIA_TYPE_UNSUPPORTED'],
    ['JSON as an image', '/v1/check', '{}', 'application/json', 415, 'MEDIA_TYPE_UNSUPPORTED'],
    ['a body over the limit', '/v1/check', 'x'.repeat(3_000_001), 'image/jpeg', 413, 'BODY_TOO_LARGE'],
    ['an invalid parameter', '/v1/check?radius=257', 'x', 'image/jpeg', 400, 'REQUEST_INVALID'],
    ['broken JSON', '/v1/check/hashes', '{', 'application/json', 400, 'REQUEST_INVALID'],
    ['no items', '/v1/check/hashes', '{}', 'application/json', 400, 'REQUEST_INVALID'],
    ['an unknown path', '/v2/check', 'x', 'image/jpeg', 404, 'NOT_FOUND'],
  ])('%s', async (_name, path, body, type, status, code) => {
    const { status: got, json, headers } = await post(path, body, type);
    expect([got, json.code]).toEqual([status, code]);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(json.requestId).toBe(headers.get('x-request-id'));
  });

  test('a body of exactly the limit is checked', async () => {
    expect((await post('/v1/check', 'x'.repeat(3_000_000), 'image/jpeg')).json.reason).toBe('not_an_image');
  });

  test('a body that does not arrive in time gets 408', async () => {
    const { hostname, port } = new URL(running.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      'POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\nslow',
    );
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
    });
    expect(answer).toContain('408');
  });
});

test('every check is counted once, by verdict, reason and list', async () => {
  const before = await (await fetch(`${running.url}/v1/stats`)).json();
  await post('/v1/check', picture);
  await post('/v1/check', 'nothing');
  const after = await (await fetch(`${running.url}/v1/stats`)).json();
  expect(after.checked - before.checked).toBe(2);
  expect(after.matched - before.matched).toBe(1);
  expect(after.byReason.not_an_image - (before.byReason.not_an_image ?? 0)).toBe(1);
  expect(after.byList.sample - before.byList.sample).toBe(1);
});

test('health, metrics, the OpenAPI document and its page are served', async () => {
  expect(await (await fetch(`${running.url}/livez`)).json()).toEqual({ status: 'alive' });
  expect(await (await fetch(`${running.url}/readyz`)).json()).toMatchObject({ ready: true });
  expect(await (await fetch(`${running.url}/metrics`)).text()).toMatch(
    /^zeef_checks_total\{kind="image",verdict="match"\} \d+/m,
  );
  const { paths } = await (await fetch(`${running.url}/openapi.json`)).json();
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      '/v1/check',
      '/v1/check/hashes',
      '/v1/hash',
      '/v1/lists',
      '/v1/stats',
      '/livez',
      '/readyz',
      '/metrics',
    ]),
  );
  expect((await fetch(`${running.url}/docs/`)).status).toBe(200);
  const lists = await (await fetch(`${running.url}/v1/lists`)).json();
  expect(lists.lists).toMatchObject([{ list: 'sample', entryCount: 40 }]);
});

describe('the decoder process is killed with 50 requests in flight', () => {
  test('every request gets its verdict, and so does the next', async () => {
    const small = new Uint8Array(await sharp(picture).resize(500).jpeg().toBuffer());
    await post('/v1/check', small);
    const flying = Array.from({ length: 50 }, () => post('/v1/check', small));
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const pid of decoderPids()) process.kill(pid, 'SIGSEGV');
    const answers = await Promise.all(flying);
    expect(answers.every(({ status, json }) => status === 200 && json.verdict === 'match')).toBe(true);
    expect((await post('/v1/check', small)).json.verdict).toBe('match');
  });
});

describe('keys', () => {
  test('once a key exists, every request needs a key with the scope, and details need theirs', async () => {
    const keyed = await startService();
    try {
      const { key: plain } = await keyed.service.store.keys.createKey({
        tenant: 't',
        scopes: ['check'],
        expiresAt: null,
      });
      const { key: detailed } = await keyed.service.store.keys.createKey({
        tenant: 't',
        scopes: ['check', 'details'],
        expiresAt: null,
      });
      const { key: expired } = await keyed.service.store.keys.createKey({
        tenant: 't',
        scopes: ['check'],
        expiresAt: '2020-01-01T00:00:00Z',
      });
      const ask = async (key?: string, path = '/v1/check') => {
        const response = await fetch(keyed.url + path, {
          method: 'POST',
          body: picture,
          headers: { 'content-type': 'image/jpeg', ...(key ? { authorization: `Bearer ${key}` } : {}) },
        });
        return { status: response.status, json: await response.json() };
      };
      expect(await ask()).toMatchObject({ status: 401, json: { code: 'KEY_MISSING' } });
      expect(await ask('zeef_wrong')).toMatchObject({ status: 401, json: { code: 'KEY_INVALID' } });
      expect(await ask(expired)).toMatchObject({ status: 401, json: { code: 'KEY_INVALID' } });
      expect(await ask(plain, '/v1/check/hashes')).toMatchObject({ status: 403, json: { code: 'SCOPE_MISSING' } });
      const { json } = await ask(plain);
      expect(Object.keys(json.matches[0]).sort()).toEqual(['list', 'matchType', 'quarantined', 'suppressed']);
      expect((await ask(detailed)).json.matches[0]).toMatchObject({ entryId: 'mate-freshflower', distance: 0 });
      const stats = await fetch(`${keyed.url}/v1/stats`, { headers: { authorization: `Bearer ${plain}` } });
      expect(await stats.json()).toMatchObject({ checked: 2, matched: 2 });
    } finally {
      await keyed.stop();
    }
  });

  test('a public address without a key is refused', async () => {
    await expect(startService({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
