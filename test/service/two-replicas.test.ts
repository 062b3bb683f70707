/** Two services of one PostgreSQL, each with a data folder of its own, as on two machines. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { orLeftOut } from '../support/left-out.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';
import { run, type Serving, serve } from '../support/processes.js';

const TIMEOUT_MS = 120_000;
const hasMaps = orLeftOut(process.platform === 'linux', 'No /proc', 'the test of what a process has loaded');
const KEY = '1'.repeat(64);
const MD5 = '5eb63bbbe01eeed093cb22bb8f5acdc3';

const services: Serving[] = [];
afterEach(async () => {
  for (const { child, end } of services.splice(0))
    if (child.exitCode === null && child.signalCode === null) await end('SIGKILL');
});

const place = async () => (await sharedServer()).createDatabase();

/** The environment of one machine. */
const machine = (url: string, more: Record<string, string> = {}) => ({
  ZEEF_DATABASE_URL: url,
  ZEEF_DATA_DIR: join(tempFolder('replica'), 'data'),
  ZEEF_LIST_KEY: KEY,
  ZEEF_WORKERS: '1',
  ZEEF_LOG_LEVEL: 'warn',
  ...more,
});

async function replica(url: string): Promise<Serving> {
  const serving = await serve(machine(url));
  services.push(serving);
  return serving;
}

/** The answer as JSON. Errors: another status. */
async function ask(serving: Serving, path: string, body?: string, type = 'application/json', method = 'POST') {
  const sent = body === undefined ? {} : { method, body, headers: { 'content-type': type } };
  const response = await fetch(serving.url + path, sent);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

const addTo = (serving: Serving, list: string, rows: readonly string[]) =>
  ask(
    serving,
    `/v1/lists/${list}/entries?format=plain&algorithm=md5&mode=add`,
    rows.join('\n'),
    'application/octet-stream',
  );

async function check(serving: Serving, ...hashes: string[]): Promise<{ checked: number; matched: number }> {
  const items = hashes.map((md5) => ({ md5 }));
  return (await ask(serving, '/v1/check/hashes', JSON.stringify({ items }))) as { checked: number; matched: number };
}

const loadsSqlite = ({ child }: Serving) => readFileSync(`/proc/${child.pid}/maps`, 'utf8').includes('better_sqlite3');

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await delay(50);
}

describe.runIf(hasPostgres)('two services of one PostgreSQL', { timeout: TIMEOUT_MS }, () => {
  test('one imports, both match, and their checks are one count', async () => {
    const url = await place();
    const [a, b] = await Promise.all([replica(url), replica(url)]);
    await addTo(a, 'known', [MD5]);
    await until(async () => (await check(b, MD5)).matched === 1);
    await check(a, MD5, 'a'.repeat(32));
    const before = await ask(a, '/v1/stats');
    expect(await ask(b, '/v1/stats')).toMatchObject({ checked: before.checked, matched: before.matched });
    const verified = await run(machine(url), 'ledger', 'verify', '--json');
    expect(JSON.parse(verified.output.toString())).toMatchObject({ ok: true });
    expect((await run(machine(url), 'verify')).code).toBe(0);
    const errors = [a, b].flatMap(
      (one) =>
        one
          .output()
          .toString()
          .match(/.*"level":[56]0.*/g) ?? [],
    );
    expect(errors.filter((line) => !line.includes('no list is in force'))).toEqual([]);
  });

  test.runIf(hasMaps)('none of them loads SQLite', async () => {
    const a = await replica(await place());
    await addTo(a, 'known', [MD5]);
    await until(async () => (await check(a, MD5)).matched === 1);
    const embedded = await serve({ ZEEF_DATA_DIR: join(tempFolder('embedded'), 'data'), ZEEF_WORKERS: '1' });
    services.push(embedded);
    expect(loadsSqlite(embedded)).toBe(true);
    expect(loadsSqlite(a)).toBe(false);
  });

  test('answers that were acknowledged before a kill are counted, and no more than were asked', async () => {
    const url = await place();
    const [a, b] = await Promise.all([replica(url), replica(url)]);
    await addTo(b, 'known', [MD5]);
    await until(async () => (await check(a, MD5)).matched === 1);
    const { checked } = (await ask(b, '/v1/stats')) as { checked: number };
    const counts = { asked: 0, acknowledged: 0 };
    let isKilled = false;
    const callers = Array.from({ length: 8 }, async () => {
      while (!isKilled) {
        counts.asked++;
        const answer = await check(a, MD5).catch(() => null);
        if (answer) counts.acknowledged++;
      }
    });
    await until(async () => counts.acknowledged > 200);
    a.child.kill('SIGKILL');
    isKilled = true;
    await Promise.all(callers);
    const after = (await ask(b, '/v1/stats')) as { checked: number };
    expect(after.checked - checked).toBeGreaterThanOrEqual(counts.acknowledged);
    expect(after.checked - checked).toBeLessThanOrEqual(counts.asked);
    await expect(run(machine(url), 'ledger', 'verify')).resolves.toMatchObject({ code: 0 });
  });

  test('a job whose service is killed is done by the other, from the body that it took', async () => {
    const url = await place();
    const [a, b] = await Promise.all([replica(url), replica(url)]);
    const rows = Array.from({ length: 60_000 }, (_, n) => createHash('md5').update(`${n}`).digest('hex'));
    const { id, state } = await addTo(a, 'long', rows);
    a.child.kill('SIGKILL');
    expect(['queued', 'running']).toContain(state);
    await until(async () => (await ask(b, `/v1/jobs/${id}`)).state === 'done');
    await until(async () => (await check(b, rows[0]!, rows.at(-1)!)).matched === 2);
    expect(await ask(b, '/v1/lists/long')).toMatchObject({ version: 1, entryCount: rows.length });
    expect(await (await sharedServer()).run('SELECT name FROM blob', url)).toEqual([]);
  });

  test('each is shown to the other, until it ends', async () => {
    const url = await place();
    const [a, b] = await Promise.all([replica(url), replica(url)]);
    const live = async () => ((await ask(b, '/v1/replicas')).replicas as { isLive: boolean }[]).length;
    expect(await live()).toBe(2);
    await a.end('SIGTERM');
    expect(a.child.exitCode).toBe(0);
    expect(await live()).toBe(1);
    const { code, output } = await run(machine(url), 'replicas', '--json');
    expect([code, JSON.parse(output.toString()).replicas.length]).toEqual([0, 1]);
  });

  test('the key is given: one made in a data folder would be of one machine', async () => {
    const { ZEEF_LIST_KEY: _, ...without } = machine(await place());
    const { code, output } = await run(without, 'lists', 'show');
    expect(code).toBe(2);
    expect(output.toString()).toContain('set ZEEF_LIST_KEY_FILE or ZEEF_LIST_KEY');
    expect(existsSync(join(without.ZEEF_DATA_DIR, 'list.key'))).toBe(false);
  });

  test('another key is refused, and so is a malformed URL, without its password', async () => {
    const url = await place();
    expect((await run(machine(url), 'lists', 'show')).code).toBe(0);
    const other = await run(machine(url, { ZEEF_LIST_KEY: '2'.repeat(64) }), 'lists', 'show');
    expect(other.code).toBe(2);
    expect(other.output.toString()).toContain('LIST_KEY_WRONG');
    const malformed = await run(machine('postgres:/zeef:secret@host/zeef'), 'lists', 'show');
    expect(malformed.code).toBe(2);
    expect(malformed.output.toString()).toContain('CONFIG_INVALID');
    expect(malformed.output.toString()).not.toContain('secret');
  });

  test('an embedded store beside it is pointed out', async () => {
    const env = machine(await place());
    const { ZEEF_DATABASE_URL: _, ...embedded } = env;
    await run(embedded, 'lists', 'show');
    const { code, output } = await run(env, 'lists', 'show');
    expect(code).toBe(0);
    expect(output.toString()).toContain('embedded store, which is not used');
  });
});
