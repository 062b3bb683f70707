/** A `zeef serve` in a process of its own, with a small store, for an attack: this build or another one. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { childEnv, endWithParent } from '../child.js';
import { pdqLike } from '../pdq-like.js';
import { tempFolder } from '../temp-folder.js';

/** Entries within a few bits of one value: each query near it must read them all. */
const CROWD = 300;
const CROWD_BITS = 2;
const OTHERS = 10_000;
/** An MD5 on a list. */
const KNOWN = 'ab'.repeat(16);
/** A process that has not ended by then is ended: one with a thread that never yields does not. */
const STOP_MS_MAX = 60_000;
const SECRET_VARIABLE = 'SOURCE_SECRET';

export interface Target {
  readonly url: string;
  /** `authorization` of the attacker, a tenant with limits; null: no key is needed. */
  readonly authorization: string | null;
  /** The neighbour's, another tenant's. */
  readonly neighbour: string | null;
  /** Hex of the value that the crowd is near. */
  readonly crowded: string;
  /** Hex of an MD5 on a list. */
  readonly known: string;
  /** Peak resident memory of the service's process so far, megabytes; null where the system does not say. */
  peakMegabytes(): number | null;
  /** Its process, and all below it. */
  readonly pid: number;
  /** Stop by SIGTERM; return the seconds until the process has ended. */
  stop(): Promise<number>;
}

interface TargetOptions {
  /** As `makeStore` made it. */
  readonly store: string;
  /** The main file of the build. */
  readonly main: string;
  /** Requests need keys, and the attacker's tenant has a quota of checks and hashes a day. */
  readonly quota: number | null;
  /** Address of a list source that the service fetches every minute. */
  readonly source: string | null;
}

function crowdOf(base: Uint8Array): string[] {
  return Array.from({ length: CROWD }, (_, n) => {
    const value = Buffer.from(base);
    for (let bit = 0; bit < CROWD_BITS; bit++) {
      const at = (n * CROWD_BITS + bit * 7) % 256;
      value[at >> 3]! ^= 1 << (at & 7);
    }
    return value.toString('hex');
  });
}

/** Run a command of a build on a data folder; return what it prints. */
async function zeef(main: string, dataDir: string, ...args: string[]): Promise<string> {
  const command = [main, '--data-dir', dataDir, ...args];
  return (await promisify(execFile)(process.execPath, command, { env: childEnv() })).stdout;
}

/** Make the store of a build: its own commands write it, so that it can read it. Result: the data folder. */
export async function makeStore(main: string): Promise<string> {
  const dataDir = tempFolder('hostile');
  const values = pdqLike(OTHERS, 5);
  const hexOf = (n: number) => Buffer.from(values.subarray(n * 32, n * 32 + 32)).toString('hex');
  const rows = new Set([...Array.from({ length: OTHERS }, (_, n) => hexOf(n)), ...crowdOf(values.subarray(0, 32))]);
  const file = join(tempFolder('hostile-list'), 'list.txt');
  for (const [list, algorithm, text] of [
    ['crowd', 'pdq', [...rows].join('\n')],
    ['known', 'md5', KNOWN],
  ] as const) {
    writeFileSync(file, `${text}\n`);
    const format = ['--format', 'plain', '--algorithm', algorithm];
    await zeef(main, dataDir, 'lists', 'import', file, '--list', list, ...format, '--approved');
  }
  return dataDir;
}

/** Start a service on a copy of the store. */
export async function startTarget({ main, store, quota, source }: TargetOptions): Promise<Target> {
  const dataDir = join(tempFolder('hostile-run'), 'data');
  cpSync(store, dataDir, { recursive: true });
  const key = async (tenant: string) => {
    const text = await zeef(main, dataDir, 'keys', 'create', '--tenant', tenant, '--json');
    return `Bearer ${(JSON.parse(text) as { key: string }).key}`;
  };
  let [authorization, neighbour]: (string | null)[] = [null, null];
  if (quota !== null) {
    [authorization, neighbour] = [await key('attacker'), await key('neighbour')];
    const limits = ['--checks-per-day', String(quota), '--distinct-hashes-per-day', String(quota)];
    await zeef(main, dataDir, 'tenants', 'set', 'attacker', ...limits);
  }
  if (source !== null) {
    const from = ['--type', 'ncmec', '--url', source, '--user', 'zeef', '--secret-env', SECRET_VARIABLE];
    await zeef(main, dataDir, 'lists', 'source', 'remote', ...from, '--every', '1');
  }
  const child: ChildProcess = endWithParent(
    spawn(process.execPath, [main, '--data-dir', dataDir, 'serve', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: childEnv({ ZEEF_LOG_LEVEL: 'silent', [SECRET_VARIABLE]: 'secret' }),
    }),
  );
  const ended = once(child, 'exit');
  for await (const line of createInterface(child.stdout!)) {
    const url = /zeef listens on (\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    return {
      url,
      pid: child.pid!,
      authorization: authorization!,
      neighbour: neighbour!,
      crowded: Buffer.from(pdqLike(1, 5)).toString('hex'),
      known: KNOWN,
      peakMegabytes() {
        try {
          const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1')) ?? [];
          return kilobytes === undefined ? null : Number(kilobytes) / 1024;
        } catch {
          return null;
        }
      },
      async stop() {
        const beganMs = performance.now();
        child.kill('SIGTERM');
        const killing = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
        await ended;
        clearTimeout(killing);
        return (performance.now() - beganMs) / 1000;
      },
    };
  }
  throw new Error('the service ended before it listened');
}
