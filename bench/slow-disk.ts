/**
 * Single hash checks on disks whose syncs take longer, in both modes of `ZEEF_LEDGER_SYNC`: a real `zeef serve`, with a
 * library loaded before libc that delays each sync (`slow-disk.c`). Without a C compiler only the disk as it is.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import autocannon from 'autocannon';
import { artefact, PACKAGE_ROOT } from '../src/core/package-root.js';
import { openSqliteStore } from '../src/sqlite/open.js';
import { childEnv, endWithParent, processorSeconds, withDescendants } from './child.js';
import { listRows } from './list-rows.js';
import { pdqLike } from './pdq-like.js';
import type { BenchOptions, BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

const FULL = { entries: 100_000, callers: [1, 16, 256], delaysMs: [0, 5, 20], rounds: 3, seconds: 3 };
const SMOKE = { entries: 1_000, callers: [1, 16], delaysMs: [0, 5], rounds: 1, seconds: 1 };
const MODES = ['answers', 'hits'] as const;
const SHIM = 'slow-disk.so';

interface Measured {
  readonly checksPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the service and its decoder, for one check. */
  readonly processorUs: number;
}

interface Target {
  readonly mode: (typeof MODES)[number];
  readonly url: string;
  readonly pid: number;
  end(): Promise<void>;
}

const quantile = (sorted: readonly number[], of: number) =>
  sorted[Math.min(sorted.length - 1, (sorted.length * of) | 0)]!;
const median = (values: readonly number[]) =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

/** Compile the shim into a folder; null without a compiler, or where nothing is preloaded. */
function compileShim(): string | null {
  if (process.platform !== 'linux' || spawnSync('cc', ['--version']).status !== 0) return null;
  const folder = tempFolder('slow-disk');
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    '-o',
    join(folder, SHIM),
    join(PACKAGE_ROOT, 'bench', 'slow-disk.c'),
    '-ldl',
  ]);
  return folder;
}

async function start(mode: Target['mode'], entries: Uint8Array, shim: string | null, delayMs: number): Promise<Target> {
  const dataDir = tempFolder('slow-disk-data');
  const store = await openSqliteStore(dataDir);
  await store.lists.createList({ list: 'bench', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('bench', listRows('pdq', entries));
  await store.close();
  const env = { ZEEF_LOG_LEVEL: 'silent', ZEEF_LEDGER_SYNC: mode };
  const child = endWithParent(
    spawn(process.execPath, [artefact('src', 'main.js'), '--data-dir', dataDir, 'serve', '--port', '0'], {
      // LD_PRELOAD is a list separated by spaces: a path in a temporary folder may have one.
      cwd: shim ?? dataDir,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: childEnv(shim === null ? env : { ...env, LD_PRELOAD: `./${SHIM}`, SLOW_DISK_MS: String(delayMs) }),
    }),
  );
  for await (const line of createInterface(child.stdout!)) {
    const url = /zeef listens on (\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    const end = async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    };
    return { mode, url, pid: child.pid!, end };
  }
  throw new Error('the service ended before it listened');
}

async function measure({ url, pid }: Target, connections: number, seconds: number): Promise<Measured> {
  const hashes = pdqLike(50, 9);
  const requests = Array.from({ length: 50 }, (_, at): autocannon.Request => {
    const pdq = Buffer.from(hashes.subarray(at * 32, at * 32 + 32)).toString('hex');
    const headers = { 'content-type': 'application/json' };
    return { method: 'POST', path: '/v1/check/hashes', headers, body: JSON.stringify({ items: [{ pdq }] }) };
  });
  const times: number[] = [];
  const before = processorSeconds(withDescendants(pid));
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests,
    setupClient: (client) => {
      client.on('response', (status, _bytes, ms) => {
        if (status === 200) times.push(ms);
      });
    },
  });
  if (result.non2xx + result.errors > 0) throw new Error(`${result.non2xx + result.errors} checks failed`);
  const processorUs = ((processorSeconds(withDescendants(pid)) - before) * 1e6) / times.length;
  times.sort((a, b) => a - b);
  return {
    checksPerSecond: times.length / result.duration,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    processorUs,
  };
}

export async function slowDisk({ smoke }: BenchOptions): Promise<BenchTable> {
  const { entries, callers, delaysMs, rounds, seconds } = smoke ? SMOKE : FULL;
  const values = pdqLike(entries, 1);
  const shim = compileShim();
  const rows: (string | number)[][] = [];
  for (const delayMs of shim === null ? [0] : delaysMs) {
    const targets: Target[] = [];
    for (const mode of MODES) targets.push(await start(mode, values, shim, delayMs));
    for (const connections of callers) {
      const measured = targets.map((): Measured[] => []);
      // Modes alternate, so that a slow moment of the machine is in both; the first round warms up.
      for (let round = smoke ? 0 : -1; round < rounds; round++) {
        for (const [at, target] of targets.entries()) {
          const one = await measure(target, connections, seconds);
          if (round >= 0) measured[at]!.push(one);
        }
      }
      for (const [at, { mode }] of targets.entries()) {
        const of = (name: keyof Measured) => median(measured[at]!.map((one) => one[name]));
        rows.push([
          delayMs === 0 ? 'as it is' : `+${delayMs} ms`,
          connections,
          mode,
          of('checksPerSecond'),
          of('p50Ms'),
          of('p99Ms'),
          of('processorUs'),
        ]);
      }
    }
    for (const { end } of targets) await end();
  }
  return {
    title: `Single PDQ checks on slow disks, ${entries.toLocaleString('en')} entries, by ZEEF_LEDGER_SYNC`,
    notes: [
      shim === null
        ? 'no C compiler, or not Linux: only the disk as it is'
        : 'each fsync and fdatasync of the service takes so much longer than on this disk',
      'medians of rounds in which the modes alternate; processor time of the service alone, per check',
    ],
    columns: ['sync', 'callers', 'mode', 'checks/s', 'p50 ms', 'p99 ms', 'CPU us'],
    rows,
    checksum: 'every check answered',
  };
}
