/** Answers of another service that are no answer to a batch: final at once, or tried again. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, expect, test, vi } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { queryBatchOf } from '../../src/check/file-queries.js';
import type { AppError } from '../../src/core/errors.js';
import { remoteMatcher } from '../../src/scan/remote.js';
import { orLeftOut } from '../support/left-out.js';

let server: Server | null = null;
afterEach(() => server?.close());

type Reply = readonly [status: number, body: string, headers?: Record<string, string>];
const ONE_FILE = queryBatchOf([{ digests: { md5: '0'.repeat(32) }, hashes: [] }]);

async function serve(answers: readonly Reply[], key: string | null = null) {
  let requests = 0;
  server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const [status, body, headers = {}] = answers[Math.min(requests++, answers.length - 1)]!;
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  const matcher = remoteMatcher({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key,
    lists: null,
    requestedRadiusBits: null,
    requestedDetail: null,
    shouldStop: () => false,
    onWait: () => {},
    firstPauseMs: 1,
    patienceMs: 2_000,
  });
  return { matcher, requests: () => requests };
}

async function ask(answers: readonly Reply[]) {
  const { matcher, requests } = await serve(answers);
  const [outcome] = await Promise.allSettled([matcher.match(ONE_FILE)]);
  return { outcome, requests: requests() };
}

const answer = (results: number) =>
  JSON.stringify({
    generation: 1,
    results: Array.from({ length: results }, () => ({
      id: null,
      verdict: 'no_match',
      lowQuality: false,
      exact: true,
      matches: [],
      matchCount: 0,
      truncated: false,
    })),
  });

test.each([
  [
    'a redirect to https',
    [308, '', { location: 'https://lists.example:8443/v1/check/hashes?token=secret' }],
    'status 308 redirects to https://lists.example:8443/v1/check/hashes',
  ],
  ['a redirect without an address', [302, ''], 'status 302'],
  ['a redirect to no address', [302, '', { location: 'http://[' }], 'status 302'],
  ['a page', [200, '<html></html>'], 'not a Zeef service'],
  ['null', [200, 'null'], 'not a Zeef service'],
  ['another object', [200, '{}'], 'not a Zeef service'],
  ['too few answers', [200, answer(0)], 'answers are missing'],
  ['too many answers', [200, answer(2)], 'answers are missing'],
  ['a refusal', [403, '{"code":"SCOPE_MISSING","details":{"scope":"details"}}'], 'SCOPE_MISSING details'],
  ['a refusal whose body is null', [404, 'null'], 'status 404'],
  ['a refusal with another code', [400, '{"code":7,"details":"x"}'], 'status 400'],
  ['an unknown key', [401, '{"code":"KEY_INVALID"}'], 'KEY_INVALID'],
  ['a service that will not work by itself', [500, '{"code":"INDEX_FILE_INVALID"}'], 'INDEX_FILE_INVALID'],
  ['a full index', [507, '{"code":"INDEX_FULL"}'], 'INDEX_FULL'],
] as const)('%s is final', async (_name, reply, why) => {
  const { outcome, requests } = await ask([reply]);
  expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'SERVER_FAILED', details: { why } } });
  expect(requests).toBe(1);
});

test('after an answer, a page or a cut answer is a fault on the way, and tried again', async () => {
  const page = [200, '<html></html>'] as const;
  const { matcher, requests } = await serve([[200, answer(1)], page, [200, answer(1).slice(0, 20)], [200, answer(1)]]);
  for (let n = 0; n < 2; n++) await matcher.match(ONE_FILE);
  expect(requests()).toBe(4);
});

test('a key that cannot be sent is refused without being quoted, and nothing is sent', async () => {
  const { matcher, requests } = await serve([[200, answer(1)]], 'zeef_\nx');
  const failure = await matcher.match(ONE_FILE).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'SERVER_FAILED', details: { why: 'the key cannot be sent in a header' } });
  expect((failure as Error).cause).toBeUndefined();
  expect(requests()).toBe(0);
});

test('a service that fails again and again ends the scan after a few attempts', async () => {
  const { outcome, requests } = await ask([[500, '{"code":"INTERNAL"}']]);
  expect(outcome).toMatchObject({ status: 'rejected', reason: { details: { why: 'INTERNAL' } } });
  expect(requests).toBe(5);
});

/** A matcher of this address, which is asked once; the result: its failure, and the reasons of waits. */
async function failureAt(url: string, patienceMs = 50) {
  const waits: string[] = [];
  const options = {
    url,
    key: null,
    lists: null,
    requestedRadiusBits: null,
    requestedDetail: null,
    shouldStop: () => false,
  };
  const matcher = remoteMatcher({ ...options, onWait: (why) => waits.push(why), firstPauseMs: 1, patienceMs });
  const failure = (await matcher.connect().catch((error: unknown) => error)) as AppError;
  return { code: failure.code, why: failure.details.why, waits };
}

async function listening(server_: NetServer | Server): Promise<number> {
  await new Promise<void>((resolve) => server_.listen(0, '127.0.0.1', resolve));
  return (server_.address() as AddressInfo).port;
}

test.each([
  ['a name that is not known', 'http://nothing-here.invalid', 'ENOTFOUND'],
  ['a port that no client may use', 'http://127.0.0.1:9', 'bad port'],
])('%s is final at the first request', async (_name, url, why) => {
  expect(await failureAt(url)).toEqual({ code: 'SERVER_FAILED', why, waits: [] });
});

test('a port without TLS is final at once', async () => {
  server = createServer();
  const failure = await failureAt(`https://127.0.0.1:${await listening(server)}`);
  expect(failure).toMatchObject({ why: expect.stringMatching(/^ERR_SSL_|^EPROTO$/), waits: [] });
});

const hasOpenssl = orLeftOut(spawnSync('openssl', ['version']).status === 0, 'No openssl', 'tests of certificates');

test.runIf(hasOpenssl)('a certificate that is not trusted is final at once', async () => {
  const folder = tempFolder('tls');
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=lists.example', '-days', '1'];
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const secure = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) });
  const failure = await failureAt(`https://127.0.0.1:${await listening(secure)}`);
  secure.close();
  expect(failure).toEqual({ code: 'SERVER_FAILED', why: 'DEPTH_ZERO_SELF_SIGNED_CERT', waits: [] });
});

test('another protocol is final at the first request; a connection that is lost waits', async () => {
  const other = createNetServer((socket) => socket.end('SSH-2.0-x\r\n'));
  expect(await failureAt(`http://127.0.0.1:${await listening(other)}`)).toMatchObject({
    why: 'HPE_INVALID_CONSTANT',
    waits: [],
  });
  other.close();
  const closing = createNetServer((socket) => socket.destroy());
  const lost = await failureAt(`http://127.0.0.1:${await listening(closing)}`);
  closing.close();
  expect(lost).toMatchObject({ code: 'SERVER_FAILED', why: expect.stringMatching(/^(ECONNRESET|UND_ERR_SOCKET)$/) });
  expect(lost.waits.length).toBeGreaterThan(0);
});

test.each([
  ['ENOTFOUND', 'a name server that lost the name'],
  ['HPE_INVALID_CONSTANT', 'another protocol'],
])('after an answer, %s waits: %s', async (code) => {
  const { matcher, requests } = await serve([[200, answer(1)]]);
  await matcher.match(ONE_FILE);
  const failing = vi
    .spyOn(globalThis, 'fetch')
    .mockRejectedValueOnce(new TypeError('fetch failed', { cause: { code } }));
  expect(await matcher.match(ONE_FILE)).toHaveLength(1);
  failing.mockRestore();
  expect(requests()).toBe(2);
});

test.each(['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])(
  'after an answer, %s is final too',
  async (code) => {
    const { matcher } = await serve([[200, answer(1)]]);
    await matcher.match(ONE_FILE);
    const failing = vi
      .spyOn(globalThis, 'fetch')
      .mockRejectedValueOnce(new TypeError('fetch failed', { cause: { code } }));
    await expect(matcher.match(ONE_FILE)).rejects.toMatchObject({ code: 'SERVER_FAILED', details: { why: code } });
    failing.mockRestore();
  },
);

test.each([
  ['busy', [429, '{}']],
  ['overloaded', [503, '{"code":"QUEUE_FULL"}']],
  ['behind a proxy that waits too long', [504, '']],
  ['failing', [500, 'null']],
  ['behind a proxy that fails', [502, '<html></html>']],
] as const)('a service that is %s is asked again', async (_name, reply) => {
  const { outcome, requests } = await ask([reply, reply, [200, answer(1)]]);
  expect(outcome).toMatchObject({ status: 'fulfilled', value: [{ verdict: 'no_match' }] });
  expect(requests).toBe(3);
});
