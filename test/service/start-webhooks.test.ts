/** From an image over HTTP to a webhook receiver, through the ledger. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { startWebhooks } from '../../src/service/service.js';
import { createLogger } from '../../src/telemetry/log.js';
import { PICTURES, startService } from '../support/running.js';

/** Start a service whose webhook is a server on loopback. */
async function startReceived(
  knobs: Record<string, string>,
  encode: (picture: Uint8Array) => Promise<Uint8Array> = async (picture) => picture,
) {
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
  const running = await startService(knobs);
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const mark = await running.service.ledger.newsMark();
  await running.service.store.webhooks.addWebhook({ url, secretEnv: 'S', tenant: null, mark, nowMs: Date.now() });
  const stopWebhooks = startWebhooks(running.service, createLogger('silent'), { S: 'secret' });
  const picture = new Uint8Array(await encode(readFileSync(join(PICTURES, 'mate-freshflower.jpg'))));
  return {
    running,
    bodies,
    async check(reference: string) {
      const at = `${running.url}/v1/check?reference=${reference}&digests=md5,sha1`;
      const response = await fetch(at, { method: 'POST', body: picture, headers: { 'content-type': 'image/jpeg' } });
      return (await response.json()) as { digests: Record<string, string> };
    },
    async stop() {
      await stopWebhooks();
      await running.stop();
      receiver.closeAllConnections();
      await new Promise((resolve) => receiver.close(resolve));
    },
  };
}

test('a match is sent once, without digests of the image, and not again when it is seen again', async () => {
  const { running, bodies, check, stop } = await startReceived({});
  try {
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
  }
});

test('with ZEEF_FLOOD_HOLD hits of a marked entry wait until the entry is released', async () => {
  // Not as it is on the list: a match of a digest never waits.
  const encode = (picture: Uint8Array) => sharp(picture).jpeg({ quality: 60 }).toBuffer();
  const { running, bodies, check, stop } = await startReceived({ floodFiles: '2', floodHold: 'on' }, encode);
  const { lists } = running.service.store;
  const sent = () => bodies.map((body) => JSON.parse(body).hit.reference as string).sort();
  try {
    await check('one');
    await check('two');
    await expect.poll(sent).toEqual(['one', 'two']);
    await check('three');
    await expect.poll(async () => (await lists.quarantined()).length).toBeGreaterThan(0);
    await check('four');
    const waiting = async () => (await running.service.store.webhooks.webhooks(null))[0]!.waiting;
    await expect.poll(waiting).toBeGreaterThan(0);
    expect((await running.service.ledger.hits({ limit: 10 })).hits).toHaveLength(4);
    expect(sent()).not.toContain('four');
    for (const { list, entryId } of await lists.quarantined()) await lists.changeEntries(list, { entryId }, 'release');
    await expect.poll(sent, { timeout: 15_000 }).toEqual(['four', 'one', 'three', 'two']);
  } finally {
    await stop();
  }
}, 30_000);
