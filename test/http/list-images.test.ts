/** An image that people confirmed, added to a list over HTTP. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sceneRaster } from '../support/random.js';
import { PHOTOGRAPHS, type Running, startService } from '../support/running.js';

interface Answer {
  readonly verdict: string;
  readonly matches: readonly unknown[];
  readonly entryId: string;
  readonly added: number;
  readonly variants: number;
  readonly entries: number;
  readonly held: readonly unknown[];
}

let running: Running;
let image: Buffer;
/** One of the canaries. */
let canary: Buffer;

const call = async (method: string, path: string, body?: Buffer | object, type = 'image/png') => {
  const isImage = Buffer.isBuffer(body);
  const answer = await fetch(`${running.url}/v1${path}`, {
    method,
    ...(body === undefined
      ? {}
      : {
          headers: { 'content-type': isImage ? type : 'application/json' },
          body: isImage ? new Uint8Array(body) : JSON.stringify(body),
        }),
  });
  return { status: answer.status, json: (await answer.json()) as Answer };
};
const check = async (bytes: Buffer) => (await call('POST', '/check?lists=own', bytes)).json;

beforeAll(async () => {
  running = await startService();
  const { data } = sceneRaster(11, 640, 480, 3);
  image = await sharp(data, { raw: { width: 640, height: 480, channels: 3 } })
    .png()
    .toBuffer();
  const name = readdirSync(PHOTOGRAPHS).find((file) => file.endsWith('.jpg'))!;
  canary = await sharp(join(PHOTOGRAPHS, name)).resize(480).png().toBuffer();
  await call('POST', '/lists', { list: 'own' });
  await call('POST', '/lists', { list: 'good', kind: 'suppression' });
});
afterAll(() => running.stop());

test('is matched at once, and keeps its id when it is added again', async () => {
  expect((await check(image)).verdict).not.toBe('match');
  const added = await call('POST', '/lists/own/images?category=A1&source=desk', image);
  expect(added).toMatchObject({
    status: 200,
    json: { list: 'own', variants: 0, lowQuality: false, held: [], entryId: expect.any(String) },
  });
  expect(added.json.added).toBeGreaterThanOrEqual(4);
  const { verdict, matches } = await check(image);
  expect(verdict).toBe('match');
  const { entryId } = added.json;
  expect(matches[0]).toMatchObject({ matchType: 'exact', entryId, category: 'A1', source: 'desk' });
  const again = await call('POST', '/lists/own/images?category=A1&source=desk', image);
  expect(again.json).toMatchObject({ entryId: added.json.entryId, added: 0 });
});

test('with variants its crops match too, and removing the entry removes them all', async () => {
  const { json } = await call('POST', '/lists/own/images?variants=true', image);
  expect(json.variants).toBeGreaterThan(10);
  const crop = await sharp(image).extract({ left: 64, top: 48, width: 512, height: 384 }).png().toBuffer();
  expect(await check(crop)).toMatchObject({ verdict: 'match', matches: [{ derived: 'crop' }] });
  expect((await call('DELETE', `/lists/own/entries/${json.entryId}`)).json.entries).toBeGreaterThan(14);
  expect((await check(crop)).verdict).not.toBe('match');
});

test('that meets a canary is held for review', async () => {
  const { status, json } = await call('POST', '/lists/own/images', canary);
  expect(status).toBe(202);
  expect(json.held).toMatchObject([{ rule: 'canary' }]);
  expect((await check(canary)).verdict).not.toBe('match');
});

test.each([
  ['/lists/none/images', 'image', 404, 'LIST_NOT_FOUND'],
  ['/lists/good/images', 'image', 400, 'REQUEST_INVALID'],
  ['/lists/own/images', 'text', 422, 'IMAGE_NOT_AN_IMAGE'],
  ['/lists/own/images', 'nothing', 422, 'BODY_EMPTY'],
  ['/lists/own/images?variants=yes', 'image', 400, 'REQUEST_INVALID'],
])('%s with %s is %i %s', async (path, what, status, code) => {
  const body = what === 'image' ? image : Buffer.from(what === 'text' ? 'no image' : '');
  expect(await call('POST', path, body)).toMatchObject({ status, json: { code } });
});
