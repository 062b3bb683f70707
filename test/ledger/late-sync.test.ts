/** `ZEEF_LEDGER_SYNC`: what an answer waits for, and what a power cut, a kill and a failed sync leave, in both modes. */
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { LEDGER_FILE } from '../../src/sqlite/ledger/database.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { Disk, DiskService, expectVerified, hasCompiler, KNOWN, onRecord, storeWith } from '../support/failing-disk.js';
import { checkedIn } from '../support/ledger-load.js';

const MODES = ['answers', 'hits'] as const;
/** Counts of this time before a power cut may be lost, and a busy machine is late. */
const LOST_MS_MAX = 100;
const LATE_MS_MAX = 400;

const dir = tempFolder('late-sync');
let service: DiskService | null = null;
afterEach(async () => {
  await service?.end('SIGKILL');
  service = null;
});

const unknown = (n: number) => n.toString(16).padStart(32, '0');
interface Sent {
  readonly reference?: string;
  readonly key?: string;
}
/** A request with three values, of which one is known where it has a reference. */
async function check(url: string, { reference, key }: Sent = {}): Promise<number> {
  const first = reference === undefined ? { md5: unknown(1) } : { id: reference, md5: KNOWN.toString('hex') };
  const response = await fetch(`${url}/v1/check/hashes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
    body: JSON.stringify({ items: [{ md5: unknown(2) }, first, { md5: unknown(3) }] }),
  });
  await response.arrayBuffer();
  return response.status;
}
const CHECKS = 3;

async function serve(dataDir: string, disk: Disk, sync: (typeof MODES)[number]): Promise<DiskService> {
  service = await DiskService.start(dataDir, { cwd: dir, env: { ZEEF_LEDGER_SYNC: sync, ...disk.env } });
  return service;
}

function copyLedger(from: string, to: string): void {
  for (const end of ['', '-wal', '-shm']) {
    const file = `${LEDGER_FILE}${end}`;
    rmSync(join(to, file), { force: true });
    if (existsSync(join(from, file))) copyFileSync(join(from, file), join(to, file));
  }
}

/** The power goes: what was not synced is lost, and what is left must be whole. */
async function cutPower(dataDir: string, disk: Disk): Promise<void> {
  await service!.end('SIGKILL');
  copyLedger(disk.synced, dataDir);
  expectVerified(dataDir);
  // That command has ended, and has synced what it changed.
  copyLedger(dataDir, disk.synced);
}

/** Whether it is settled after a time in which a disk that works would have done it many times. */
async function isPending(answer: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([answer, delay(300, 'pending')])) === 'pending';
}

describe.runIf(hasCompiler)('a real service', () => {
  test.each(MODES)('%s: an answer with a hit or an Idempotency-Key waits for its sync', async (sync) => {
    const disk = new Disk(dir, `waits-${sync}`);
    const { url } = await serve(await storeWith(join(dir, `waits-${sync}`)), disk, sync);
    for (const sent of [{ reference: 'r' }, { key: 'k' }, {}] satisfies Sent[]) {
      expect(await check(url)).toBe(200);
      disk.becomes('w');
      const answer = check(url, sent);
      const waits = sync === 'answers' || Object.keys(sent).length > 0;
      expect([sent, await isPending(answer)]).toEqual([sent, waits]);
      disk.becomes('-');
      expect(await answer).toBe(200);
    }
  });

  test.each(MODES)(
    '%s: a power cut loses no hit, and counts of a moment only with hits',
    async (sync) => {
      const disk = new Disk(dir, `cut-${sync}`);
      const dataDir = await storeWith(join(dir, `cut-${sync}`));
      const hits = new Set<string>();
      /** On record at least, and at most. */
      let [least, most, lost, made] = [0, 0, 0, 0];
      for (let round = 0; round < 5; round++) {
        const { url } = await serve(dataDir, disk, sync);
        const before = await onRecord(url);
        expect(before.checked).toBeGreaterThanOrEqual(least);
        expect(before.checked).toBeLessThanOrEqual(most);
        expect([...hits].filter((hit) => !before.references.includes(hit))).toEqual([]);
        lost += most - before.checked;
        least = most = before.checked;
        const answeredMs: number[] = [];
        let isCut = false;
        const client = async (every: number) => {
          while (!isCut) {
            const n = made++;
            const sent = n % every === 0 ? { reference: `r${n}` } : {};
            most += CHECKS;
            const status = await check(url, sent).catch(() => 0);
            if (status !== 200) continue;
            // A synced commit has synced all before it.
            answeredMs.push(sent.reference || sync === 'answers' ? Number.NEGATIVE_INFINITY : performance.now());
            if (sent.reference) hits.add(sent.reference);
          }
        };
        // In every other round, counts alone.
        const clients = Array.from({ length: 6 }, () => client(round % 2 === 0 ? 7 : Number.POSITIVE_INFINITY));
        await delay(300 + 300 * Math.random());
        // Copying takes a moment, in which the process is dead.
        const cutMs = performance.now();
        await cutPower(dataDir, disk);
        isCut = true;
        await Promise.all(clients);
        least += CHECKS * answeredMs.filter((ms) => ms < cutMs - LOST_MS_MAX - LATE_MS_MAX).length;
        expectVerified(dataDir);
      }
      const { url } = await serve(dataDir, disk, sync);
      const { checked, references } = await onRecord(url);
      expect(checked).toBeGreaterThanOrEqual(least);
      expect([...hits].filter((hit) => !references.includes(hit))).toEqual([]);
      expect(hits.size).toBeGreaterThan(0);
      process.stderr.write(`${sync}: ${lost} of ${made * CHECKS} checks lost or never answered, ${hits.size} hits\n`);
    },
    // Five starts and ends of a service, each of which waits for a disk that other work uses too.
    240_000,
  );

  test('hits: after a failed sync answers are refused; a hit that is answered later is not behind a gap', async () => {
    const disk = new Disk(dir, 'gap');
    const dataDir = await storeWith(join(dir, 'gap'));
    const { url } = await serve(dataDir, disk, 'hits');
    let answered = 0;
    for (let round = 0; round < 3; round++) {
      expect(await check(url)).toBe(200);
      disk.becomes('s');
      let status = 0;
      // Counts are answered until their sync has failed.
      for (const endMs = performance.now() + 5_000; performance.now() < endMs; ) {
        status = await check(url);
        if (status !== 200) break;
        answered++;
      }
      expect([await check(url), await check(url, { reference: 'x' })]).toEqual([503, 503]);
      expect(status).toBe(503);
      expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ledgerWritable: false });
      disk.becomes('-');
      expect(await check(url, { reference: `after-${round}` })).toBe(200);
      answered += 2;
    }
    await cutPower(dataDir, disk);
    const after = await onRecord((await serve(dataDir, disk, 'hits')).url);
    expect(after.references.filter((one) => one !== 'x').sort()).toEqual(['after-0', 'after-1', 'after-2']);
    expect(after.checked).toBeGreaterThanOrEqual(answered * CHECKS);
  }, 240_000);

  test('hits: a killed process loses nothing, and one that ends has synced all', async () => {
    const disk = new Disk(dir, 'ends');
    const dataDir = await storeWith(join(dir, 'ends'));
    let answered = 0;
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const { url } = await serve(dataDir, disk, 'hits');
      for (let n = 0; n < 20; n++) expect(await check(url)).toBe(200);
      answered += 20;
      await service!.end(signal);
    }
    await cutPower(dataDir, disk);
    expect((await onRecord((await serve(dataDir, disk, 'hits')).url)).checked).toBe(answered * CHECKS);
  });
});

test('counts are synced within the promised time, once for those of that time, and then nothing is', async () => {
  const syncs: boolean[] = [];
  const store = openSqliteLedger(tempFolder('late'), { sync: 'hits', onSync: (ok) => syncs.push(ok) });
  const counts = () => store.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR)] })] });
  await store.open();
  // What a killed process may have left.
  await expect.poll(() => syncs).toEqual([true]);
  const waitedMs: number[] = [];
  for (let n = 2; n < 7; n++) {
    const beganMs = performance.now();
    for (let many = 0; many < 10; many++) await counts();
    await expect.poll(() => syncs.length, { interval: 1 }).toBeGreaterThanOrEqual(n);
    waitedMs.push(performance.now() - beganMs);
  }
  expect(Math.min(...waitedMs)).toBeLessThan(LOST_MS_MAX);
  await delay(200);
  const before = syncs.length;
  // A commit that is synced leaves nothing to sync.
  await store.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR)], sightings: [sighting(1, 1)] })] });
  await delay(200);
  expect(syncs).toEqual(Array.from({ length: before }, () => true));
  await counts();
  await store.close();
  expect(syncs).toHaveLength(before);
  const again = openSqliteLedger(tempFolder('late-other'));
  expect(await checkedIn(again)).toBe(0);
  await again.close();
});
