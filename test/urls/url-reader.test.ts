/** Images by their address: who may be asked, what an answer may be, and a resolver that changes its mind. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createUrlReader } from '../../src/urls/url-reader.js';

const IMAGE = Buffer.from('the bytes of an image');
let server: Server;
let port: number;
let asked: string[] = [];

/** Where each path leads to. */
const locations = (): Readonly<Record<string, string>> => ({
  '/moved': '/image',
  '/loop': '/loop',
  '/away': `http://other.example:${port}/image`,
  '/inside': `http://inside.example:${port}/image`,
  '/literal': `http://127.0.0.2:${port}/image`,
  '/file': 'file:///etc/passwd',
});

const ANSWERS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/image': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(IMAGE),
  '/nowhere': (response) => response.writeHead(302).end(),
  '/packed': (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(IMAGE),
  '/short': (response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write(IMAGE);
    setTimeout(() => response.destroy(), 20);
  },
  '/endless': (response) => {
    response.writeHead(200);
    const piece = Buffer.alloc(1_048_576);
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
  },
};

function answer({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
  asked.push(`${headers.host} ${url}`);
  const location = locations()[url];
  if (location !== undefined) response.writeHead(302, { location }).end();
  else if (Object.hasOwn(ANSWERS, url)) ANSWERS[url]!(response);
  else response.writeHead(404).end('no such file');
}

beforeAll(async () => {
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** 127.0.0.1 stands for a public address, and 127.0.0.2 for one that is not. */
const isPublic = (address: string) => address === '127.0.0.1';
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'images.example': ['127.0.0.1'],
  'a.cdn.example': ['127.0.0.1'],
  'cdn.example': ['127.0.0.1'],
  'inside.example': ['127.0.0.2'],
  'both.example': ['127.0.0.1', '127.0.0.2'],
  'unlisted.example': ['127.0.0.1'],
};

function readerOf(options: { resolve?: (host: string) => Promise<readonly string[]>; bytesMax?: number } = {}) {
  const { resolve = async (host) => NAMES[host] ?? [], bytesMax = 1_000 } = options;
  const names = ['images', '*.cdn', 'inside', 'both', 'none'].map((name) => `${name}.example:${port}`);
  return createUrlReader({ hosts: names.join(', '), imageBytesMax: bytesMax, net: { resolve, isPublic } });
}
const read = (path: string, host = 'images.example') => readerOf().read(`http://${host}:${port}${path}`);

describe('an image by its address', () => {
  test('is read, whatever its type says, and the host is asked by its name', async () => {
    asked = [];
    expect(await read('/image')).toEqual({ bytes: IMAGE });
    expect(await read('/image', 'a.cdn.example')).toEqual({ bytes: IMAGE });
    expect(asked).toEqual([`images.example:${port} /image`, `a.cdn.example:${port} /image`]);
  });

  test('over the size limit has its digests alone', async () => {
    const url = `http://images.example:${port}/image`;
    expect(await readerOf({ bytesMax: 5 }).read(url)).toMatchObject({
      tooLarge: { bytes: IMAGE.length, digests: { sha256: expect.any(String) } },
    });
    expect(await readerOf({ bytesMax: IMAGE.length }).read(url)).toEqual({ bytes: IMAGE });
  });

  test.each([
    ['unlisted.example', 'another name'],
    ['cdn.example', 'the name that names are under'],
    ['evil-images.example', 'a name that ends like one'],
    ['images.example.evil.example', 'a name that begins like one'],
    ['images.example.', 'another notation'],
    ['127.0.0.1', 'an address'],
    ['[::1]', 'an address of IPv6'],
    ['2130706433', 'an address as a number'],
  ])('of %s is refused: %s', async (host) => {
    asked = [];
    await expect(read('/image', host)).rejects.toMatchObject({ code: 'URL_REFUSED' });
    expect(asked).toEqual([]);
  });

  test('of another port is refused', async () => {
    await expect(readerOf().read('http://images.example/image')).rejects.toMatchObject({ code: 'URL_REFUSED' });
    await expect(readerOf().read(`http://images.example:${port + 1}/`)).rejects.toMatchObject({ code: 'URL_REFUSED' });
  });

  test.each([
    ['inside.example', 'its address is not public'],
    ['both.example', 'one of its addresses is not public'],
  ])('of %s is refused: %s', async (host) => {
    asked = [];
    await expect(read('/image', host)).rejects.toMatchObject({
      code: 'URL_REFUSED',
      details: { why: 'the address is not public' },
    });
    expect(asked).toEqual([]);
  });

  test('a name is resolved once: an answer that changes is not asked for', async () => {
    const answers = [['127.0.0.1'], ['127.0.0.2']];
    let calls = 0;
    const reader = readerOf({ resolve: async () => answers[Math.min(calls++, 1)]! });
    const url = `http://images.example:${port}/image`;
    expect(await reader.read(url)).toEqual({ bytes: IMAGE });
    expect(calls).toBe(1);
    await expect(reader.read(url)).rejects.toMatchObject({ code: 'URL_REFUSED' });
  });

  test.each([
    'ftp://images.example/a',
    'file:///etc/passwd',
    'images.example/a',
    '',
    'http://u:p@images.example/',
    'data:,a',
  ])('%j is no address', async (url) => {
    await expect(readerOf().read(url)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('without a host that may be fetched all are refused', async () => {
    const reader = createUrlReader({ hosts: '', imageBytesMax: 9 });
    await expect(reader.read('https://images.example/')).rejects.toMatchObject({ code: 'URL_REFUSED' });
  });
});

describe('a redirect', () => {
  test('within the host is followed', async () => {
    expect(await read('/moved')).toEqual({ bytes: IMAGE });
  });

  test.each([
    ['/away', 'URL_REFUSED', 'the host is not one that may be fetched'],
    ['/inside', 'URL_REFUSED', 'the address is not public'],
    ['/literal', 'URL_REFUSED', 'the host is not one that may be fetched'],
    ['/file', 'URL_FAILED', 'a redirect to no address of HTTP'],
    ['/nowhere', 'URL_FAILED', 'a redirect without an address'],
    ['/loop', 'URL_FAILED', 'more than 3 redirects'],
  ])('%s is %s: %s', async (path, code, why) => {
    asked = [];
    await expect(read(path)).rejects.toMatchObject({ code, details: { why } });
    expect(asked.filter((one) => one.includes('/image'))).toEqual([]);
    expect(asked).toHaveLength(path === '/loop' ? 4 : 1);
  });
});

describe('an answer that is no image', () => {
  test.each([
    ['/missing', 'status 404'],
    ['/packed', 'a compressed body'],
    ['/short', 'the connection ended early'],
    ['/endless', 'more than 104857600 bytes'],
  ])('%s: %s', { timeout: 30_000 }, async (path, why) => {
    await expect(read(path)).rejects.toMatchObject({ code: 'URL_FAILED', details: { why } });
  });

  test('no connection, and no address', async () => {
    const none = createUrlReader({
      hosts: 'images.example:1',
      imageBytesMax: 9,
      net: { resolve: async () => ['127.0.0.1'], isPublic },
    });
    await expect(none.read('http://images.example:1/')).rejects.toMatchObject({ details: { why: 'no connection' } });
    await expect(read('/image', 'none.example')).rejects.toMatchObject({
      details: { why: 'the name has no address' },
    });
  });
});
