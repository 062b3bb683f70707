/** The key in the path of an adapter is in no line of the log, no metric, no file and no error of another address. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { withoutKeys } from '../../src/http/shown-path.js';
import { run, serve } from '../support/processes.js';
import { PHOTOGRAPHS } from '../support/running.js';

const IMAGE = readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg'));

test('a path with a key is shown without it', () => {
  const key = `zeef_${'aB-_9'.repeat(9)}`.slice(0, 48);
  for (const path of [
    `/adapters/pict-rs/${key}`,
    `//adapters//pict-rs/${key}/x?y=1`,
    `/ADAPTERS/pictrs/${key}`,
    `/adapters/pict-rs/${key.slice(5)}`,
    `/adapter/${key}`,
    `/v1/${key}/lists`,
    `'/adapters/pict-rs/${key}%ff' is not a valid url component`,
    `http://127.0.0.1:8080/adapters/pict-rs/${key}`,
    `/adapters/pict-rs/%7A${key.slice(1)}`,
  ])
    expect(withoutKeys(path)).not.toContain(key.slice(6, 20));
  expect(withoutKeys('/v1/lists/police/entries?x=1')).toBe('/v1/lists/police/entries?x=1');
});

/** Return the answer to bytes that no client library would send. */
function raw(url: string, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.end(head));
    let text = '';
    socket.on('data', (piece) => {
      text += String(piece);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

test('a service that logs all it can: whatever is asked, the key is in none of its output, files and metrics', async () => {
  const folder = tempFolder('path-key');
  const env = {
    ZEEF_DATA_DIR: folder,
    ZEEF_LOG_LEVEL: 'trace',
    ZEEF_ADAPTERS: 'pict-rs',
    ZEEF_IMAGE_BYTES_MAX: '300000',
  };
  const keyOf = async (...scopes: string[]) =>
    (await run(env, 'keys', 'create', '--tenant', 'forum', '--scopes', ...scopes)).out.trim();
  const keys = [await keyOf('check'), await keyOf('lists'), `zeef_${'Q'.repeat(43)}`];
  const service = await serve(env, '--sample');
  const answers: string[] = [];
  const send = async (path: string, body: BodyInit = IMAGE, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', body, headers: { 'content-type': 'image/jpeg', ...headers } };
    const response = await fetch(service.url + path, init);
    answers.push(JSON.stringify([...response.headers]) + (await response.text()));
    return response.status;
  };
  try {
    for (const key of keys) {
      const path = `/adapters/pict-rs/${key}`;
      await send(path);
      await send(path, 'no image');
      await send(path, new Uint8Array(400_000));
      await send(path, '');
      await send(path, IMAGE, { 'content-type': 'text/plain' });
      await send(path, IMAGE, { 'content-encoding': 'gzip' });
      await send(path, IMAGE, { 'idempotency-key': 'a' });
      await send(`${path}?x=1`);
      await send(`${path}%ff`);
      await send(`${path}%00`);
      await send(`${path}/more`);
      await send(`${path}${'y'.repeat(200)}`);
      await send(`/adapters/pictrs/${key}`);
      await send(`/pict-rs/${key}`);
      answers.push(await (await fetch(service.url + path)).text());
      for (const head of [
        `GET ${path} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`,
        `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nContent-Type: image/png\r\n\r\nab`,
        `POST ${path} HTTP/9.9\r\n\r\n`,
        `POST http://[${path} HTTP/1.1\r\nHost: a\r\n\r\n`,
      ])
        answers.push(await raw(service.url, head));
    }
    expect(await send(`/adapters/pict-rs/${keys[0]}`)).toBe(200);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toContain('route="/adapters/pict-rs/:key"');
    answers.push(metrics);
  } finally {
    await service.end('SIGTERM');
  }
  const output = service.output().toString('latin1');
  expect(output.split('"msg":"answered"').length).toBeGreaterThan(30);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  const contents = files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, 'latin1'));
  for (const key of keys)
    for (const secret of [key, key.slice(5), key.slice(5, 25)]) {
      expect(output).not.toContain(secret);
      expect(answers.filter((text) => text.includes(secret))).toEqual([]);
      expect(contents.filter((text) => text.includes(secret))).toEqual([]);
    }
});
