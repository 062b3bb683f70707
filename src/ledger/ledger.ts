/**
 * The ledger: every answer is on record before it is returned, every hit is a case with a clock, and all counts add up.
 * Case rules are here, storage is in the store. Recording resolves once it is synced.
 */
import { AppError } from '../core/errors.js';
import { DAY_MS, HOUR_MS } from '../core/period.js';
import type {
  Cases,
  HitFilter,
  HitHandling,
  LedgerCheck,
  LedgerStore,
  NewsPage,
  SeenHit,
  StoredHit,
} from '../store/ledger-contract.js';
import { changeStatus, type StatusChange } from './change-status.js';
import { markOf, markSome } from './digest-search.js';
import { createGroupCommit, type GroupCommit, type GroupOptions, isFinal } from './group-commit.js';
import { type Hit, toHit } from './hit.js';
import { dueCursor, dueOrder, type HitOrder, isDueCursor, wrongCursor } from './hit-cursor.js';
import { entryOf, type LedgerRequest } from './ledger-entry.js';
import { readStats, type StatsQuery } from './read-stats.js';
import type { Seal } from './seal.js';
import type { Stats } from './stats.js';
import { Writable } from './writable.js';

export type { Hit } from './hit.js';

interface HitsQuery
  extends Omit<
    HitFilter,
    'tenant' | 'beforeId' | 'runningSinceMs' | 'oldestFirst' | 'due' | 'mark' | 'isUnmarked' | 'isDisputed'
  > {
  /** `due`: cases whose clock runs, by their next deadline; where all are past, by the last. */
  readonly order?: HitOrder | undefined;
  /** Undefined: all tenants. */
  readonly tenant?: string | undefined;
  /** Past the last of the deadlines, and still running. */
  readonly overdue?: boolean | undefined;
  readonly disputed?: boolean | undefined;
  /** Only files with this MD5, SHA-1 or SHA-256, in hex. */
  readonly digest?: string | undefined;
  readonly cursor?: string | undefined;
}

interface HitsPage {
  readonly hits: readonly Hit[];
  readonly cursor: string | null;
}

interface CasesQuery {
  readonly fromMs: number;
  readonly toMs: number;
  readonly tenant?: string | undefined;
}

export type HitListener = (event: {
  readonly hit: Hit;
  readonly isNew: boolean;
  /** The file of a removed case was seen again. */
  readonly isReopened: boolean;
}) => void;

export interface Ledger {
  /** Hours, rising; the takedown clock is compared with each. */
  readonly deadlineHours: readonly number[];
  /** False if the last attempt to record failed. */
  readonly isWritable: boolean;
  /** Milliseconds in which nothing could be recorded; 0 while it can. */
  readonly unwritableMs: number;
  /** Try to write, where nothing was recorded lately or the last attempt failed; the result is in `isWritable`. */
  probe(): Promise<void>;
  /** Errors DATA_VERSION, LEDGER_INVALID: recording is impossible. A failing disk is no error yet. */
  open(): Promise<void>;
  /**
   * Resolves once it is synced; true if it was counted, false if its Idempotency-Key had been counted before.
   * Errors LEDGER_FAILED, LEDGER_INVALID: nothing was added. IDEMPOTENCY_KEY_REUSED.
   */
  record(request: LedgerRequest): Promise<boolean>;
  /** Errors LEDGER_FAILED; REQUEST_INVALID: more than `STATS_POINTS_MAX` points. */
  stats(query: StatsQuery): Promise<Stats>;
  /**
   * Newest first by default. `cursor`: for the next page in the same order, or null. Errors REQUEST_INVALID: a cursor of another order, or no
   * digest. HITS_UNMARKED: the search by digest would miss hits of an earlier version.
   */
  hits(query: HitsQuery): Promise<HitsPage>;
  /** Return the hit, or null. Undefined tenant: all tenants. */
  hit(tenant: string | undefined, id: string): Promise<Hit | null>;
  /** Errors NOT_FOUND; HIT_STATE; LEDGER_FAILED. */
  changeHit(tenant: string | undefined, id: string, change: StatusChange): Promise<Hit>;
  /** Change who has a case, or whether it is disputed. Errors NOT_FOUND; LEDGER_FAILED. */
  handleHit(tenant: string | undefined, id: string, handling: Omit<HitHandling, 'atMs'>): Promise<Hit>;
  /** Make some hits of earlier versions known by their digests. Result: whether all are. Errors SEALED_DAMAGED, LEDGER_FAILED. */
  markHits(): Promise<boolean>;
  cases(query: CasesQuery): Promise<readonly Cases[]>;
  /** New and reopened cases, until they are forgotten; see `LedgerStore`. */
  news(limit: number): Promise<NewsPage>;
  newsMark(): Promise<string>;
  newsAfter(mark: string, ids: readonly string[]): Promise<readonly string[]>;
  forgetNews(ids: readonly string[], lost: number): Promise<void>;
  /** Call `listener` after a hit is synced. Result: stops it. */
  onHit(listener: HitListener): () => void;
  verify(): Promise<LedgerCheck>;
  backup(path: string): Promise<{ readonly bytes: number }>;
  /** Erase hits and hours older than the configured retention. */
  retain(): Promise<{ readonly hits: number; readonly hours: number }>;
  /** Finish pending writes, then close. */
  close(): Promise<void>;
}

interface LedgerOptions {
  readonly store: LedgerStore;
  readonly nowMs: () => number;
  readonly steadyMs?: GroupOptions['steadyMs'];
  readonly seal: Seal;
  readonly deadlineHours: readonly number[];
  /** Days for which closed hits, and hours of counts, are kept; 0: forever. */
  readonly keepHitsDays: number;
  readonly keepHoursDays: number;
  readonly onGroup?: GroupOptions['onGroup'];
  /** Called where recording begins to fail, with the error, and with null where it succeeds again. */
  readonly onWritable?: (why: string | null) => void;
  /** Called if a listener fails, or its hit cannot be read. */
  readonly onListenerError?: (error: unknown) => void;
}

export function createLedger(options: LedgerOptions): Ledger {
  return new StoredLedger(options);
}

class StoredLedger implements Ledger {
  readonly deadlineHours: readonly number[];
  readonly #options: LedgerOptions;
  readonly #store: LedgerStore;
  readonly #writable: Writable;
  readonly #commit: GroupCommit;
  readonly #listeners = new Set<HitListener>();

  constructor(options: LedgerOptions) {
    const { store, nowMs, steadyMs = nowMs, deadlineHours, onWritable = () => {} } = options;
    this.#options = options;
    this.#store = store;
    this.deadlineHours = deadlineHours;
    this.#writable = new Writable({ steadyMs, onChange: onWritable });
    const append: LedgerStore['append'] = (group) => this.#writable.attempt(() => store.append(group));
    const { onGroup } = options;
    this.#commit = createGroupCommit({ append }, { nowMs, steadyMs, ...(onGroup ? { onGroup } : {}) });
  }

  get isWritable(): boolean {
    return this.#writable.isWritable;
  }

  get unwritableMs(): number {
    return this.#writable.unwritableMs;
  }

  async probe(): Promise<void> {
    if (!this.#writable.isProbeDue) return;
    // The failure is kept, and reported where it is new.
    await this.#writable.attempt(() => this.#store.probe()).catch(() => {});
  }

  async open(): Promise<void> {
    try {
      await this.#store.open();
    } catch (error) {
      if (!(error instanceof AppError) || isFinal(error.code)) throw error;
    }
  }

  async record(request: LedgerRequest): Promise<boolean> {
    const { nowMs, seal, onListenerError = () => {} } = this.#options;
    const entry = entryOf(request, nowMs(), seal);
    if (entry.tallies.length === 0 && entry.idempotency === null) return true;
    const appended = await this.#commit.append(entry);
    if (appended.outcome === 'reused') throw new AppError('IDEMPOTENCY_KEY_REUSED');
    const isFirst = appended.outcome === 'recorded';
    const seen = isFirst ? appended.hits : appended.hits.filter(({ isNew }) => isNew);
    if (this.#listeners.size > 0 && seen.length > 0) this.#notifyListeners(seen).catch(onListenerError);
    return isFirst;
  }

  onHit(listener: HitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #notifyListeners(seen: readonly SeenHit[]): Promise<void> {
    const { onListenerError = () => {} } = this.#options;
    for (const { id, isNew, isReopened = false } of seen) {
      // A hit that cannot be read, or a listener that throws, does not stop the others.
      try {
        const stored = await this.#store.hit(null, id);
        if (!stored) continue;
        const event = { hit: this.#toHit(stored), isNew, isReopened };
        for (const listener of this.#listeners) {
          try {
            listener(event);
          } catch (error) {
            onListenerError(error);
          }
        }
      } catch (error) {
        onListenerError(error);
      }
    }
  }

  #toHit(stored: StoredHit): Hit {
    const { seal, nowMs } = this.#options;
    return toHit(stored, { seal, deadlineHours: this.deadlineHours, nowMs: nowMs() });
  }

  stats(query: StatsQuery): Promise<Stats> {
    return readStats(this.#store, query);
  }

  get #lastDeadlineMs(): number {
    return Math.max(...this.deadlineHours) * HOUR_MS;
  }

  async hits({
    tenant,
    overdue,
    disputed,
    cursor,
    limit,
    digest,
    order = 'newest',
    ...filter
  }: HitsQuery): Promise<HitsPage> {
    const nowMs = this.#options.nowMs();
    const due = order === 'due' ? dueOrder(cursor, nowMs, this.deadlineHours) : undefined;
    if (!due && cursor !== undefined && isDueCursor(cursor)) throw wrongCursor();
    const mark = digest === undefined ? undefined : markOf(digest, this.#options.seal);
    if (mark && !(await this.markHits())) throw new AppError('HITS_UNMARKED');
    const found = await this.#store.hits({
      ...filter,
      mark,
      isDisputed: disputed || undefined,
      tenant: tenant ?? null,
      ...(due ? { due } : { beforeId: cursor, oldestFirst: order === 'oldest' }),
      runningSinceMs: overdue ? nowMs - this.#lastDeadlineMs : undefined,
      limit: limit + 1,
    });
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1)! : null;
    return {
      hits: page.map((stored) => this.#toHit(stored)),
      cursor: last && (due ? dueCursor(last, due) : last.id),
    };
  }

  async hit(tenant: string | undefined, id: string): Promise<Hit | null> {
    const stored = await this.#store.hit(tenant ?? null, id);
    return stored && this.#toHit(stored);
  }

  markHits(): Promise<boolean> {
    const { seal, nowMs } = this.#options;
    return markSome(this.#store, seal, nowMs());
  }

  async changeHit(tenant: string | undefined, id: string, change: StatusChange): Promise<Hit> {
    const { nowMs } = this.#options;
    const hit = { tenant: tenant ?? null, id };
    return this.#toHit(await changeStatus(this.#store, hit, change, { nowMs, lastDeadlineMs: this.#lastDeadlineMs }));
  }

  async handleHit(tenant: string | undefined, id: string, handling: Omit<HitHandling, 'atMs'>): Promise<Hit> {
    const of = tenant ?? null;
    const isKnown = await this.#store.handleHit(of, id, { ...handling, atMs: this.#options.nowMs() });
    const changed = isKnown ? await this.#store.hit(of, id) : null;
    if (!changed) throw new AppError('NOT_FOUND', { hit: id });
    return this.#toHit(changed);
  }

  cases({ fromMs, toMs, tenant }: CasesQuery): Promise<readonly Cases[]> {
    return this.#store.cases({
      fromMs,
      toMs,
      tenant: tenant ?? null,
      runningSinceMs: this.deadlineHours.map((hours) => this.#options.nowMs() - hours * HOUR_MS),
    });
  }

  news(limit: number): Promise<NewsPage> {
    return this.#store.news(limit);
  }

  newsMark(): Promise<string> {
    return this.#store.newsMark();
  }

  newsAfter(mark: string, ids: readonly string[]): Promise<readonly string[]> {
    return this.#store.newsAfter(mark, ids);
  }

  forgetNews(ids: readonly string[], lost: number): Promise<void> {
    return this.#store.forgetNews(ids, lost);
  }

  verify(): Promise<LedgerCheck> {
    return this.#store.verify();
  }

  backup(path: string): Promise<{ readonly bytes: number }> {
    return this.#store.backup(path);
  }

  retain(): Promise<{ readonly hits: number; readonly hours: number }> {
    const { nowMs, keepHitsDays, keepHoursDays } = this.#options;
    const before = (days: number) => (days === 0 ? null : nowMs() - days * DAY_MS);
    return this.#store.retain({
      hitsStoppedBeforeMs: before(keepHitsDays),
      hoursBeforeMs: before(keepHoursDays),
      atMs: nowMs(),
    });
  }

  async close(): Promise<void> {
    await this.#commit.settled();
    await this.#store.close();
  }
}
