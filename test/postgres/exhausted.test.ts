/**
 * A database that has too little of something: connections, time for a statement, room on its disk. What cannot be done is refused
 * soon and may be repeated; answers that need none of it are given all the same; nothing needs a restart of Zeef afterwards.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { orLeftOut } from '../support/left-out.js';
import { hasPostgres, PostgresServer, sharedServer } from '../support/postgres.js';
import { type Running, startService } from '../support/running.js';

const MD5 = 'a'.repeat(32);
const REPORTS = ['/v1/stats', '/v1/hits', '/v1/report?period=2026-11', '/v1/hits?status=open'];

/** Far more than an answer or a refusal takes, and far less than a caller's patience. */
const ANSWER_MS_MAX = 5_000;
/** The wait for a connection and a lock, or the time of a statement, with much room for a slow machine. */
const REFUSAL_MS_MAX = 20_000;
/** A server that has ended is waited for: it may be up again, or a standby promoted. */
const WITHOUT_SERVER_MS_MAX = 45_000;

interface Answer {
  readonly status: number;
  readonly ms: number;
  readonly retryAfter: string | null;
}

async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const startedMs = performance.now();
  const response = await fetch(url, init);
  await response.arrayBuffer();
  return {
    status: response.status,
    ms: performance.now() - startedMs,
    retryAfter: response.headers.get('retry-after'),
  };
}

const check = (url: string) =>
  ask(`${url}/v1/check/hashes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ items: [{ md5: MD5 }] }),
  });

const start = (databaseUrl: string): Promise<Running> =>
  startService({ databaseUrl, listKey: '1'.repeat(64), tenantConcurrentRequests: '0', tenantChecksPerSecond: '0' });

/** A caller that asks one check after the other. */
class Caller {
  readonly answers: Answer[] = [];
  #isEnding = false;
  readonly #running: Promise<void>;

  constructor(url: string) {
    this.#running = this.#run(url);
  }

  async #run(url: string): Promise<void> {
    while (!this.#isEnding) this.answers.push(await check(url));
  }

  /** Answers from now on, until there are so many that `isEnough`. */
  async until(isEnough: (answers: readonly Answer[]) => boolean): Promise<readonly Answer[]> {
    const from = this.answers.length;
    await expect.poll(() => isEnough(this.answers.slice(from)), { interval: 20, timeout: 60_000 }).toBe(true);
    return this.answers.slice(from);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#running;
  }
}

const good = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 200);
const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))].sort();
const slowest = (answers: readonly Answer[]) => Math.max(...answers.map(({ ms }) => ms));

/** Refusals may be repeated, and say so. */
function expectRefusals(answers: readonly Answer[], msMax = REFUSAL_MS_MAX): void {
  const refused = answers.filter(({ status }) => status !== 200);
  expect(statuses(refused)).toEqual([503]);
  expect(refused.filter(({ retryAfter }) => !(Number(retryAfter) >= 1))).toEqual([]);
  expect(slowest(refused)).toBeLessThan(msMax);
}

async function expectRecorded({ service, url }: Running, caller: Caller): Promise<void> {
  const stats = (await (await fetch(`${url}/v1/stats`)).json()) as { checked: number };
  expect(stats.checked).toBe(good(caller.answers).length);
  expect((await service.ledger.verify()).problems).toEqual([]);
}

describe.runIf(hasPostgres)('a database that is slow for reports', () => {
  let running: Running;
  let caller: Caller;
  let url = '';
  beforeAll(async () => {
    url = await (await sharedServer()).createDatabase();
    running = await start(url);
    caller = new Caller(running.url);
  });
  afterAll(async () => {
    await caller?.end();
    await running?.stop();
  });
  const reports = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, n) => ask(running.url + REPORTS[n % REPORTS.length]!)));
  const isDone = (answers: readonly Answer[]) => answers.length >= 5;

  test('answers while 200 reports wait for its connections, and refuses reports in time', async () => {
    const before = await caller.until(isDone);
    expect(statuses(before)).toEqual([200]);
    expect(statuses(await reports(8))).toEqual([200]);
    // Reports wait for these tables, answers need neither.
    const holder = new Client({ connectionString: url });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE hit, tally IN ACCESS EXCLUSIVE MODE');
    const asked = reports(200);
    const from = caller.answers.length;
    // No report has given its connection back yet: whatever shared those would wait longer.
    await delay(1_500);
    const during = caller.answers.slice(from);
    // One may have been on its way; a slow machine does not give many more.
    expect(during.length).toBeGreaterThan(1);
    const refused = await asked;
    expect(statuses(refused)).toEqual([503]);
    expectRefusals(refused);
    const after = await caller.until(isDone);
    for (const answers of [during, after]) {
      expect(statuses(answers)).toEqual([200]);
      expect(slowest(answers)).toBeLessThan(ANSWER_MS_MAX);
    }
    await holder.end();
    await expect.poll(async () => statuses(await reports(8))).toEqual([200]);
  });

  test('ends a statement that takes too long, and answers meanwhile', async () => {
    const server = await sharedServer();
    await caller.until(isDone);
    await expect.poll(async () => (await server.run('SELECT 1 FROM tally', url)).length).toBeGreaterThan(0);
    // Longer than any statement of a request may take, for each row that is read.
    await server.run(
      `INSERT INTO hit (id, tenant, key, version, kind, first_seen, last_seen, times_seen, after_removal, status, quarantined,
         list, started, evidence_seq)
       SELECT 'slow', tenant, 'slow', 1, 'hash', 0, 0, 1, 0, 'open', 0, 'a', 0, 1 FROM tally LIMIT 1;
       CREATE POLICY slow ON hit AS RESTRICTIVE FOR SELECT USING (pg_sleep(30) IS NOT NULL)`,
      url,
    );
    const asked = Promise.all([ask(`${running.url}/v1/hits`), ask(`${running.url}/v1/hits`)]);
    const during = await caller.until(isDone);
    const refused = await asked;
    expect(statuses(refused)).toEqual([503]);
    expectRefusals(refused);
    expect(Math.min(...refused.map(({ ms }) => ms))).toBeGreaterThan(2_000);
    expect(statuses(during)).toEqual([200]);
    expect(slowest(during)).toBeLessThan(ANSWER_MS_MAX);
    await server.run(`DROP POLICY slow ON hit; DELETE FROM hit WHERE id = 'slow'`, url);
    await expect.poll(async () => (await ask(`${running.url}/v1/hits`)).status).toBe(200);
    await caller.end();
    await expectRecorded(running, caller);
  });
});

const DISK_MB = 128;

/** Mount a disk of its own in memory. */
function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', folder], { stdio: 'pipe' });
}
const unmount = (folder: string) => execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' });

function canMountHere(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = tempFolder('mount');
  try {
    mount(folder);
    unmount(folder);
    return true;
  } catch {
    return false;
  }
}
const canFill = orLeftOut(
  hasPostgres && canMountHere(),
  'No disk can be mounted',
  'the test of a full disk of PostgreSQL',
);

describe.runIf(canFill)('a database whose disk is full', () => {
  const folder = canFill ? tempFolder('pg') : '';
  const end = () => unmount(folder);
  let server: PostgresServer;
  let running: Running;
  let caller: Caller;
  beforeAll(async () => {
    mount(folder);
    process.once('exit', end);
    chmodSync(folder, 0o755);
    // Files of its log are reused only as long as there is room for one more.
    server = await PostgresServer.createIn(folder, 'min_wal_size=32MB', 'max_wal_size=32MB');
    running = await start(await server.createDatabase());
    caller = new Caller(running.url);
  });
  afterAll(async () => {
    await caller?.end();
    await running?.stop();
    await server?.stop();
    process.off('exit', end);
    end();
  });
  const ballast = join(folder, 'ballast');
  const fill = () => {
    try {
      for (let n = 0; n < DISK_MB; n++) writeFileSync(ballast, Buffer.alloc(1 << 20), { flag: 'a' });
      throw new Error('the disk was never full');
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  };

  const begin = async () => expect(statuses(await caller.until((answers) => answers.length >= 5))).toEqual([200]);
  const isRefused = (answers: readonly Answer[]) => answers.some(({ status }) => status === 503);

  test('refuses at once what it cannot record, and records again once there is room', async () => {
    await begin();
    fill();
    const refused = await caller.until((answers) => answers.length - good(answers).length >= 3);
    expectRefusals(refused, ANSWER_MS_MAX);
    rmSync(ballast);
    await caller.until((answers) => good(answers).length >= 5);
    await begin();
  });

  test('records again after the server that could not write its log was started again', async () => {
    await begin();
    fill();
    // Its log needs another file each time: what is left of one, or of one that it reuses, would take a while.
    let isEnough = false;
    const refusing = caller.until(isRefused).finally(() => {
      isEnough = true;
    });
    // Its error is thrown where it is awaited.
    refusing.catch(() => {});
    for (; !isEnough; await delay(200)) await server.run('SELECT pg_switch_wal()').catch(() => {});
    const refused = await refusing;
    expectRefusals(refused, WITHOUT_SERVER_MS_MAX);
    rmSync(ballast);
    // Whatever keeps it running starts it again.
    if (!server.isThere) await server.start();
    await caller.until((answers) => good(answers).length >= 5);
    await caller.end();
    await expectRecorded(running, caller);
  });
});
