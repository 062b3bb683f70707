/** The ledger of several machines, in PostgreSQL. All their processes record at the same time. */
import { AppError } from '../../core/errors.js';
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
  LedgerStore,
  LedgerStoreOptions,
  Retention,
} from '../../store/ledger-contract.js';
import { FOLD_CHARS, FOLD_GROUPS } from '../../store/ledger-fold.js';
import { Database, type Sql } from '../database.js';
import { migrate } from '../migrate.js';
import { requireWhole } from '../move/mark.js';
import { MIGRATIONS } from '../schema.js';
import { appendGroup, changeHit, handleHit, IDEMPOTENCY_MS, markHits } from './append.js';
import type { Checkpoint } from './chain.js';
import { counts } from './counts.js';
import { type FoldOptions, fold } from './fold.js';
import { cases, hit, hits } from './hits.js';
import { forgetNews, news, newsAfter, newsMark } from './news.js';
import { dropHours, eraseHits, HITS_AT_A_TIME, HOURS_AT_A_TIME } from './retention.js';
import { IS_FORGOTTEN } from './schema.js';
import { verify } from './verify.js';
import { LedgerWriter } from './writer.js';

/** Of a statement of a report: years of counts, and longer than a proxy waits for its answer. */
const REPORT_MS_MAX = 120_000;
/** Rows of news: as in SQLite's ledger. */
const NEWS_MAX = 1_000_000;
/** Open links are folded this long after the first one of this process. */
const FOLD_AFTER_MS = 1_000;
/** A commit that waits for its flush on this server, and for no standby. */
const FLUSH_HERE = `SELECT set_config('synchronous_commit', 'local', true), pg_logical_emit_message(true, 'zeef', '')`;
/** Expired Idempotency-Keys that are deleted at a time. */
const KEYS_AT_A_TIME = 5_000;

export interface PostgresLedgerOptions extends LedgerStoreOptions {
  /** Open links of this process that trigger a fold. */
  readonly foldGroups?: number;
  /** News beyond this number are lost, the oldest first. */
  readonly newsMax?: number;
  readonly nowMs?: () => number;
}

type Options = Required<Omit<PostgresLedgerOptions, keyof LedgerStoreOptions>>;

/** Run one access. Errors: those of the ledger; what the store reports becomes LEDGER_FAILED. */
async function ledgerGuarded<T>(access: () => Promise<T>): Promise<T> {
  try {
    return await access();
  } catch (error) {
    if (error instanceof AppError && error.code !== 'STORE_FAILED') throw error;
    const why = error instanceof AppError ? error.details : { why: (error as Error).message };
    const isDamage = error instanceof SyntaxError;
    throw new AppError(isDamage ? 'LEDGER_INVALID' : 'LEDGER_FAILED', why, error);
  }
}

class PostgresLedger implements LedgerStore {
  readonly #database: Database;
  readonly #writer: LedgerWriter;
  readonly #options: Options;
  #opened: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  /** Of this process, since its last fold. */
  #openGroups = 0;
  #openChars = 0;
  #steadyMs: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #folding: Promise<void> | null = null;

  constructor(database: Database, { sync, onSync, ...options }: Options & LedgerStoreOptions) {
    this.#database = database;
    this.#writer = new LedgerWriter(database, { sync: sync ?? 'answers', onSync });
    this.#options = options;
  }

  async open(): Promise<void> {
    await this.#run(async () => {});
    // Links of processes that have ended.
    await this.#foldSoon();
  }

  append(group: LedgerGroup): Promise<readonly Appended[]> {
    return this.#run(async () => {
      const appended = await appendGroup(this.#writer, group);
      this.#steadyMs = group.steadyMs ?? group.atMs;
      this.#openChars += group.entries.reduce((sum, entry) => sum + JSON.stringify(entry.tallies).length, 0);
      this.#noteLink();
      return appended;
    });
  }

  probe(): Promise<void> {
    return this.#run(() => this.#writer.probe());
  }

  changeHit(tenant: string | null, id: string, expected: HitStatus, change: HitChange): Promise<boolean> {
    return this.#run(async () => {
      const isChanged = await changeHit(this.#writer, tenant, id, { expected, change });
      if (isChanged) this.#noteLink();
      return isChanged;
    });
  }

  handleHit(tenant: string | null, id: string, handling: HitHandling): Promise<boolean> {
    return this.#run(async () => {
      const isChanged = await handleHit(this.#writer, tenant, id, handling);
      if (isChanged) this.#noteLink();
      return isChanged;
    });
  }

  markHits(hits: readonly HitMarks[], atMs: number): Promise<void> {
    return this.#run(async () => {
      await markHits(this.#writer, hits, atMs);
      this.#noteLink();
    });
  }

  counts(query: CountsQuery) {
    return this.#readLong(null, (sql) => counts(sql, query), REPORT_MS_MAX);
  }

  hits(filter: HitFilter) {
    return this.#read(filter.tenant, (sql) => hits(sql, filter));
  }

  hit(tenant: string | null, id: string) {
    return this.#read(tenant, (sql) => hit(sql, tenant, id));
  }

  cases(query: CasesQuery) {
    return this.#readLong(query.tenant, (sql) => cases(sql, query), REPORT_MS_MAX);
  }

  news(limit: number) {
    return this.#read(null, (sql) => news(sql, limit));
  }

  newsMark(): Promise<string> {
    return this.#run(() =>
      this.#database.forAll().write(async (sql) => {
        await fold(sql, { ...this.#foldOptions, isAwaited: true });
        return newsMark(sql);
      }),
    );
  }

  newsAfter(mark: string, ids: readonly string[]) {
    return this.#read(null, (sql) => newsAfter(sql, mark, ids));
  }

  async forgetNews(ids: readonly string[], lost: number): Promise<void> {
    if (ids.length > 0 || lost > 0) await this.#foldWith((sql, before) => forgetNews(sql, ids, lost)(before));
  }

  /** What it reports of the chains' ends is flushed before it is reported: they may be kept elsewhere. */
  async verify(): Promise<LedgerCheck> {
    const check = await this.#readLong(null, verify);
    await this.#run(() => this.#database.statement(FLUSH_HERE, []));
    return check;
  }

  /** Errors REQUEST_INVALID, always. */
  async backup(path: string): Promise<never> {
    throw new AppError('REQUEST_INVALID', {
      path,
      why: 'the ledger is in PostgreSQL',
      action: 'back up its database with pg_dump, or its server with pg_basebackup',
    });
  }

  async retain({ hitsStoppedBeforeMs, hoursBeforeMs }: Retention): Promise<{ hits: number; hours: number }> {
    const gone = { hits: 0, hours: 0 };
    for (let isMore = hitsStoppedBeforeMs !== null; isMore; ) {
      let portion = 0;
      await this.#foldWith(async (sql, before) => {
        const { checkpoint, count } = await eraseHits(sql, before, hitsStoppedBeforeMs!);
        portion = count;
        return checkpoint;
      });
      gone.hits += portion;
      isMore = portion === HITS_AT_A_TIME;
    }
    for (let isMore = hoursBeforeMs !== null; isMore; ) {
      let portion = 0;
      await this.#foldWith(async (sql, before) => {
        const { checkpoint, count } = await dropHours(sql, before, hoursBeforeMs!);
        portion = count;
        return checkpoint;
      });
      gone.hours += portion;
      isMore = portion === HOURS_AT_A_TIME;
    }
    return gone;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    await this.#folding;
    await this.#writer.close();
    // The chain of this process ends. Where that fails it is forgotten later.
    await this.#writer
      .rest(async () => {
        const closing = this.#writer.id;
        if (closing === null) return;
        await this.#database.forAll().write((sql) => fold(sql, { ...this.#foldOptions, isAwaited: true, closing }));
      })
      .catch(() => {});
    await this.#database.close();
  }

  get #foldOptions(): FoldOptions {
    return { nowMs: this.#options.nowMs(), newsMax: this.#options.newsMax };
  }

  /** `tenant`: whose rows are seen; null: those of all. */
  #read<T>(tenant: string | null, act: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#run(() => this.#database.forFilter(tenant).snapshot(act));
  }

  #readLong<T>(tenant: string | null, act: (sql: Sql) => Promise<T>, statementMs?: number): Promise<T> {
    return this.#run(() => this.#database.forFilter(tenant).readLong(act, statementMs));
  }

  async #foldWith(change: (sql: Sql, before: Checkpoint) => Promise<Checkpoint>): Promise<void> {
    await this.#run(() =>
      this.#database
        .forAll()
        .write((sql) => fold(sql, { ...this.#foldOptions, isAwaited: true }, (before) => change(sql, before))),
    );
  }

  /** Run `act` in the migrated database. */
  #run<T>(act: () => Promise<T>): Promise<T> {
    return ledgerGuarded(async () => {
      if (this.#closing) throw new AppError('LEDGER_FAILED', { why: 'the ledger is closed' });
      this.#opened ??= migrate(this.#database, MIGRATIONS).then(() => this.#database.snapshot(requireWhole));
      try {
        await this.#opened;
      } catch (error) {
        this.#opened = null;
        throw error;
      }
      return act();
    });
  }

  #noteLink(): void {
    this.#openGroups++;
    if (this.#openGroups >= this.#options.foldGroups || this.#openChars >= FOLD_CHARS) this.#foldSoon();
    else this.#foldLater();
  }

  #foldLater(): void {
    if (!this.#closing) this.#timer ??= setTimeout(() => this.#foldSoon(), FOLD_AFTER_MS).unref();
  }

  /** Fold, unless another process does. A failure is that of the database, or is found by `verify`: answers are recorded all the same. */
  #foldSoon(): Promise<void> {
    this.#folding ??= this.#foldNow()
      .catch(() => {})
      .finally(() => {
        this.#folding = null;
      });
    return this.#folding;
  }

  async #foldNow(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#openGroups = 0;
    this.#openChars = 0;
    // The other process may have begun before the newest links.
    if (!(await this.#database.forAll().write((sql) => fold(sql, this.#foldOptions)))) this.#foldLater();
    if (this.#steadyMs === null) return;
    // By their places: of a LIMIT the planner expects all of its rows, and would join them with the whole table, each second.
    await this.#database.forAll().write((sql) =>
      sql(
        `DELETE FROM answered WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM answered WHERE at <= $1 AND ${IS_FORGOTTEN} LIMIT $2 FOR UPDATE SKIP LOCKED
         ))`,
        [this.#steadyMs! - IDEMPOTENCY_MS, KEYS_AT_A_TIME],
      ),
    );
  }
}

/**
 * A ledger in the database at `url`, on connections of its own. Nothing is opened before the first query; a database that
 * cannot be opened is tried again later. Errors CONFIG_INVALID: the URL is malformed.
 */
export function openPostgresLedger(
  url: string,
  { foldGroups = FOLD_GROUPS, newsMax = NEWS_MAX, nowMs = Date.now, ...late }: PostgresLedgerOptions = {},
): LedgerStore {
  return new PostgresLedger(new Database(url), { foldGroups, newsMax, nowMs, ...late });
}
