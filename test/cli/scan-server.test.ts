/** A scan with `--server` reports what a local scan reports, also where the service is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { copyTree, smallPictures } from '../../bench/scan-tree.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { queryBatchOf } from '../../src/check/file-queries.js';
import { artefact } from '../../src/core/package-root.js';
import { remoteMatcher } from '../../src/scan/remote.js';
import { countsOf, fileLines, linesOf, readReport } from '../support/scan-reports.js';

const MAIN = artefact('src', 'main.js');
const work = tempFolder('remote');
const tree = join(work, 'tree');
const holder = childEnv({ ZEEF_DATA_DIR: join(work, 'holder') });
const asker = childEnv({ ZEEF_DATA_DIR: join(work, 'asker') });
const children: ChildProcess[] = [];

function start(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return child;
}

async function finished(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

beforeAll(async () => {
  const pictures = await smallPictures(join(work, 'pictures'), 30);
  const [large] = await smallPictures(join(work, 'large'), 1, 700);
  const turned = join(work, 'turned.jpg');
  writeFileSync(turned, await sharp(large).rotate(90).jpeg({ quality: 70 }).toBuffer());
  const broken = join(work, 'broken.jpg');
  copyFileSync(large!, broken);
  writeFileSync(broken, Buffer.from('ffd8ffe000104a46', 'hex'));
  copyTree(tree, [...pictures, large!, turned, broken], 600, 50);
  expect((await finished(start(['lists', 'add', 'known', ...pictures.slice(0, 3), large!], holder))).code).toBe(0);
});

afterAll(() => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
});

test('the report is the same when the service is restarted during the scan', { timeout: 240_000 }, async () => {
  const local = await finished(start(['scan', tree], holder));
  const port = await freePort();
  const serve = () => start(['serve', '--port', String(port)], holder);
  // The scan begins before the service is up.
  const scan = start(
    ['scan', tree, '--server', `http://127.0.0.1:${port}`, '--max-rate', '150', '--progress-seconds', '0.2'],
    asker,
  );
  const ended = finished(scan);
  const first = serve();
  let restarted: ChildProcess | null = null;
  scan.stderr?.on('data', (chunk) => {
    if (restarted !== null || !/"pictures":[1-9]\d/.test(String(chunk))) return;
    first.kill('SIGKILL');
    restarted = serve();
  });
  const remote = await ended;
  expect(restarted).not.toBeNull();
  expect(remote.err).toContain('ECONNREFUSED');
  expect(remote.code).toBe(2);
  expect(fileLines(remote.out)).toEqual(fileLines(local.out));
  expect(countsOf(remote.out)).toEqual(countsOf(local.out));
  expect(linesOf(remote.out).filter(({ type }) => type === 'match').length).toBeGreaterThan(50);
});

test('requests are gzipped, retried after Retry-After with one Idempotency-Key, and end at a 403', async () => {
  const seen: { at: number; key: unknown; auth: unknown; items: number }[] = [];
  const answers = [
    { status: 429, retryAfter: '1' },
    { status: 503, retryAfter: null },
    { status: 200, retryAfter: null },
  ];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { items } = JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()) as { items: unknown[] };
      const { 'idempotency-key': key, authorization: auth } = request.headers;
      seen.push({ at: performance.now(), key, auth, items: items.length });
      const { status, retryAfter } = answers[seen.length - 1] ?? { status: 403, retryAfter: null };
      response.writeHead(status, retryAfter === null ? {} : { 'retry-after': retryAfter });
      const nothing = {
        id: null,
        verdict: 'no_match',
        lowQuality: false,
        exact: true,
        matches: [],
        matchCount: 0,
        truncated: false,
      };
      response.end(
        JSON.stringify(
          status === 200
            ? { generation: 5, results: items.map(() => nothing) }
            : { code: 'SCOPE_MISSING', details: { scope: 'details' } },
        ),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const waits: number[] = [];
  const matcher = remoteMatcher({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key: 'zeef_test',
    lists: null,
    requestedRadiusBits: null,
    requestedDetail: null,
    shouldStop: () => false,
    onWait: (_why, waitMs) => waits.push(waitMs),
    firstPauseMs: 10,
  });
  const files = queryBatchOf([{ digests: { md5: '0'.repeat(32) }, hashes: [] }]);
  expect(await matcher.match(files)).toEqual([expect.objectContaining({ verdict: 'no_match' })]);
  expect(matcher.generation).toBe(5);
  expect(waits).toEqual([1_000, expect.any(Number)]);
  expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
  expect(seen[0]).toMatchObject({ auth: 'Bearer zeef_test', items: 1 });
  await expect(matcher.match(files)).rejects.toMatchObject({
    code: 'SERVER_FAILED',
    details: { why: 'SCOPE_MISSING details' },
  });
  expect(seen).toHaveLength(4);
  server.close();
});

/** A server that answers every request with this status and these headers, and keeps the keys that it saw. */
async function answering(status: number, headers: Record<string, string> = {}) {
  const keys: unknown[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers.authorization);
    request.resume();
    request.on('end', () => response.writeHead(status, headers).end(JSON.stringify({ generation: 1, results: [] })));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, keys, close: () => server.close() };
}

test('a redirect ends a scan at once with 2, names the address, and sends the key of ZEEF_SERVER_KEY nowhere else', async () => {
  const server = await answering(308, { location: 'https://lists.example/v1/check/hashes' });
  const withKey = { ...asker, ZEEF_SERVER_KEY: ' zeef_of_the_variable\n' };
  const { code, out, err } = await finished(start(['scan', tree, '--server', server.url], withKey));
  server.close();
  expect(code).toBe(2);
  expect(err).toMatch(/^zeef: SERVER_FAILED: .*status 308 redirects to https:\/\/lists\.example\//m);
  expect(err).not.toContain('waiting');
  expect(server.keys).toEqual(['Bearer zeef_of_the_variable']);
  expect(out).toBe('');
});

test('a report in a file has all lines that were found before the service failed', async () => {
  const report = join(work, 'failed.jsonl');
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { items } = JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()) as { items: unknown[] };
      response.writeHead(items.length === 0 ? 200 : 403).end(JSON.stringify({ generation: 7, results: [] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { code } = await finished(start(['scan', tree, '--server', url, '--report', report], asker));
  server.close();
  expect(code).toBe(2);
  expect(linesOf(readReport(report))).toEqual([expect.objectContaining({ type: 'begin', generation: 7 })]);
});

test('a wrong address ends a scan also where no file is an image', async () => {
  const folder = tempFolder('texts');
  writeFileSync(join(folder, 'a.txt'), 'text');
  const server = await answering(404);
  const { code, err } = await finished(start(['scan', folder, '--server', server.url], asker));
  server.close();
  expect([code, err]).toEqual([2, expect.stringMatching(/^zeef: SERVER_FAILED: [^\n]*status 404[^\n]*\n$/)]);
});

test.each(['ftp://lists.example', 'lists.example:8080', 'https://name:pass-word@lists.example', '//'])(
  '--server %s is refused, and not quoted',
  async (url) => {
    const { code, err } = await finished(start(['scan', tree, '--server', url], asker));
    expect([code, err]).toEqual([2, expect.stringMatching(/^zeef: REQUEST_INVALID: [^\n]*"--server"[^\n]*\n$/)]);
    expect(err).not.toContain('pass-word');
  },
);

test('a scan that waits for the service at its start is stopped by a signal', async () => {
  const child = start(['scan', tree, '--server', `http://127.0.0.1:${await freePort()}`], asker);
  child.stderr?.on('data', (chunk) => {
    if (String(chunk).includes('"waiting"')) child.kill('SIGINT');
  });
  const { code, out } = await finished(child);
  expect(code).toBe(130);
  expect(linesOf(out).at(-1)).toMatchObject({ type: 'summary', interrupted: true, files: 0, warnings: [] });
});
