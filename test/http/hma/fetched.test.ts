/** Files that clients of HMA name by an address: the answers are those to the file itself, and what cannot be fetched is none. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startService } from '../../support/running.js';
import { call, formOf, photoOf } from './hma-client.js';

const IMAGE_BYTES_MAX = 1_048_576;
/** A film of a second, as its bytes say. */
const FILM = Buffer.concat([
  Buffer.from([0, 0, 0, 24]),
  Buffer.from('ftypmp42'),
  Buffer.alloc(4),
  Buffer.from('isommp42'),
]);

/** Formats that are known, and are neither a photo that is decoded nor a video. */
const OTHERS: Readonly<Record<string, Buffer>> = {
  '/a.jp2': Buffer.from('0000000c6a5020200d0a870a00000014667479706a703220', 'hex'),
  '/a.svg': Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
  '/a.pdf': Buffer.from('%PDF-1.7\n'),
};

let files: Server;
let running: Running;
let base: string;
let photo: Buffer;
let asked: string[];
/** The address of a path of the file server, as a parameter. */
let at: (path: string) => string;
/** One of a host that is listed, and has an address inside. */
let inside: string;

beforeAll(async () => {
  photo = await photoOf(71);
  asked = [];
  files = createServer(({ url = '' }, response) => {
    asked.push(url);
    if (url === '/photo.jpg') response.setHeader('content-type', 'text/plain').end(photo);
    else if (url === '/film') response.setHeader('content-type', 'image/jpeg').end(FILM);
    else if (url === '/text') response.end('no image');
    else if (url in OTHERS) response.end(OTHERS[url]);
    else if (url === '/large') response.end(Buffer.alloc(IMAGE_BYTES_MAX + 1, 0xff));
    else if (url === '/away') response.writeHead(302, { location: 'http://169.254.169.254/photo.jpg' }).end();
    else if (url === '/again') response.writeHead(301, { location: '/photo.jpg' }).end();
    else if (url === '/cut') response.writeHead(200, { 'content-length': '1000' }).write('x', () => response.destroy());
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
  const { port } = files.address() as AddressInfo;
  const urlNet = {
    resolve: async (host: string) => [host === 'files.example' ? '127.0.0.1' : '10.0.0.1'],
    isPublic: (address: string) => address === '127.0.0.1',
  };
  const config = {
    urlHosts: `files.example:${port},inside.example:${port}`,
    hma: 'on',
    imageBytesMax: String(IMAGE_BYTES_MAX),
  };
  running = await startService(config, undefined, { urlNet });
  base = `${running.url}/hma`;
  at = (path: string) => encodeURIComponent(`http://files.example:${port}${path}`);
  inside = encodeURIComponent(`http://inside.example:${port}/photo.jpg`);
});
afterAll(async () => {
  files.close();
  await running.stop();
});

const get = (path: string) => call(base, 'GET', path);

describe('hashes of a file at an address', () => {
  test('are those of the file that is sent, whatever its host calls it', async () => {
    const sent = await call(base, 'POST', '/h/hash', { form: formOf({ photo }) });
    expect(sent.json).toEqual({ pdq: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await get(`/h/hash?url=${at('/photo.jpg')}`)).toMatchObject({ status: 200, json: sent.json });
    expect((await get(`/h/hash?url=${at('/photo.jpg')}&content_type=photo`)).json).toEqual(sent.json);
    expect((await get(`/h/hash?url=${at('/photo.jpg')}&types=pdq`)).json).toEqual(sent.json);
  });

  test('a video has its MD5, known by its bytes or by the parameter', async () => {
    const sent = await call(base, 'POST', '/h/hash', { form: formOf({ video: FILM }) });
    expect(sent.json).toEqual({ video_md5: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect((await get(`/h/hash?url=${at('/film')}`)).json).toEqual(sent.json);
    expect((await get(`/h/hash?url=${at('/film')}&content_type=video`)).json).toEqual(sent.json);
    expect((await get(`/h/hash?url=${at('/photo.jpg')}&content_type=video`)).json).toHaveProperty('video_md5');
  });

  test('a redirect to a host that is listed is followed', async () => {
    expect((await get(`/h/hash?url=${at('/again')}`)).json).toHaveProperty('pdq');
  });

  test.each([
    ['text', '/text', 400, /unsupported url ContentType/],
    ['JPEG 2000', '/a.jp2', 400, /unsupported url ContentType/],
    ['SVG', '/a.svg', 400, /unsupported url ContentType/],
    ['PDF', '/a.pdf', 400, /unsupported url ContentType/],
    ['what is missing', '/missing', 400, /status 404/],
    ['more than an image may have', '/large', 413, /too large/],
    ['a redirect to an address inside', '/away', 400, /unsafe URL/],
    ['less than was announced', '/cut', 400, /ended early/],
  ] as const)('%s is refused', async (_says, path, status, message) => {
    const answer = await get(`/h/hash?url=${at(path)}`);
    expect(answer).toMatchObject({ status, json: { message: expect.stringMatching(message) } });
  });

  test('a listed name with an address inside is never asked; another content_type or type is 400', async () => {
    asked.length = 0;
    expect(await get(`/h/hash?url=${inside}`)).toMatchObject({
      status: 400,
      json: { message: expect.stringMatching(/unsafe/) },
    });
    expect(await get(`/m/lookup?url=${inside}`)).toMatchObject({ status: 400 });
    expect(asked).toEqual([]);
    expect((await get(`/h/hash?url=${at('/photo.jpg')}&content_type=text`)).status).toBe(400);
    expect((await get(`/h/hash?url=${at('/photo.jpg')}&types=video_md5`)).status).toBe(400);
  });
});

describe('a content of an address', () => {
  let id: number;
  beforeAll(async () => {
    await call(base, 'POST', '/c/banks', { json: { name: 'FETCHED' } });
    // As FetLife's client sends it: parameters alone, and no body.
    const metadata = encodeURIComponent(JSON.stringify({ content_id: 'case-1' }));
    const added = await call(
      base,
      'POST',
      `/c/bank/FETCHED/content?url=${at('/photo.jpg')}&content_type=photo&metadata=${metadata}`,
    );
    expect(added).toMatchObject({
      status: 200,
      json: { id: expect.any(Number), signals: { pdq: expect.any(String) } },
    });
    id = added.json.id;
  });

  test('is found by the file, by its address and by its hash', async () => {
    const match = { FETCHED: [{ bank_content_id: id, distance: '0' }] };
    expect((await call(base, 'POST', '/m/lookup', { form: formOf({ photo }) })).json).toEqual({ pdq: match });
    expect((await get(`/m/lookup?url=${at('/photo.jpg')}`)).json).toEqual({ pdq: match });
    expect((await get(`/m/lookup?url=${at('/photo.jpg')}&content_type=photo&banks=FETCHED`)).json).toEqual({
      pdq: match,
    });
    const { pdq } = (await get(`/h/hash?url=${at('/photo.jpg')}`)).json;
    expect((await get(`/m/lookup?signal=${pdq}&signal_type=pdq`)).json).toEqual(match);
  });

  test('an address with a signal type leaves the outer object away', async () => {
    expect((await get(`/m/lookup?url=${at('/photo.jpg')}&signal_type=pdq`)).json).toEqual({
      FETCHED: [{ bank_content_id: id, distance: '0' }],
    });
  });

  test('a look-up by an address that cannot be fetched is no answer without a match', async () => {
    for (const path of ['/missing', '/text', '/away', '/cut', ...Object.keys(OTHERS)]) {
      const { status, json } = await get(`/m/lookup?url=${at(path)}`);
      expect({ status, json }).toEqual({ status: 400, json: { message: expect.any(String) } });
    }
    expect((await get(`/m/lookup?url=${at('/large')}`)).status).toBe(413);
  });

  test('a look-up by an address is on record, as one by the file', async () => {
    const matched = async () => {
      const stats = (await (await fetch(`${running.url}/v1/stats`)).json()) as { matched: number };
      return stats.matched;
    };
    const before = await matched();
    await get(`/m/lookup?url=${at('/photo.jpg')}`);
    expect(await matched()).toBe(before + 1);
  });

  test('nothing is added of what cannot be fetched', async () => {
    for (const path of ['/missing', '/text', '/away', '/cut', '/large'])
      expect((await call(base, 'POST', `/c/bank/FETCHED/content?url=${at(path)}`)).status).toBeGreaterThanOrEqual(400);
    expect((await get('/m/index/status?signal_type=pdq')).json.pdq.size).toBe(2);
  });
});
