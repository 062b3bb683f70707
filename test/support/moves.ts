/** Moves of stores: the command as a user runs it, what both kinds of store answer, and a move that is ended by a signal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import { LEDGER_FILE } from '../../src/sqlite/ledger/database.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { SERVICE_FILE } from '../../src/sqlite/service/database.js';
import type { LedgerStore } from '../../src/store/ledger-contract.js';
import type { FeedPosition } from '../../src/store/lists-contract.js';
import type { Store } from '../../src/store/store.js';
import { keyFromText } from '../../src/vault/master-key.js';
import { openPostgres } from '../store/backends.js';
import { inProcess } from './command-line.js';
import { sharedServer } from './postgres.js';
import { serve } from './processes.js';
import { answersOf, type Rich } from './rich-store.js';

const KEY = '1'.repeat(64);
export const master = keyFromText(KEY);
export const FILES = [LISTS_FILE, SERVICE_FILE, LEDGER_FILE];

/** A move, with what other suites do beside it. */
export const TIMEOUT_MS = 240_000;
/** Rows of the largest list of a store. */
export const ROWS = 300;
/** Of a store that is killed while it moves: some batches of 2,000. */
export const MANY_ROWS = 5_000;

type Variables = Readonly<Record<string, string>>;

export const env = (dataDir: string, more: Variables = {}) => ({
  ZEEF_DATA_DIR: dataDir,
  ZEEF_LIST_KEY: KEY,
  ZEEF_WORKERS: '1',
  ...more,
});

export type Direction = '--to' | '--from';

/** Run a command in this process, which starts at once: `output` is both its streams. Those that are to be ended have their own (`Moves`). */
export async function zeef(variables: Variables, ...args: string[]) {
  const { code, out, err } = await inProcess({ ...variables }, ...args);
  return { code, output: out + err };
}

export const migrate = (dataDir: string, direction: Direction, url: string, more: Variables = {}) =>
  zeef(env(dataDir, more), 'migrate', direction, url);

export const newDatabase = async () => (await sharedServer()).createDatabase();

export function copyOf(dataDir: string): string {
  const copy = join(tempFolder('copy'), 'data');
  cpSync(dataDir, copy, { recursive: true });
  return copy;
}

type Open = () => Promise<readonly [Store, LedgerStore]>;

export const embedded =
  (dataDir: string): Open =>
  async () =>
    [await openSqliteStore(dataDir, { master }), openSqliteLedger(dataDir)] as const;

export const shared =
  (url: string): Open =>
  async () =>
    [await openPostgres(url), openPostgresLedger(url)] as const;

export async function answers(open: Open, rich: Rich): Promise<object> {
  const [store, ledger] = await open();
  try {
    return await answersOf(store, ledger, rich);
  } finally {
    await ledger.close();
    await store.close();
  }
}

/** All that a reader of each position is given. */
export async function changesOf({ lists }: Store, positions: readonly FeedPosition[]) {
  const all = [];
  for (const position of positions) {
    const { removed, added } = (await lists.changes(position))!;
    const keys: number[] = [];
    for await (const batch of added()) keys.push(...batch.map(({ entryKey }) => entryKey));
    all.push({ position, removed: removed.map(({ entryKey }) => entryKey).sort((a, b) => a - b), keys });
  }
  return all;
}

/** Return how many of one listed hash a service of the store matches. */
export async function servedMatches(variables: Variables, { key }: Rich): Promise<unknown> {
  const serving = await serve({ ...variables, ZEEF_LOG_LEVEL: 'silent' });
  try {
    const response = await fetch(`${serving.url}/v1/check/hashes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ items: [{ md5: (5).toString(16).padStart(32, '0') }] }),
    });
    return ((await response.json()) as { matched: unknown }).matched;
  } finally {
    await serving.end('SIGTERM');
  }
}

/** Return the tables that a move has compared, with their rows, as it prints them. */
export const comparedIn = (printed: string): ReadonlyMap<string, string> =>
  new Map([...printed.matchAll(/^(\w+): ([\d,]+) rows are equal$/gm)].map(([, table, rows]) => [table!, rows!]));

/** Processes of moves that a test has begun. */
export class Moves {
  readonly #children = new Set<ChildProcess>();

  start(dataDir: string, direction: Direction, url: string): ChildProcess {
    const child = spawn(process.execPath, [artefact('src', 'main.js'), 'migrate', direction, url], {
      env: childEnv(env(dataDir)),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    void once(child, 'close').then(() => this.#children.delete(child));
    return child;
  }

  /** Send a signal to a move once it has printed a text and some time has passed. Result: its end, and all that it printed. */
  async interrupt(
    child: ChildProcess,
    { text, waitMs = 0, signal }: { text: string; waitMs?: number; signal: NodeJS.Signals },
  ) {
    let output = '';
    let isSent = false;
    const take = (piece: Buffer) => {
      output += piece.toString();
      if (isSent || !output.includes(text)) return;
      isSent = true;
      void delay(waitMs).then(() => child.kill(signal));
    };
    child.stdout!.on('data', take);
    child.stderr!.on('data', take);
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output };
  }

  end(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
