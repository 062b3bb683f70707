/** A disk that is full, read-only or cannot sync: no answer without a record, and none is lost when it works again. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { LEDGER_FILE } from '../../src/sqlite/ledger/database.js';
import {
  Disk,
  DiskService,
  expectVerified,
  hasCompiler,
  KNOWN,
  onRecord,
  storeWith as storeIn,
} from '../support/failing-disk.js';

const dir = tempFolder('disk');
const storeWith = (name: string) => storeIn(join(dir, name));
let service: DiskService | null = null;
afterEach(async () => {
  await service?.end();
  service = null;
});

async function serve(dataDir: string, env: Record<string, string> = {}): Promise<string> {
  service = await DiskService.start(dataDir, { cwd: dir, env });
  return service.url;
}

let sent = 0;
/** A request for a known digest, with a reference and an Idempotency-Key of its own. */
const next = () => ({ reference: `r${sent++}`, key: `k${sent}` });
async function check(url: string, { reference, key }: ReturnType<typeof next>) {
  const response = await fetch(`${url}/v1/check/hashes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ items: [{ id: reference, md5: KNOWN.toString('hex') }] }),
  });
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, code, retryAfter: response.headers.get('retry-after') };
}
const REFUSED = { status: 503, code: 'LEDGER_FAILED', retryAfter: '1' };
const ANSWERED = { status: 200, code: undefined, retryAfter: null };

interface Ready {
  readonly ready: boolean;
  readonly notReady: readonly string[];
  readonly ledgerWritable: boolean;
}

/** Ask until the service is ready, or is not; return the last answer with the seconds that it took. */
async function readyAs(url: string, wanted: boolean): Promise<Ready & { seconds: number; status: number }> {
  const beganMs = performance.now();
  for (;;) {
    const response = await fetch(`${url}/readyz`);
    const answer = (await response.json()) as Ready;
    const seconds = (performance.now() - beganMs) / 1000;
    if (answer.ready === wanted || seconds > 30) return { ...answer, seconds, status: response.status };
    await delay(100);
  }
}

async function stopAndVerify(dataDir: string): Promise<void> {
  await service!.end();
  expectVerified(dataDir);
}

describe.runIf(hasCompiler)('a real service on a disk', () => {
  test.each([
    ['that is full', 'f'],
    ['that is read-only', 'r'],
    ['that cannot sync', 's'],
  ] as const)('%s: LEDGER_FAILED until it works again, nothing lost, nothing counted twice', async (_says, how) => {
    const disk = new Disk(dir, how);
    const dataDir = await storeWith(`disk-${how}`);
    const url = await serve(dataDir, disk.env);
    const answered: string[] = [];
    for (let round = 0; round < 3; round++) {
      const before = Array.from({ length: 5 }, next);
      expect(await Promise.all(before.map((one) => check(url, one)))).toEqual(before.map(() => ANSWERED));
      answered.push(...before.map(({ reference }) => reference));
      disk.becomes(how);
      const failed = Array.from({ length: 5 }, next);
      expect(await Promise.all(failed.map((one) => check(url, one)))).toEqual(failed.map(() => REFUSED));
      expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ready: true, ledgerWritable: false });
      // A reader that opened the file now as read-only would keep the writer out afterwards.
      expect([200, 503]).toContain((await fetch(`${url}/v1/stats`)).status);
      disk.becomes('-');
      // The same process, and the same requests again.
      expect(await Promise.all(failed.map((one) => check(url, one)))).toEqual(failed.map(() => ANSWERED));
      answered.push(...failed.map(({ reference }) => reference));
    }
    const { checked, references } = await onRecord(url);
    expect(references.sort()).toEqual(answered.sort());
    expect(checked).toBe(answered.length);
    await stopAndVerify(dataDir);
  });
});

describe('without a single request, a service that could not record for five seconds is not ready', () => {
  const expectFailureSeen = async (url: string, fail: () => void, recover: () => void) => {
    expect(await readyAs(url, true)).toMatchObject({ status: 200, notReady: [], ledgerWritable: true });
    fail();
    const failed = await readyAs(url, false);
    expect(failed).toMatchObject({ status: 503, notReady: ['ledger_unwritable'] });
    // Not at the first failure.
    expect(failed.seconds).toBeGreaterThan(4);
    recover();
    expect(await readyAs(url, true)).toMatchObject({ status: 200, notReady: [], ledgerWritable: true });
    expect(await check(url, next())).toEqual(ANSWERED);
  };

  test('where another process locks the ledger', async () => {
    const dataDir = await storeWith('locked');
    const url = await serve(dataDir);
    expect(await check(url, next())).toEqual(ANSWERED);
    const other = new Database(join(dataDir, LEDGER_FILE));
    await expectFailureSeen(
      url,
      () => other.exec('BEGIN IMMEDIATE'),
      () => other.exec('ROLLBACK'),
    );
    other.close();
    await stopAndVerify(dataDir);
  });

  test.runIf(hasCompiler)('where the disk is full', async () => {
    const dataDir = await storeWith('full-idle');
    const disk = new Disk(dir, 'idle');
    const url = await serve(dataDir, disk.env);
    await expectFailureSeen(
      url,
      () => disk.becomes('f'),
      () => disk.becomes('-'),
    );
    await stopAndVerify(dataDir);
  });
});

test('a ledger that cannot be opened: LEDGER_FAILED, and answers as soon as it can be', async () => {
  const dataDir = await storeWith('unopened');
  mkdirSync(join(dataDir, LEDGER_FILE));
  const url = await serve(dataDir);
  const one = next();
  expect(await check(url, one)).toEqual(REFUSED);
  rmdirSync(join(dataDir, LEDGER_FILE));
  expect(await check(url, one)).toEqual(ANSWERED);
  expect(await onRecord(url)).toEqual({ checked: 1, references: [one.reference] });
  await stopAndVerify(dataDir);
});

test('a ledger that another process locks for too long: LEDGER_FAILED, and answers after the release', async () => {
  const dataDir = await storeWith('held');
  const url = await serve(dataDir);
  expect(await check(url, next())).toEqual(ANSWERED);
  const other = new Database(join(dataDir, LEDGER_FILE));
  other.exec('BEGIN IMMEDIATE');
  const one = next();
  expect(await check(url, one)).toEqual(REFUSED);
  other.exec('ROLLBACK');
  other.close();
  expect(await check(url, one)).toEqual(ANSWERED);
  expect(await onRecord(url)).toMatchObject({ checked: 2 });
  await stopAndVerify(dataDir);
});
