/** Faults of a connection: a problem document before an answer has begun, and the end of the connection after. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { AppError } from '../../src/core/errors.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService({ requestTimeoutMs: '1500' });
});
afterAll(() => running.stop());

/** Send a text, and `then` once the answer has begun. Result: all that was received. */
function exchange(first: string, then?: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(running.url).port), '127.0.0.1', () => socket.write(first));
    let text = '';
    socket.on('data', (chunk) => {
      if (text === '' && then) socket.write(then);
      text += String(chunk);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

const item = `{"id":"1","md5":"${'0'.repeat(32)}"}\n`;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const lines = `POST /v1/check/hashes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n`;

test.each([
  ['rubbish', 'zz\r\nrubbish'],
  ['nothing', ''],
])('%s after an answer has begun: no second answer in it', async (_name, then) => {
  const text = await exchange(lines + chunk(item), then);
  expect(text).toMatch(/^HTTP\/1\.1 200 .*"id":"1","verdict":"no_match"/s);
  expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
});

test.each<[string, string, number, string]>([
  ['no HTTP', 'rubbish\r\n\r\n', 400, '"field":"request"'],
  [
    'too long headers',
    `GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
    400,
    '"field":"headers"',
  ],
  ['no end of the headers', 'GET /livez HTTP/1.1\r\nHost: loc', 408, 'REQUEST_TIMEOUT'],
  ['no end of the body, before an answer', lines, 408, 'REQUEST_TIMEOUT'],
])('%s: a problem document', async (_name, request, status, part) => {
  const text = await exchange(request);
  const [head, body] = text.split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} .*Content-Type: application/problem\\+json`, 's'));
  expect(body).toContain(part);
  expect(JSON.parse(body!)).toMatchObject({ status, requestId: expect.any(String) });
});

const items = (count: number) =>
  JSON.stringify({ items: Array.from({ length: count }, () => ({ md5: '0'.repeat(32) })) });
const inFlight = async () =>
  Number(/^zeef_body_bytes_in_flight (\d+)/m.exec((await running.service.renderMetrics()).body)?.[1]);

test('an answer that is not read does not hold its memory for ever; one that is read slowly arrives', async () => {
  const body = items(100_000);
  const socket = connect(Number(new URL(running.url).port), '127.0.0.1');
  socket.pause();
  socket.on('error', () => {});
  socket.write(
    `POST /v1/check/hashes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await expect.poll(inFlight, { timeout: 10_000 }).toBeGreaterThan(0);
  await expect.poll(inFlight, { timeout: 20_000 }).toBe(0);
  socket.destroy();

  const response = await fetch(`${running.url}/v1/check/hashes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  let bytes = 0;
  for await (const piece of response.body!) {
    // Longer than the timeout in all, but never without a part of it.
    if (Math.floor(bytes / 2_000_000) < Math.floor((bytes + piece.length) / 2_000_000)) await delay(500);
    bytes += piece.length;
  }
  expect(bytes).toBeGreaterThan(10_000_000);
}, 60_000);

test('a handler that works for longer than the timeout is answered', async () => {
  const work = vi.spyOn(running.service, 'checkImage').mockImplementation(async () => {
    await delay(2_500);
    throw new AppError('QUEUE_FULL');
  });
  const text = await exchange(
    'POST /v1/check HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: image/jpeg\r\nContent-Length: 1\r\n\r\nx',
  );
  work.mockRestore();
  expect(text).toMatch(/^HTTP\/1\.1 503 /);
});

test('after an answer has ended, the next fault of the connection has its own', async () => {
  const text = await exchange('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n', 'rubbish\r\n\r\n');
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
});
