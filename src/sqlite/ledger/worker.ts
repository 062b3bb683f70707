/**
 * A thread with its own connection to the ledger: SQLite and fsync block it, not the service. One thread writes,
 * another reads. Values cross, not errors: `{id, ok, value}` or `{id, ok: false, code, details}`.
 */
import { closeSync, existsSync, openSync, rmSync, statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { syncFolderOf, syncPath } from '../../core/atomic-file.js';
import { AppError, type ErrorCode, type ErrorDetails } from '../../core/errors.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { HitStatus } from '../../core/vocabulary.js';
import type {
  Appended,
  CasesQuery,
  CountsQuery,
  HitChange,
  HitFilter,
  HitHandling,
  HitMarks,
  LedgerCheck,
  LedgerGroup,
  LedgerSync,
  Retention,
} from '../../store/ledger-contract.js';
import { hasOnlyCounts } from '../../store/ledger-events.js';
import { type AppendLimits, appendGroup, changeHit, handleHit, markHits } from './append.js';
import { counts } from './counts.js';
import { ledgerGuarded, openLedgerDatabase } from './database.js';
import { cases, hit, hits } from './hits.js';
import { LateSync, logOf } from './late-sync.js';
import { forgetNews, news, newsAfter, newsMark } from './news.js';
import { retain } from './retention.js';
import { verify } from './verify.js';

export interface Setup extends AppendLimits {
  readonly dataDir: string;
  /** Of the thread that writes. */
  readonly sync: LedgerSync;
}

const { dataDir, sync, ...limits } = workerData as Setup;
let db: Sqlite | null = null;
/** Null: every commit is synced. */
let late: LateSync | null = null;
let isDoubtful = false;

/** Write a copy; it is synced before the result. Errors REQUEST_INVALID: the file exists. */
function backup(db: Sqlite, path: string): { bytes: number } {
  if (existsSync(path)) throw new AppError('REQUEST_INVALID', { path, why: 'the file exists already' });
  try {
    // Created empty first, so that no other user can read it meanwhile.
    closeSync(openSync(path, 'wx', 0o600));
    db.prepare('VACUUM INTO ?').run(path);
    syncPath(path, 'r+');
    syncFolderOf(path);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return { bytes: statSync(path).size };
}

/** Write a page and sync it, as a group is: the schema number, unchanged. */
function probe(db: Sqlite): void {
  db.transaction(() => {
    db.pragma(`user_version = ${db.pragma('user_version', { simple: true })}`);
  }).immediate();
}

/** Record a group; with `late` one of counts alone is synced afterwards. */
function append(db: Sqlite, group: LedgerGroup): Appended[] {
  const isSynced = !hasOnlyCounts(group);
  late?.prepare({ isSynced });
  const appended = appendGroup(db, group, limits);
  // A repeated entry may have changed nothing, and SQLite does not sync a commit without a change.
  if (appended.some(({ outcome }) => outcome === 'recorded')) late?.noteCommit({ isSynced });
  return appended;
}

/** Verify; what it reports of the chains' ends is synced before it is reported. */
function verifySynced(db: Sqlite): LedgerCheck {
  const check = verify(db);
  if (existsSync(logOf(db))) syncPath(logOf(db), 'r+');
  return check;
}

const WORK = {
  /** Only opens the file, which precedes every task. */
  open: (_db: Sqlite): void => {},
  append,
  probe,
  changeHit: (db: Sqlite, tenant: string | null, id: string, expected: HitStatus, change: HitChange) =>
    changeHit(db, tenant, id, expected, change),
  handleHit: (db: Sqlite, tenant: string | null, id: string, handling: HitHandling) =>
    handleHit(db, tenant, id, handling),
  markHits: (db: Sqlite, hits: readonly HitMarks[], atMs: number) => markHits(db, hits, atMs),
  retain: (db: Sqlite, retention: Retention) => retain(db, retention),
  counts: (db: Sqlite, query: CountsQuery) => db.transaction(() => counts(db, query))(),
  hits: (db: Sqlite, filter: HitFilter) => db.transaction(() => hits(db, filter))(),
  hit: (db: Sqlite, tenant: string | null, id: string) => db.transaction(() => hit(db, tenant, id))(),
  cases: (db: Sqlite, query: CasesQuery) => db.transaction(() => cases(db, query))(),
  news: (db: Sqlite, limit: number) => db.transaction(() => news(db, limit))(),
  newsMark,
  newsAfter: (db: Sqlite, mark: string, ids: readonly string[]) => db.transaction(() => newsAfter(db, mark, ids))(),
  forgetNews,
  verify: verifySynced,
  backup: (db: Sqlite, path: string) => backup(db, path),
} as const;

type Work = typeof WORK;
export type WorkName = keyof Work;
export type WorkArgs<N extends WorkName> = Parameters<Work[N]> extends [Sqlite, ...infer Args] ? Args : never;
export type WorkValue<N extends WorkName> = ReturnType<Work[N]>;

export interface Task {
  readonly id: number;
  readonly name: WorkName | 'close';
  readonly args: readonly unknown[];
}
/** A sync that no task waited for. */
export interface Synced {
  readonly synced: boolean;
}
export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly code: ErrorCode; readonly details: ErrorDetails };

function open(): Sqlite {
  const opened = openLedgerDatabase(dataDir);
  try {
    if (sync === 'hits') late = new LateSync(opened, { isDoubtful, onSync: (synced) => post({ synced }) });
  } catch (error) {
    opened.close();
    throw error;
  }
  return opened;
}

function close(): void {
  const [open, ending] = [db, late];
  [db, late] = [null, null];
  try {
    ending?.close();
  } finally {
    open?.close();
  }
}

/** Close after a failed task: a connection's cache cannot be trusted after a disk failure. */
function abandon(): void {
  if (late) {
    late.abandon();
    isDoubtful = late.isDoubtful;
    late = null;
  }
  try {
    close();
  } catch {
    db = null;
  }
}

const post = (message: Reply | Synced) => parentPort!.postMessage(message);

function work({ name, args }: Task): unknown {
  if (name === 'close') return close();
  db ??= open();
  // Every other change than a group of counts is synced before its reply.
  if (name !== 'append') late?.prepare({ isSynced: true });
  const act = WORK[name] as (db: Sqlite, ...args: readonly unknown[]) => unknown;
  return act(db, ...args);
}

parentPort!.on('message', (task: Task) => {
  let reply: Reply;
  try {
    reply = { id: task.id, ok: true, value: ledgerGuarded(() => work(task)) };
  } catch (error) {
    const { code, details } = error as AppError;
    reply = { id: task.id, ok: false, code, details };
    // The next task opens it again.
    if (code === 'LEDGER_FAILED') abandon();
  }
  post(reply);
});
