/** Limits of a tenant over HTTP: 429 before the body is read, with Retry-After. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TenantChange } from '../../src/store/tenants-contract.js';
import { PICTURES, type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());

const picture = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));
let tenants = 0;

/** Create a new tenant with these limits. */
async function tenantWith(limits: TenantChange['limits']) {
  const tenant = `tenant-${tenants++}`;
  const { store, gates } = running.service;
  const { key } = await store.keys.createKey({ tenant, scopes: ['check', 'check:hashes'], expiresAt: null });
  await store.tenants.setTenant(tenant, { limits: limits ?? {} });
  const authorization = `Bearer ${key}`;
  const post = async (path: string, body: BodyInit, type: string) => {
    const response = await fetch(running.url + path, {
      method: 'POST',
      body,
      headers: { authorization, 'content-type': type },
    });
    const text = await response.text();
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      text,
      json: () => JSON.parse(text),
    };
  };
  return {
    tenant,
    authorization,
    usage: async () => (await gates.of(tenant)).usage,
    /** Take a whole burst, and the next in advance: nothing is left for the duration of a test. */
    exhaust: async () => {
      const gate = await gates.of(tenant);
      gate.takeChecks(gate.checksAtOnce);
      void gate.waitForChecks(gate.checksAtOnce);
    },
    image: () => post('/v1/check', new Uint8Array(picture), 'image/jpeg'),
    items: (count: number) => post('/v1/check/hashes', JSON.stringify({ items: items(count) }), 'application/json'),
    lines: (count: number) =>
      post(
        '/v1/check/hashes',
        items(count)
          .map((item) => JSON.stringify(item))
          .join('\n'),
        'application/x-ndjson',
      ),
    raw: (count: number) =>
      post('/v1/check/hashes?algorithm=md5', new Uint8Array(randomBytes(16 * count)), 'application/octet-stream'),
    post,
  };
}

const items = (count: number) => Array.from({ length: count }, () => ({ md5: randomBytes(16).toString('hex') }));

/** Return the response to a request head whose body is never sent. */
function answerToHead(head: string): Promise<string> {
  const { hostname, port } = new URL(running.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(head));
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (!text.includes('requestId')) return;
      socket.destroy();
      resolve(text);
    });
    socket.on('error', reject);
    socket.setTimeout(60_000, () => reject(new Error('no answer')));
  });
}

describe('rate', () => {
  test('images: 429 with Retry-After once the burst is used up', async () => {
    const { image, usage } = await tenantWith({ checksPerSecond: 1, checksBurst: 10 });
    expect([(await image()).status, (await image()).status]).toEqual([200, 200]);
    expect((await usage()).checks).toBe(2);
    const other = await tenantWith({ checksPerSecond: 1, checksBurst: 10 });
    await other.exhaust();
    const refused = await other.image();
    expect(refused.status).toBe(429);
    expect(Number(refused.retryAfter)).toBeGreaterThanOrEqual(1);
    expect(Number(refused.retryAfter)).toBeLessThanOrEqual(11);
    expect(refused.json()).toMatchObject({ code: 'RATE_LIMITED', details: { perSecond: 1 } });
  });

  test('429 is sent before the body is read', async () => {
    const { exhaust, authorization } = await tenantWith({ checksPerSecond: 1, checksBurst: 10 });
    await exhaust();
    const head = `POST /v1/check HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: image/jpeg\r\nContent-Length: 20000000\r\n\r\n`;
    const answer = await answerToHead(head);
    expect(answer).toMatch(/^HTTP\/1\.1 429 /);
    expect(answer).toMatch(/retry-after: \d+\r\n/i);
    expect(answer).toContain('"code":"RATE_LIMITED"');
  });

  test('a JSON batch counts each item; one larger than the burst gets 413 with the limit', async () => {
    const { items: ask, usage } = await tenantWith({ checksPerSecond: 1, checksBurst: 100 });
    expect((await ask(60)).status).toBe(200);
    const refused = await ask(60);
    expect(refused.status).toBe(429);
    expect(Number(refused.retryAfter)).toBeGreaterThan(10);
    expect(Number(refused.retryAfter)).toBeLessThanOrEqual(20);
    const large = await ask(101);
    expect(large.status).toBe(413);
    expect(large.json()).toMatchObject({ code: 'TOO_MANY_ITEMS', details: { items: 101, itemsMax: 100 } });
    expect((await usage()).checks).toBe(60);
  });

  test('streamed batches are slowed down to the rate instead of refused', async () => {
    const { raw, lines, usage } = await tenantWith({ checksPerSecond: 1_000, checksBurst: 200 });
    const startMs = performance.now();
    expect((await raw(500)).json()).toMatchObject({ checked: 500, matched: 0 });
    expect((await lines(300)).text.trim().split('\n')).toHaveLength(300);
    // 800 at 1,000 a second, the first 200 at once.
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(595);
    expect((await usage()).checks).toBe(800);
  });

  test('a stream that would wait too long gets 429 before its first result', async () => {
    const { raw } = await tenantWith({ checksPerSecond: 1, checksBurst: 50 });
    const refused = await raw(100);
    expect(refused.status).toBe(429);
    expect(refused.json()).toMatchObject({ code: 'RATE_LIMITED' });
    expect(Number(refused.retryAfter)).toBeGreaterThan(10);
  });

  test('a response that has begun ends with the error, and the results before it stand', async () => {
    const other = await tenantWith({ checksPerDay: 10 });
    // The last line has no newline at its end, so it is a piece of its own.
    const told = (await other.lines(11)).text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(told).toHaveLength(11);
    expect(told.slice(0, 10).every(({ verdict }) => verdict === 'no_match')).toBe(true);
    expect(told[10]).toMatchObject({ id: null, error: { code: 'QUOTA_EXCEEDED' } });
  });

  test('with an Idempotency-Key, a stream over the quota fails as a whole and counts nothing', async () => {
    const { authorization } = await tenantWith({ checksPerDay: 10 });
    const body = items(11)
      .map((item) => JSON.stringify(item))
      .join('\n');
    const headers = { authorization, 'content-type': 'application/x-ndjson', 'idempotency-key': 'once' };
    const response = await fetch(`${running.url}/v1/check/hashes`, { method: 'POST', body, headers });
    expect(response.status).toBe(429);
    const stats = await fetch(`${running.url}/v1/stats`, { headers: { authorization } });
    expect(await stats.json()).toMatchObject({ checked: 0 });
  });
});

describe('daily quotas', () => {
  const untilMidnight = () => 86_400 - Math.floor((Date.now() % 86_400_000) / 1000);

  test('checks over the quota get QUOTA_EXCEEDED, with Retry-After until midnight', async () => {
    const { items: ask } = await tenantWith({ checksPerDay: 5 });
    expect((await ask(5)).status).toBe(200);
    const before = untilMidnight();
    const refused = await ask(1);
    expect(refused.json()).toMatchObject({ code: 'QUOTA_EXCEEDED', details: { quota: 'checksPerDay', limit: 5 } });
    expect(Number(refused.retryAfter)).toBeLessThanOrEqual(before + 1);
    expect(Number(refused.retryAfter)).toBeGreaterThanOrEqual(untilMidnight() - 1);
  });

  test('a Content-Length over the quota is refused before the body is read, and not counted', async () => {
    const { authorization, image, usage } = await tenantWith({ bytesPerDay: picture.length + 10 });
    const head = `POST /v1/check HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length + 11}\r\n\r\n`;
    expect(await answerToHead(head)).toContain('"code":"QUOTA_EXCEEDED"');
    expect((await usage()).bytes).toBe(0);
    expect((await image()).status).toBe(200);
    expect((await image()).status).toBe(429);
    expect((await usage()).bytes).toBe(picture.length);
  });

  test.each(['image/jpeg', 'application/octet-stream'])('bytes without Content-Length count too: %s', async (type) => {
    const { authorization, usage } = await tenantWith({ bytesPerDay: 10_000 });
    const path = type === 'image/jpeg' ? '/v1/check' : '/v1/check/hashes?algorithm=md5';
    const send = (pieces: number) =>
      new Promise<string>((resolve, reject) => {
        const request = httpRequest(
          running.url + path,
          { method: 'POST', headers: { authorization, 'content-type': type, 'transfer-encoding': 'chunked' } },
          (response) => {
            let text = `${response.statusCode} `;
            response.on('data', (chunk) => {
              text += String(chunk);
            });
            response.on('end', () => resolve(text));
          },
        );
        request.on('error', reject);
        for (let n = 0; n < pieces; n++) request.write(randomBytes(1_600));
        request.end();
      });
    expect(await send(4)).toMatch(/^200 .*("reason":"not_an_image"|"checked":400)/);
    expect((await usage()).bytes).toBe(6_400);
    expect(await send(4)).toContain('"code":"QUOTA_EXCEEDED"');
  });

  test('distinct hashes count once each', async () => {
    const { post, image } = await tenantWith({ distinctHashesPerDay: 200 });
    const same = JSON.stringify({ items: items(150) });
    for (let n = 0; n < 5; n++) expect((await post('/v1/check/hashes', same, 'application/json')).status).toBe(200);
    const more = await post('/v1/check/hashes', JSON.stringify({ items: items(100) }), 'application/json');
    expect(more.json()).toMatchObject({ code: 'QUOTA_EXCEEDED', details: { quota: 'distinctHashesPerDay' } });
    expect((await image()).status).toBe(429);
  });

  test('an invalid value does not keep the other values from being counted', async () => {
    const { post } = await tenantWith({ distinctHashesPerDay: 50 });
    const body = JSON.stringify({ items: [{ md5: 'x'.repeat(32) }, ...items(100)] });
    expect((await post('/v1/check/hashes', body, 'application/json')).status).toBe(429);
  });
});

describe('concurrent requests', () => {
  test('an upload in progress takes a slot, and frees it when it is aborted', async () => {
    const { authorization, image, usage } = await tenantWith({ concurrentRequests: 1 });
    const { hostname, port } = new URL(running.url);
    const slow = connect(Number(port), hostname);
    slow.write(
      `POST /v1/check HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\nabc`,
    );
    await expect.poll(async () => (await usage()).concurrentRequests).toBe(1);
    const refused = await image();
    expect(refused.json()).toMatchObject({ code: 'TOO_MANY_CONCURRENT', details: { limit: 1 } });
    expect(refused.retryAfter).toBe('1');
    slow.destroy();
    await expect.poll(async () => (await usage()).concurrentRequests).toBe(0);
    expect((await image()).status).toBe(200);
  });
});

test('limits do not apply to changes by an admin', async () => {
  const { store, gates } = running.service;
  const { key } = await store.keys.createKey({ tenant: 'ops', scopes: ['admin'], expiresAt: null });
  await store.tenants.setTenant('ops', { limits: { bytesPerDay: 1, checksPerDay: 1, concurrentRequests: 1 } });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const change = (body: object) =>
    fetch(`${running.url}/v1/tenants/ops`, { method: 'PATCH', headers, body: JSON.stringify(body) });
  expect((await change({ limits: { bytesPerDay: 2 } })).status).toBe(200);
  const answer = await change({ limits: { bytesPerDay: null, checksPerDay: 0 } });
  expect(await answer.json()).toMatchObject({
    tenant: 'ops',
    limits: { bytesPerDay: 0, checksPerDay: 0, concurrentRequests: 1 },
    ownLimits: { checksPerDay: 0, concurrentRequests: 1 },
    today: { checks: 0, bytes: 0 },
  });
  expect((await gates.of('ops')).limits.bytesPerDay).toBe(0);
});
