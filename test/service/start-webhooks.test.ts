/** From an image over HTTP to a webhook receiver, through the ledger. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startWebhooks } from '../../src/service/service.js';
import { createLogger } from '../../src/telemetry/log.js';
import { PICTURES, startService } from '../support/running.js';

test('a match is sent once, without digests of the image, and not again when it is seen again', async () => {
  const bodies: string[] = [];
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      bodies.push(body);
      response.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const running = await startService();
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  await running.service.store.webhooks.addWebhook({ url, secretEnv: 'S', tenant: null, nowMs: Date.now() });
  const stop = startWebhooks(running.service, createLogger('silent'), { S: 'secret' });
  try {
    const picture = new Uint8Array(readFileSync(join(PICTURES, 'mate-freshflower.jpg')));
    const check = async (reference: string) => {
      const at = `${running.url}/v1/check?reference=${reference}&digests=md5,sha1`;
      const response = await fetch(at, { method: 'POST', body: picture, headers: { 'content-type': 'image/jpeg' } });
      return (await response.json()) as { digests: Record<string, string> };
    };
    const { digests } = await check('one');
    await check('one');
    await check('two');
    await expect.poll(() => bodies.length).toBe(2);
    const told = bodies.map((body) => JSON.parse(body));
    expect(told.map(({ event, hit }) => [event, hit.reference])).toEqual([
      ['hit.new', 'one'],
      ['hit.new', 'two'],
    ]);
    const { hits } = await running.service.ledger.hits({ limit: 10 });
    expect(told.map(({ hit }) => hit.id).sort()).toEqual(hits.map(({ id }) => id).sort());
    for (const digest of Object.values(digests)) expect(bodies.join('')).not.toContain(digest);
  } finally {
    await stop();
    await running.stop();
    receiver.closeAllConnections();
    await new Promise((resolve) => receiver.close(resolve));
  }
});
