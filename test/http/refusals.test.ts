/** The table of refusals in the documentation: each of them, sent as bytes. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());

function answerTo(
  request: string,
): Promise<{ readonly status: number; readonly code: string; readonly field: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(running.url).port), '127.0.0.1', () => socket.write(request));
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const { status, code, details } = JSON.parse(text.slice(text.indexOf('\r\n\r\n')));
      resolve({ status, code, field: details.field });
    });
  });
}

const head = (line: string, ...headers: readonly string[]) =>
  [`${line} HTTP/1.1`, 'Connection: close', ...headers, '', ''].join('\r\n');
const LOCAL = 'Host: localhost';
const post = (path: string, body: string, ...headers: readonly string[]) =>
  `${head(`POST ${path}`, LOCAL, `Content-Length: ${body.length}`, ...headers)}${body}`;
const part = (coding: string) =>
  `--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\nContent-Transfer-Encoding: ${coding}\r\n\r\neA==\r\n--b--\r\n`;
const JSON_TYPE = 'Content-Type: application/json';

/** Requests by the answer and the field of their row. */
const REQUESTS: Readonly<Record<string, readonly string[]>> = {
  '400 REQUEST_INVALID host': [head('GET /v1/lists', LOCAL, LOCAL), head('GET /livez', LOCAL, 'Host: zeef.example')],
  '400 REQUEST_INVALID the parameter': [
    head('GET /v1/lists?a=%ff', LOCAL),
    head('GET /v1/lists?a=%00', LOCAL),
    head('GET /v1/lists?a=1', LOCAL),
  ],
  '400 REQUEST_INVALID the header': [
    head('GET /v1/lists', LOCAL, 'Zeef-A: a'),
    head('GET /v1/hits', LOCAL, 'Zeef-A: b'),
  ],
  '400 REQUEST_INVALID path': [head('GET /v1/lists/%ff', LOCAL), head('GET /v1/lists/a%00', LOCAL)],
  '400 REQUEST_INVALID body': [`${head('GET /v1/lists', LOCAL, 'Content-Length: 1')}x`],
  '400 REQUEST_INVALID content-type': [
    post('/v1/check', 'x', 'Content-Type: multipart/form-data'),
    post('/v1/check', 'x', `Content-Type: multipart/form-data; boundary=${'b'.repeat(71)}`),
  ],
  '403 ORIGIN_NOT_ALLOWED origin': [head('GET /v1/lists', LOCAL, 'Origin: https://evil.example')],
  '403 ORIGIN_NOT_ALLOWED sec-fetch-site': [head('GET /v1/lists', LOCAL, 'Sec-Fetch-Site: cross-site')],
  '405 METHOD_NOT_ALLOWED method': [head('PUT /v1/lists', LOCAL)],
  '415 MEDIA_TYPE_UNSUPPORTED content-type': [
    post('/v1/check', 'x', 'Content-Type: text/html'),
    post('/v1/lists', '{}', 'Content-Type: application/json; charset=latin1'),
    post('/v1/lists', '{}', 'Content-Type: text/plain'),
    post('/v1/lists', 'a=1', 'Content-Type: application/x-www-form-urlencoded'),
    post('/v1/lists', '{}'),
  ],
  '415 MEDIA_TYPE_UNSUPPORTED content-encoding': [post('/v1/lists', '{}', JSON_TYPE, 'Content-Encoding: gzip')],
  '415 MEDIA_TYPE_UNSUPPORTED transfer-encoding': [
    `${head('POST /v1/lists', LOCAL, JSON_TYPE, 'Transfer-Encoding: gzip, chunked')}0\r\n\r\n`,
  ],
  '415 MEDIA_TYPE_UNSUPPORTED content-transfer-encoding': ['base64', 'quoted-printable'].map((coding) =>
    post('/v1/check', part(coding), 'Content-Type: multipart/form-data; boundary=b'),
  ),
  '421 HOST_NOT_ALLOWED host': [head('GET /v1/lists', 'Host: evil.example')],
};

/** What the requests name where the row has no name. */
const NAMED: Readonly<Record<string, string>> = { 'the parameter': 'a', 'the header': 'zeef-a' };

/** Rows of the table, one for each field. */
function documented(): string[] {
  const text = readFileSync('docs/api.md', 'utf8');
  const [, table = ''] = text.split('| answer | `field` | request |\n| --- | --- | --- |\n');
  return table
    .split('\n\n', 1)[0]!
    .split('\n')
    .flatMap((row) => {
      const [answer = '', fields = ''] = row
        .split('|')
        .slice(1)
        .map((cell) => cell.trim());
      return fields.split(' or ').map((field) => `${answer} ${field}`.replaceAll('`', ''));
    });
}

test('the table has them all', () => {
  expect(documented().sort()).toEqual(Object.keys(REQUESTS).sort());
});

test.each(Object.entries(REQUESTS))('%s', async (row, requests) => {
  const [, status, code, field] = /^(\d+) (\w+) (.+)$/.exec(row)!;
  for (const request of requests)
    expect(await answerTo(request), request).toEqual({
      status: Number(status),
      code,
      field: NAMED[field!] ?? field,
    });
});
