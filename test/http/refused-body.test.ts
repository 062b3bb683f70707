/** A body that is refused before its end does not hold up its connection. */
import { Agent, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService({ hma: 'on' });
});
afterAll(() => running.stop());

const BOUNDARY = 'x';
const part = (head: string, body: Buffer | string) =>
  Buffer.concat([Buffer.from(`--${BOUNDARY}\r\n${head}\r\n\r\n`), Buffer.from(body), Buffer.from('\r\n')]);
const FILE = 'Content-Disposition: form-data; name="photo"; filename="a"\r\nContent-Type: application/octet-stream';
const LARGE = Buffer.alloc(1_000_000, 7);

function ask(agent: Agent, method: string, path: string, body?: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
    const asked = request(running.url + path, { agent, method, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode!));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

test.each([
  ['/v1/check', [part('Content-Disposition: form-data; name="note"', 'a field'), part(FILE, LARGE)]],
  ['/v1/verdict', [part('Content-Disposition: form-data; name="note"', 'a field'), part(FILE, LARGE)]],
  ['/hma/h/hash', [part(FILE, 'one'), part(FILE, 'two'), part(FILE, LARGE)]],
  ['/hma/h/hash', [part(FILE.replace('photo', 'picture'), LARGE), part(FILE, LARGE)]],
])(
  '%s is refused, and the connection answers the next request',
  async (path, parts) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);
    expect(await ask(agent, 'POST', path, body)).toBe(400);
    expect(await ask(agent, 'GET', '/livez')).toBe(200);
    agent.destroy();
  },
  10_000,
);
