/**
 * Cost of the ledger for checks, with and without it alternating in one run; and the time of a report over ten years of
 * hourly counts, and over 18.2 billion checks.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { readConfig } from '../src/config/read-config.js';
import { artefact } from '../src/core/package-root.js';
import { type Period, parsePeriod } from '../src/core/period.js';
import { createServer } from '../src/http/server.js';
import { createLedger } from '../src/ledger/ledger.js';
import { buildReport } from '../src/ledger/report.js';
import { createService } from '../src/service/service.js';
import { LEDGER_FILE } from '../src/sqlite/ledger/database.js';
import { openSqliteLedger } from '../src/sqlite/ledger/ledger.js';
import { createLogger } from '../src/telemetry/log.js';
import { createMetrics } from '../src/telemetry/prometheus.js';
import { alternate } from './alternate.js';
import { fillLedger } from './ledger-fill.js';
import { listRows, randomValues } from './list-rows.js';
import { pdqLike } from './pdq-like.js';
import { uploads } from './pictures.js';
import { type BenchOptions, type BenchTable, medianSeconds } from './report.js';
import { tempFolder } from './temp-folder.js';

/** The national service of 2020, in one quarter. */
const NATIONAL = { checked: 18_200_000_000, matched: 7_400_000 };
const HIT_EVERY = 2_460;

interface Load {
  readonly name: string;
  readonly checks: number;
  readonly connections: number;
  readonly requests: autocannon.Request[];
}

const post = (path: string, type: string, body: string | Buffer): autocannon.Request => ({
  method: 'POST',
  path,
  headers: { 'content-type': type },
  body,
});

async function loads(smoke: boolean, known: Uint8Array): Promise<Load[]> {
  const hashes = pdqLike(1_000, 9);
  const hex = (at: number) => Buffer.from(hashes.subarray(at * 32, at * 32 + 32)).toString('hex');
  const items = Array.from({ length: 1_000 }, (_, at) => ({ pdq: hex(at) }));
  const one = items
    .slice(0, 50)
    .map((item) => post('/v1/check/hashes', 'application/json', JSON.stringify({ items: [item] })));
  const rawCount = smoke ? 2_048 : 131_072;
  const raw = Buffer.from(randomValues(rawCount, 16, 8));
  const withHits = Buffer.from(raw);
  for (let hit = 0; hit * HIT_EVERY < rawCount; hit++)
    withHits.set(known.subarray(hit * 16, (hit + 1) * 16), hit * HIT_EVERY * 16);
  const files = await uploads(smoke ? 1 : 16);
  return [
    { name: 'one PDQ hash, 16 connections', checks: 1, connections: 16, requests: one },
    { name: 'one PDQ hash, 64 connections', checks: 1, connections: 64, requests: one },
    {
      name: '1,000 PDQ hashes, JSON, 16 connections',
      checks: 1_000,
      connections: 16,
      requests: [post('/v1/check/hashes', 'application/json', JSON.stringify({ items }))],
    },
    ...[['no hit', raw] as const, [`a hit in ${HIT_EVERY.toLocaleString('en')}`, withHits] as const].map(
      ([hits, body]) => ({
        name: `${rawCount.toLocaleString('en')} MD5, raw, ${hits}, 16 connections`,
        checks: rawCount,
        connections: 16,
        requests: [post('/v1/check/hashes?algorithm=md5', 'application/octet-stream', body)],
      }),
    ),
    {
      name: 'a JPEG of 500x375, 32 connections',
      checks: 1,
      connections: 32,
      requests: files.map((file) => post('/v1/check', 'image/jpeg', file)),
    },
  ];
}

/** Measure rates with the ledger on and off, alternating, on two services in this process. */
async function checkRates(smoke: boolean): Promise<{ rows: (string | number)[][]; worst: number; refused: number }> {
  const pairs = smoke ? 1 : 7;
  const seconds = smoke ? 1 : 3;
  const values = pdqLike(smoke ? 1_000 : 100_000, 1);
  const known = randomValues(smoke ? 1_000 : 100_000, 16, 2);
  const made = [];
  for (const ledger of ['off', 'on'] as const) {
    const dataDir = tempFolder('rates');
    const flags = { dataDir, workers: '1', ledger, logLevel: 'silent', queueImagesPerWorker: '64', cacheBytesMax: '0' };
    const config = readConfig({ env: {}, flags });
    const log = createLogger(config.logLevel);
    const service = await createService(config, { log, metrics: createMetrics() });
    for (const [algorithm, entries] of [
      ['pdq', values],
      ['md5', known],
    ] as const) {
      await service.store.lists.createList({ list: algorithm, kind: 'match', radiusBits: 31 });
      await service.store.lists.replaceEntries(algorithm, listRows(algorithm, entries));
    }
    await service.reload();
    const server = await createServer(service, log);
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const close = async () => {
      await server.close();
      await service.close();
      rmSync(dataDir, { recursive: true });
    };
    made.push({ url, close });
  }
  const [off, on] = [made[0]!, made[1]!];
  let refused = 0;
  const rate = async (url: string, { requests, connections, checks }: Load): Promise<number> => {
    const result = await autocannon({ url, connections, duration: seconds, requests });
    refused += result.non2xx + result.errors;
    return (result['2xx'] * checks) / result.duration;
  };
  const rows: (string | number)[][] = [];
  let worst = Number.POSITIVE_INFINITY;
  const all = await loads(smoke, known);
  // At the smoke size, one load of each kind of response is enough.
  for (const load of smoke ? [all[0]!, all.at(-2)!] : all) {
    const { first, second, ratio } = await alternate(
      pairs,
      () => rate(off.url, load),
      () => rate(on.url, load),
    );
    worst = Math.min(worst, ratio);
    rows.push([load.name, first, second, `${(ratio * 100).toFixed(1)} %`]);
  }
  await on.close();
  await off.close();
  return { rows, worst, refused };
}

function secondsOf(work: () => void): number {
  const startedMs = performance.now();
  work();
  return (performance.now() - startedMs) / 1000;
}

/** Measure a report in this process, and `zeef report` from its start to its end; return its first line as `output`. */
async function reports(
  smoke: boolean,
  dataDir: string,
  period: Period,
  args: readonly string[],
): Promise<{ inProcessMs: number; commandMs: number; output: string }> {
  const store = openSqliteLedger(dataDir);
  const ledger = createLedger({
    store,
    nowMs: () => Date.now(),
    seal: { seal: (bytes) => bytes, open: (bytes) => bytes, mark: (bytes) => bytes },
    deadlineHours: [1, 12, 24],
    keepHitsDays: 0,
    keepHoursDays: 0,
  });
  const seconds = await medianSeconds(() => buildReport(ledger, { period, nowMs: Date.now() }));
  await ledger.close();
  let output = '';
  const command = [artefact('src', 'main.js'), '--data-dir', dataDir, 'report', ...args];
  const runCommand = () => {
    output = execFileSync(process.execPath, command, { encoding: 'utf8' });
  };
  const commandSeconds = smoke ? secondsOf(runCommand) : await medianSeconds(runCommand);
  return { inProcessMs: seconds * 1000, commandMs: commandSeconds * 1000, output: output.split('\n')[0]! };
}

export async function ledger({ smoke }: BenchOptions): Promise<BenchTable> {
  const { rows, worst, refused } = await checkRates(smoke);
  const notes = [`with the ledger at least ${(worst * 100).toFixed(1)} % of the rate without it (median of pairs)`];
  const output: string[] = [];
  const tenants = smoke ? 5 : 200;
  const lists = 20;
  const years = smoke ? 1 / 12 : 10;

  const quarterDir = tempFolder('quarter');
  const label = smoke ? '2020-07' : '2020-Q3';
  const quarter = parsePeriod(label);
  const quarterStore = openSqliteLedger(quarterDir);
  await fillLedger(quarterStore, { ...quarter, tenants: smoke ? 2 : 20, lists, ...NATIONAL });
  await quarterStore.close();
  const national = await reports(smoke, quarterDir, quarter, ['--period', label]);
  rows.push(['zeef report, 18.2 billion checks, ms', national.inProcessMs, national.commandMs, '']);
  output.push(national.output);
  rmSync(quarterDir, { recursive: true });

  const dir = tempFolder('years');
  const fromMs = Date.UTC(2016, 0);
  const toMs = smoke ? Date.UTC(2016, 1) : Date.UTC(2016 + years, 0);
  const store = openSqliteLedger(dir);
  const startedMs = performance.now();
  const hours = await fillLedger(store, { fromMs, toMs, tenants, lists, ...NATIONAL });
  const fillSeconds = (performance.now() - startedMs) / 1000;
  await store.close();
  const whole = await reports(smoke, dir, { fromMs, toMs, label: 'all' }, []);
  rows.push([`zeef report, all of ${hours.toLocaleString('en')} hours, ms`, whole.inProcessMs, whole.commandMs, '']);
  // A range that does not begin and end with whole days.
  const [oddFrom, oddTo] = [fromMs + 31 * 3_600_000, toMs - 31 * 3_600_000];
  const range = ['--from', new Date(oddFrom).toISOString(), '--to', new Date(oddTo).toISOString()];
  const odd = await reports(smoke, dir, { fromMs: oddFrom, toMs: oddTo, label: 'odd' }, range);
  rows.push(['  the same without whole days at the ends, ms', odd.inProcessMs, odd.commandMs, '']);
  notes.push(
    'checks: checks/s without and with the ledger; reports: in process, and as a command with its start',
    `${tenants} tenants and ${lists} lists: ${(statSync(join(dir, LEDGER_FILE)).size / 1e6).toFixed(0)} MB, filled in ${fillSeconds.toFixed(0)} s`,
    national.output,
  );
  rmSync(dir, { recursive: true });
  return {
    title: 'Ledger: cost for checks, client included, and time of reports',
    notes,
    columns: ['measurement', 'without', 'with', 'ratio'],
    rows,
    checksum: refused === 0 ? output.join('; ') : `${refused} failed`,
  };
}
