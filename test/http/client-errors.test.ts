/** Faults of a connection: a problem document before an answer has begun, and the end of the connection after. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

test('after an answer has ended, the next fault of the connection has its own', async () => {
  const text = await exchange('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n', 'rubbish\r\n\r\n');
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
});
