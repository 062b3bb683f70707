/**
 * Files and processes that Zeef leaves in TMPDIR and in the data folder: none after a clean stop or a failure;
 * after kill -9, nothing in TMPDIR, and in the data folder only what the next start removes.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { childEnv, endWithParent } from '../../bench/child.js';
import { pdqLike } from '../../bench/pdq-like.js';
import { copyTree, smallPictures } from '../../bench/scan-tree.js';
import { strays } from '../../bench/strays.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { SHORT_BYTES_MAX } from '../../src/lists/import/short-imports.js';
import { run, serve } from '../support/processes.js';
import { PHOTOGRAPHS } from '../support/running.js';

const MAIN = artefact('src', 'main.js');
/** Files that stay in the data folder. A command may create only some of them. */
const KEPT = ['ledger.sqlite', 'list.key', 'service.sqlite', 'zeef.sqlite'];
const PHOTOGRAPH_FILE = join(PHOTOGRAPHS, 'mate-dune.jpg');
const PHOTOGRAPH = readFileSync(PHOTOGRAPH_FILE);
const hashes = (seed: number, count: number) => {
  const values = Buffer.from(pdqLike(count, seed));
  const rows = Array.from(
    { length: count },
    (_, at) => `e${at},pdq,${values.toString('hex', at * 32, at * 32 + 32)}\n`,
  );
  return `entryId,algorithm,value\n${rows.join('')}`;
};
/** Larger than an import that is done within its request. */
const LARGE = hashes(21, 20_000);
/** As large, without a valid row. */
const LARGE_WRONG = `entryId,algorithm,value
${`${'e'.repeat(2_000)},pdq,
`.repeat(SHORT_BYTES_MAX / 2_000)}`;

let work = '';
let temp = '';
let dataDir = '';
let env: Record<string, string> = {};
beforeEach(() => {
  work = tempFolder('leaves');
  temp = join(work, 'temporary files');
  dataDir = join(work, 'data');
  mkdirSync(temp);
  env = { TMPDIR: temp, ZEEF_DATA_DIR: dataDir, ZEEF_LOG_LEVEL: 'error' };
});

/** None where the folder was not made. */
const filesIn = (folder: string) =>
  (existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [])
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort();

/** Write a file into the data folder. */
function put(name: string, mtimeS = Date.now() / 1000): void {
  writeFileSync(join(dataDir, name), 'x'.repeat(64));
  utimesSync(join(dataDir, name), mtimeS, mtimeS);
}

const processes = () => strays((folder) => folder === temp, true);

async function expectNothingLeft(held: readonly string[] = []): Promise<void> {
  expect(filesIn(dataDir).filter((name) => !KEPT.includes(name))).toEqual(held);
  expect(readdirSync(temp)).toEqual([]);
  await expect.poll(processes).toEqual([]);
}

interface Answer {
  readonly status: number;
  readonly json: { readonly id: string; readonly state: string };
}

async function post(url: string, path: string, body: BodyInit, type?: string): Promise<Answer> {
  const headers = type === undefined ? {} : { 'content-type': type };
  const response = await fetch(`${url}/v1${path}`, { method: 'POST', body, headers });
  return { status: response.status, json: (await response.json()) as Answer['json'] };
}

async function endOf(url: string, id: string): Promise<string> {
  for (;;) {
    const { state } = (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as { state: string };
    if (state !== 'queued' && state !== 'running') return state;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Begin an upload that stalls; return a function that aborts it. */
async function beginUpload(url: string, path: string, bytes: number): Promise<() => void> {
  const upload = request(`${url}/v1${path}`, { method: 'POST', headers: { 'content-type': 'text/csv' } });
  upload.on('error', () => {});
  upload.write(Buffer.alloc(bytes, 'a'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  return () => upload.destroy();
}

/** Check images; import lists that are accepted, held and refused; abort uploads. */
async function use(url: string): Promise<void> {
  expect((await post(url, '/check', PHOTOGRAPH, 'image/jpeg')).status).toBe(200);
  const form = new FormData();
  for (const name of ['a', 'b']) form.append(name, new Blob([PHOTOGRAPH], { type: 'image/jpeg' }), `${name}.jpg`);
  expect((await post(url, '/check', form)).status).toBe(200);
  expect((await post(url, '/lists/small/entries?format=csv', hashes(22, 100), 'text/csv')).status).toBe(200);
  expect((await post(url, '/lists/small/entries?format=csv', hashes(23, 100), 'text/csv')).json.state).toBe('held');
  expect((await fetch(`${url}/v1/lists/small`, { method: 'DELETE' })).status).toBe(204);
  expect((await post(url, '/lists/wrong/entries?format=csv', 'no,header\n1,2\n', 'text/csv')).status).toBe(422);
  expect((await post(url, '/lists/wrong/entries?format=csv', '', 'text/csv')).status).toBe(422);
  const jobs = [LARGE, LARGE_WRONG].map((body) => post(url, '/lists/large/entries?format=csv', body, 'text/csv'));
  const ends = (await Promise.all(jobs)).map(({ json }) => endOf(url, json.id));
  expect(await Promise.all(ends)).toEqual(['done', 'failed']);
  for (const bytes of [0, 1, 100_000, 3_000_000]) (await beginUpload(url, '/lists/cut/entries?format=csv', bytes))();
  (await beginUpload(url, '/check', 100_000))();
}

describe('zeef serve', () => {
  test('leaves nothing after use and SIGTERM', async () => {
    const service = await serve(env);
    await use(service.url);
    expect(readdirSync(temp)).toEqual([]);
    await service.end('SIGTERM');
    expect(service.child.exitCode).toBe(0);
    await expectNothingLeft();
  });

  test('leaves nothing when it is stopped during uploads', async () => {
    const service = await serve({ ...env, ZEEF_SHUTDOWN_MS: '300' });
    await beginUpload(service.url, '/lists/cut/entries?format=csv', 3_000_000);
    await beginUpload(service.url, '/check', 100_000);
    await expect.poll(() => filesIn(join(dataDir, 'blobs'))).toHaveLength(1);
    await service.end('SIGTERM');
    await expectNothingLeft();
  });

  test('leaves nothing when it cannot listen', async () => {
    const service = await serve(env);
    const { code } = await run({ ...env, ZEEF_PORT: new URL(service.url).port }, 'serve');
    expect(code).toBe(2);
    await service.end('SIGTERM');
    await expectNothingLeft();
  });

  test('leaves no process after SIGKILL, and only files that the next start removes', async () => {
    const first = await serve(env);
    await use(first.url);
    await beginUpload(first.url, '/lists/cut/entries?format=csv', 3_000_000);
    await expect.poll(() => filesIn(join(dataDir, 'blobs'))).toHaveLength(1);
    const [job] = ((await (await fetch(`${first.url}/v1/jobs`)).json()) as { jobs: { id: string }[] }).jobs;
    await first.end('SIGKILL');
    expect(readdirSync(temp)).toEqual([]);
    await expect.poll(processes).toEqual([]);
    // Files of moments that a kill cannot be timed to hit.
    const writer = `${first.child.pid}@${encodeURIComponent(hostname())}.unfinished`;
    for (const name of ['zeef.index', 'list.key', join('held', '7.sealed')]) put(`${name}.${writer}`);
    put(join('blobs', `imports+${job!.id}`));
    put(join('blobs', 'imports+not-noted'), 0);
    const second = await serve(env);
    await expect.poll(() => filesIn(join(dataDir, 'blobs'))).toEqual([]);
    await second.end('SIGTERM');
    await expectNothingLeft();
  });
});

describe('zeef scan', () => {
  const FILES = 500;
  let tree = '';
  beforeEach(async () => {
    tree = join(work, 'tree');
    copyTree(tree, await smallPictures(join(work, 'pictures'), 20), FILES, 50);
  });

  test.each<[string, string[], number]>([
    ['a scan that finishes, without a list', [], 2],
    ['a scan with an invalid option', ['--max-load', 'none'], 2],
    ['a scan whose report cannot be written', ['--report', join('/nowhere', 'report')], 2],
  ])('%s leaves nothing', async (_name, flags, code) => {
    const result = await run(env, 'scan', tree, ...flags);
    expect(result.code, result.output.toString()).toBe(code);
    await expectNothingLeft();
  });

  test.each<[NodeJS.Signals, number | null]>([
    ['SIGTERM', 130],
    ['SIGKILL', null],
  ])('a scan that is ended by %s leaves no file and no process', async (signal, code) => {
    const args = [MAIN, 'scan', tree, '--progress-seconds', '0.1', '--max-rate', '100'];
    const child = endWithParent(
      spawn(process.execPath, args, { env: childEnv(env), stdio: ['ignore', 'ignore', 'pipe'] }),
    );
    await new Promise<void>((resolve) =>
      child.stderr!.on('data', (piece) => {
        if (/"pictures":[1-9]/.test(String(piece))) resolve();
      }),
    );
    expect(readdirSync(temp)).toEqual([]);
    child.kill(signal);
    expect((await once(child, 'exit'))[0]).toBe(code);
    expect(readdirSync(temp)).toEqual([]);
    await expect.poll(processes).toEqual([]);
    // SQLite's own files of a killed process are removed by the next process that opens the database.
    expect((await run(env, 'lists', 'show')).code).toBe(0);
    expect((await run(env, 'ledger', 'verify')).code).toBe(0);
    await expectNothingLeft();
  });
});

test('other commands leave nothing, on success or failure', async () => {
  const file = (name: string, text: string) => {
    writeFileSync(join(work, name), text);
    return join(work, name);
  };
  const [first, second, wrong] = [
    file('first.csv', hashes(24, 100)),
    file('second.csv', hashes(25, 100)),
    file('wrong.csv', 'no,header\n1,2\n'),
  ];
  for (const [code, ...args] of [
    [0, 'lists', 'import', first, '--list', 'known'],
    [2, 'lists', 'import', wrong, '--list', 'known'],
    [2, 'lists', 'import', join(work, 'nowhere.csv'), '--list', 'known'],
    [0, 'check', PHOTOGRAPH_FILE],
    [2, 'check', first],
    [0, 'hash', PHOTOGRAPH_FILE],
    [0, 'lists', 'export', '--list', 'known', join(work, 'exported')],
    [2, 'lists', 'export', '--list', 'nowhere', join(work, 'not-exported')],
    [2, 'lists', 'export', join(work, 'no', 'folder', 'index')],
  ] as const) {
    const result = await run(env, ...args);
    expect(result.code, `${args.join(' ')}: ${result.output}`).toBe(code);
    await expectNothingLeft();
  }
  // A held version is kept until an operator approves or rejects it.
  expect((await run(env, 'lists', 'import', second, '--list', 'known')).code).toBe(2);
  await expectNothingLeft(['1.sealed']);
  expect((await run(env, 'lists', 'reject', 'known')).code).toBe(0);
  await expectNothingLeft();
  expect(readdirSync(work).filter((name) => name.includes('export'))).toEqual(['exported']);
});
