/** The memory of all request bodies has one bound: taken before a body is read, returned at the end of the request. */
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BodyBudget, BodyShare } from '../../src/http/body-budget.js';
import { type Running, startService } from '../support/running.js';

const BUDGET = 33_554_432;
const IMAGE = 9_500_000;

let running: Running;
beforeAll(async () => {
  running = await startService({ bodyBytesInFlightMax: String(BUDGET), imageBytesMax: String(IMAGE) });
});
afterAll(() => running.stop());

/** Begin a request whose body never ends; `answered` resolves with the head of its answer. */
function begin(head: string, body: Uint8Array | string = '', path = '/v1/check', type = 'image/jpeg') {
  const socket: Socket = connect(Number(new URL(running.url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n${head}\r\n\r\n`);
  socket.write(body);
  let text = '';
  const answered = new Promise<string>((resolve) => {
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('requestId') || text.includes('"verdict"')) resolve(text);
    });
  });
  return { socket, answered, isAnswered: () => text !== '' };
}
/** Of four requests that are held open, three fit: return the answer of the one that is refused, and end all. */
async function refusedOfFour(start: () => ReturnType<typeof begin>): Promise<string> {
  const held = [start(), start(), start(), start()];
  const text = await Promise.race(held.map(({ answered }) => answered));
  expect(held.filter(({ isAnswered }) => isAnswered())).toHaveLength(1);
  for (const { socket } of held) socket.destroy();
  return text;
}
/** The status of an image; 200 for one of any size where its share is free again. */
const whole = async () => {
  const headers = { 'content-type': 'image/jpeg' };
  return (await fetch(`${running.url}/v1/check`, { method: 'POST', body: 'x'.repeat(IMAGE), headers })).status;
};

describe('images', () => {
  test('of a stated length: refused before a byte is read, with Retry-After', async () => {
    const text = await refusedOfFour(() => begin(`Content-Length: ${IMAGE}`));
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
    expect(text).toMatch(/retry-after: 1\r\n/i);
    expect(text).toContain('"code":"BODIES_IN_FLIGHT"');
    await expect.poll(whole).toBe(200);
    // The share returns with every answer.
    for (let n = 0; n < 4; n++) expect(await whole()).toBe(200);
  });

  test('in chunks: the share grows with the bytes', async () => {
    const chunk = `${(9_000_000).toString(16)}\r\n${'x'.repeat(9_000_000)}\r\n`;
    expect(await refusedOfFour(() => begin('Transfer-Encoding: chunked', chunk))).toContain(
      '"code":"BODIES_IN_FLIGHT"',
    );
    await expect.poll(whole).toBe(200);
  });

  test('in multipart: one file of a request is in memory', async () => {
    const start = () => begin('Content-Length: 900000000', '--b\r\n', '/v1/check', 'multipart/form-data; boundary=b');
    expect(await refusedOfFour(start)).toContain('"code":"BODIES_IN_FLIGHT"');
    await expect.poll(whole).toBe(200);
  });
});

describe('batches', () => {
  const post = async (body: Uint8Array | string, headers: Record<string, string>, path = '') => {
    const response = await fetch(`${running.url}/v1/check/hashes${path}`, {
      method: 'POST',
      body: body as BodyInit,
      headers,
    });
    return [response.status, ((await response.json()) as { code?: string }).code];
  };
  const json = (bytes: number) => `{"items":[${' '.repeat(bytes - 12)}]}`;

  test('of JSON take several times their bytes; one that exceeds all is refused for its size', async () => {
    await expect.poll(() => post(json(4_000_000), { 'content-type': 'application/json' })).toEqual([200, undefined]);
    expect(await post(json(5_000_000), { 'content-type': 'application/json' })).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test('of packed JSON take the memory of what was packed', async () => {
    const packed = (bytes: number) =>
      gzipSync(`{"items":[${'{},'.repeat(bytes / 3)}{"md5":"${'0'.repeat(32)}"}]}`, { level: 1 });
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const random = `[${Array.from({ length: 200_000 }, () => JSON.stringify({ md5: Math.random().toString(16).slice(2).padEnd(32, '0') }))}]`;
    expect(random.length).toBeGreaterThan(5_000_000);
    expect(await post(gzipSync(`{"items":${random}}`), headers)).toEqual([503, 'BODIES_IN_FLIGHT']);
    await expect.poll(async () => (await post(packed(3_000), headers))[0]).toBe(200);
  });

  test('of raw values take their pieces only', async () => {
    const body = new Uint8Array(40_000_000);
    await expect
      .poll(() => post(body, { 'content-type': 'application/octet-stream' }, '?algorithm=md5'))
      .toEqual([200, undefined]);
  });
});

test('a budget below one image does not start', async () => {
  const flags = { bodyBytesInFlightMax: String(BUDGET), imageBytesMax: String(BUDGET + 1) };
  await expect(startService(flags)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

test('a share is returned once, and a refused one takes nothing', () => {
  const budget = new BodyBudget(10);
  const [a, b] = [new BodyShare(budget), new BodyShare(budget)];
  a.take(10);
  expect(() => b.take(1)).toThrow(expect.objectContaining({ code: 'BODIES_IN_FLIGHT' }));
  b.release();
  expect(budget.taken).toBe(10);
  a.release();
  a.release();
  expect(budget.taken).toBe(0);
});
