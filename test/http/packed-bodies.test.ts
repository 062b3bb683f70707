/** Bodies in gzip, and items with all hashes of one file. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PICTURES, type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());

async function post(body: Uint8Array, headers: Record<string, string>) {
  const response = await fetch(`${running.url}/v1/check/hashes`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const JSON_GZIP = { 'content-type': 'application/json', 'content-encoding': 'gzip' };

async function hashesOf(name: string) {
  const { orientations } = await running.service.hashImage(
    { path: `${PICTURES}/${name}` },
    { digests: ['md5'], orientations: 'all', families: 'both', algorithms: ['pdq'], frames: 1, detail: 'plain' },
  );
  return Object.entries(orientations!).map(([orientation, value]) => ({
    algorithm: 'pdq',
    value,
    orientation,
    family: 'resized',
    frame: 0,
  }));
}

test('a gzip body gets the response of the plain one; all hashes of a file are one query', async () => {
  const body = JSON.stringify({ items: [{ id: 'f', hashes: await hashesOf('mate-freshflower.jpg') }] });
  const plain = await post(Buffer.from(body), { 'content-type': 'application/json' });
  expect(plain).toMatchObject({ status: 200, body: { matched: 1 } });
  const [result] = plain.body.results as { matches: object[] }[];
  expect(result!.matches[0]).toMatchObject({ orientation: 'original', family: 'resized', frame: 0, matchType: 'near' });
  const { body: packed } = await post(gzipSync(body), JSON_GZIP);
  expect(packed).toEqual(plain.body);
});

test('low-quality hashes do not match a list without matchLowQuality', async () => {
  const hashes = (await hashesOf('mate-freshflower.jpg')).map((hash) => ({ ...hash, lowQuality: true }));
  const { body } = await post(gzipSync(JSON.stringify({ items: [{ hashes }] })), JSON_GZIP);
  expect(body).toMatchObject({ matched: 0, results: [{ lowQuality: true }] });
});

test.each<[string, Uint8Array, Record<string, string>, number, string]>([
  ['not gzip', Buffer.from('{"items":[]}'), JSON_GZIP, 400, 'REQUEST_INVALID'],
  ['truncated', gzipSync(JSON.stringify({ items: [] })).subarray(0, 15), JSON_GZIP, 400, 'REQUEST_INVALID'],
  ['a decompression bomb', gzipSync(Buffer.alloc(20_000_000, ' ')), JSON_GZIP, 413, 'BODY_TOO_LARGE'],
  ['another encoding', Buffer.from('{}'), { ...JSON_GZIP, 'content-encoding': 'br' }, 415, 'MEDIA_TYPE_UNSUPPORTED'],
])('refused: %s', async (_name, body, headers, status, code) => {
  expect(await post(body, headers)).toMatchObject({ status, body: { code } });
});
