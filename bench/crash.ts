/**
 * A real `zeef serve` is killed (SIGKILL) repeatedly at random moments under load. Afterwards every returned hit must
 * be on record, every answered check counted, and the ledger intact.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { artefact } from '../src/core/package-root.js';
import { openSqliteStore } from '../src/sqlite/open.js';
import { childEnv, endWithParent } from './child.js';
import { listRows, randomValues } from './list-rows.js';
import { seeded } from './pdq-like.js';
import type { BenchOptions, BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

const MAIN = artefact('src', 'main.js');
const ENTRIES = 1_000;
const CLIENTS = 8;
/** Items of a request that do not match, besides the one that does. */
const UNMATCHED = 4;
const RAW_VALUES = 500;
/** Maximum time from the start of the load to the kill. */
const LOAD_MS_MAX = 600;
const START_MS_MAX = 30_000;
const VERIFY_EVERY = 20;

export interface CrashResult {
  readonly kills: number;
  readonly answeredChecks: number;
  readonly countedChecks: number;
  /** In flight when a process was killed, and not sent again: these may or may not be counted. */
  readonly unansweredChecks: number;
  readonly answeredHits: number;
  readonly missingHits: number;
  readonly verifyFailures: number;
  readonly startMs: readonly number[];
}

interface Life {
  readonly child: ChildProcess;
  readonly url: string;
  readonly startMs: number;
}

async function start(dataDir: string): Promise<Life> {
  const startedMs = performance.now();
  const child = endWithParent(
    spawn(process.execPath, [MAIN, '--data-dir', dataDir, 'serve', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: childEnv({ ZEEF_LOG_LEVEL: 'silent' }),
    }),
  );
  const lines = createInterface(child.stdout!);
  const timeout = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  for await (const line of lines) {
    const url = /zeef listens on (\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    clearTimeout(timeout);
    const ready = await fetch(`${url}/readyz`);
    if (ready.status !== 200) throw new Error(`not ready: ${ready.status}`);
    return { child, url, startMs: performance.now() - startedMs };
  }
  throw new Error('the service ended before it listened');
}

async function end({ child }: Life, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

interface Request {
  readonly path: string;
  readonly body: Buffer;
  readonly type: string;
  readonly checks: number;
  readonly reference: string | null;
  /** `Idempotency-Key`: a request with one is sent again until it is answered, and must count once. */
  readonly key: string | null;
}

export async function crashLoop(kills: number, seed: number): Promise<CrashResult> {
  const dataDir = tempFolder('crash');
  const random = seeded(seed);
  const known = randomValues(ENTRIES, 16, 1);
  const store = await openSqliteStore(dataDir);
  await store.lists.createList({ list: 'bench', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('bench', listRows('md5', known));
  await store.close();

  let made = 0;
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const next = (): Request => {
    const n = made++;
    const isKeyed = n % 2 === 0;
    if (n % 5 === 4) {
      const body = Buffer.from(randomValues(RAW_VALUES, 16, 1_000 + n));
      const path = '/v1/check/hashes?algorithm=md5';
      return {
        path,
        body,
        type: 'application/octet-stream',
        checks: RAW_VALUES,
        reference: null,
        key: isKeyed ? `k${n}` : null,
      };
    }
    const at = Math.floor(random() * ENTRIES) * 16;
    const items = [
      { id: `hit-${n}`, md5: hex(known.subarray(at, at + 16)) },
      ...Array.from({ length: UNMATCHED }, (_, k) => ({ md5: hex(randomValues(1, 16, 2 + n * UNMATCHED + k)) })),
    ];
    return {
      path: '/v1/check/hashes',
      body: Buffer.from(JSON.stringify({ items })),
      type: 'application/json',
      checks: items.length,
      reference: `hit-${n}`,
      key: isKeyed ? `k${n}` : null,
    };
  };

  const answered = new Set<string>();
  const again: Request[] = [];
  let answeredChecks = 0;
  let unansweredChecks = 0;
  let verifyFailures = 0;
  const send = async (url: string, request: Request): Promise<boolean> => {
    try {
      const response = await fetch(`${url}${request.path}`, {
        method: 'POST',
        headers: { 'content-type': request.type, ...(request.key === null ? {} : { 'idempotency-key': request.key }) },
        body: new Uint8Array(request.body),
      });
      const answer = (await response.json()) as { checked?: number; matched?: number };
      if (response.status !== 200 || answer.checked !== request.checks) throw new Error(`${response.status}`);
      if (request.reference !== null && answer.matched !== 1) throw new Error('the hit was not returned');
    } catch {
      if (request.key === null) unansweredChecks += request.checks;
      else again.push(request);
      return false;
    }
    answeredChecks += request.checks;
    if (request.reference !== null) answered.add(request.reference);
    return true;
  };

  const isWhole = (): boolean => {
    try {
      execFileSync(process.execPath, [MAIN, '--data-dir', dataDir, 'ledger', 'verify'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };

  const startMs: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const life = await start(dataDir);
    startMs.push(life.startMs);
    let isKilled = false;
    const client = async () => {
      while (!isKilled && (await send(life.url, again.pop() ?? next())));
    };
    const clients = Array.from({ length: CLIENTS }, client);
    await delay(random() * LOAD_MS_MAX);
    isKilled = true;
    await end(life, 'SIGKILL');
    await Promise.all(clients);
    if (kill % VERIFY_EVERY === VERIFY_EVERY - 1 && !isWhole()) verifyFailures++;
  }

  const last = await start(dataDir);
  startMs.push(last.startMs);
  for (let request = again.pop(); request; request = again.pop()) {
    if (!(await send(last.url, request))) throw new Error('a request sent again was not answered');
  }
  const { checked } = (await (await fetch(`${last.url}/v1/stats`)).json()) as { checked: number };
  const there = new Set<string>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const answer = await (await fetch(`${last.url}/v1/hits?limit=1000${page}`)).json();
    const { hits, cursor: more } = answer as { hits: { reference: string }[]; cursor: string | null };
    for (const { reference } of hits) there.add(reference);
    cursor = more;
  }
  await end(last, 'SIGTERM');
  if (!isWhole()) verifyFailures++;
  rmSync(dataDir, { recursive: true });
  return {
    kills,
    answeredChecks,
    countedChecks: checked,
    unansweredChecks,
    answeredHits: answered.size,
    missingHits: [...answered].filter((reference) => !there.has(reference)).length,
    verifyFailures,
    startMs,
  };
}

export async function crash({ smoke }: BenchOptions): Promise<BenchTable> {
  const kills = smoke ? 5 : 200;
  const result = await crashLoop(kills, 7);
  const { answeredChecks, countedChecks, unansweredChecks, answeredHits, missingHits, verifyFailures } = result;
  const starts = [...result.startMs].sort((a, b) => a - b);
  const isCounted = countedChecks >= answeredChecks && countedChecks <= answeredChecks + unansweredChecks;
  return {
    title: `Crash: zeef serve killed ${kills} times at random moments, ${CLIENTS} clients`,
    notes: [
      'every second request has an Idempotency-Key and is sent again until answered: it counts once',
      'start: from the start of the process to ready; median and maximum',
    ],
    columns: ['measurement', 'value', 'of'],
    rows: [
      ['returned hits that are missing', missingHits, answeredHits],
      ['checks counted; answered', countedChecks, answeredChecks],
      ['checks never answered, which may be counted', unansweredChecks, ''],
      ['ledger verify failed', verifyFailures, Math.floor(kills / VERIFY_EVERY) + 1],
      ['start, milliseconds', starts[Math.floor(starts.length / 2)]!, starts.at(-1)!],
    ],
    checksum: missingHits === 0 && verifyFailures === 0 && isCounted ? 'nothing is missing' : 'FAILED: see above',
  };
}
