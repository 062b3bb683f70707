/**
 * The ledger: every answer is on record before it is given, every hit is a case with a clock, and all counts add up.
 * Knows rules and words; the store knows how to keep them. Recording resolves when it is synced.
 */
import { AppError } from '../core/errors.js';
import { STATS_POINTS_MAX } from '../core/limits.js';
import type { Match } from '../core/match.js';
import { DAY_MS, HOUR_MS, type Interval } from '../core/period.js';
import { NO_TOTALS, TallySum } from '../core/tally.js';
import type { Digests, HitStatus } from '../core/vocabulary.js';
import type {
  Cases,
  HitFilter,
  Idempotency,
  LedgerCheck,
  LedgerStore,
  Sighting,
  StoredHit,
} from '../store/ledger-contract.js';
import { createGroupCommit, type GroupOptions, isFinal } from './group-commit.js';
import { addOutcome, hourOf, type Outcome, openEvidence, sightingOf } from './outcome.js';
import type { Seal } from './seal.js';
import { type CellFilter, type Stats, toStats } from './stats.js';
import { clockAfter, clockOf, mayGo, type TakedownClock } from './takedown.js';

/** A file that matched, at one place of one tenant, and what became of it. Fields of the match are the nearest one's. */
export interface Hit extends Omit<Match, 'suppressed' | 'frame' | 'background'> {
  readonly id: string;
  readonly tenant: string;
  readonly reference: string | null;
  readonly kind: 'image' | 'hash';
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly timesSeen: number;
  readonly seenAfterRemoval: number;
  readonly digests: Digests;
  readonly matches: readonly Match[];
  readonly generation: number;
  readonly checkId: string | null;
  readonly status: HitStatus;
  readonly history: readonly {
    readonly at: string;
    readonly status: HitStatus;
    readonly note: string | null;
    readonly by: string;
  }[];
  readonly clock: TakedownClock;
}

export interface StatsQuery extends CellFilter {
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Undefined: all. */
  readonly tenant?: string | undefined;
  readonly interval?: Interval | undefined;
}

export interface HitsQuery extends Omit<HitFilter, 'tenant' | 'beforeId' | 'runningSinceMs'> {
  /** Undefined: all. */
  readonly tenant?: string | undefined;
  /** Past the last of the deadlines, and still running. */
  readonly overdue?: boolean | undefined;
  readonly cursor?: string | undefined;
}

/** Answers of one request that are put on record together. */
export interface Recordable {
  readonly tenant: string;
  readonly outcomes: readonly Outcome[];
  /** Images and hashes that matched nothing, beside the outcomes. */
  readonly unmatched: number;
  readonly idempotency: Idempotency | null;
}

export type HitListener = (event: { readonly hit: Hit; readonly isNew: boolean }) => void;

export interface Ledger {
  /** Hours, rising; the takedown clock is held against each. */
  readonly deadlineHours: readonly number[];
  /** False where the last group could not be written. */
  readonly isWritable: boolean;
  /** Errors DATA_VERSION, LEDGER_INVALID: nothing could ever be recorded. A disk that fails now is no error yet. */
  open(): Promise<void>;
  /**
   * Resolves when it is on the disk; true where it was counted, false where that Idempotency-Key had been counted before.
   * Errors LEDGER_FAILED, LEDGER_INVALID: nothing was added. IDEMPOTENCY_KEY_REUSED.
   */
  record(recordable: Recordable): Promise<boolean>;
  /** Errors LEDGER_FAILED; REQUEST_INVALID: more than `STATS_POINTS_MAX` points. */
  stats(query: StatsQuery): Promise<Stats>;
  /** Newest first unless told. `cursor`: of the next page in the same order, or null. */
  hits(query: HitsQuery): Promise<{ readonly hits: readonly Hit[]; readonly cursor: string | null }>;
  /** Undefined tenant: of any. Null where there is none. */
  hit(tenant: string | undefined, id: string): Promise<Hit | null>;
  /** Errors NOT_FOUND; HIT_STATE; LEDGER_FAILED. */
  changeHit(
    tenant: string | undefined,
    id: string,
    change: { readonly status: HitStatus; readonly note: string | null; readonly by: string },
  ): Promise<Hit>;
  cases(query: { fromMs: number; toMs: number; tenant?: string | undefined }): Promise<readonly Cases[]>;
  /** Called after the hit is on the disk. Result: stops it. */
  onHit(listener: HitListener): () => void;
  verify(): Promise<LedgerCheck>;
  backup(path: string): Promise<{ readonly bytes: number }>;
  /** Erases what is older than the knobs say. */
  retain(): Promise<{ readonly hits: number; readonly hours: number }>;
  /** What is being written is written first. */
  close(): Promise<void>;
}

export interface LedgerOptions {
  readonly store: LedgerStore;
  readonly nowMs: () => number;
  readonly seal: Seal;
  readonly deadlineHours: readonly number[];
  /** Days that closed hits are kept, and hours of counts; 0 for ever. */
  readonly keepHitsDays: number;
  readonly keepHoursDays: number;
  readonly onGroup?: GroupOptions['onGroup'];
  /** A listener's own failure, or a hit that could not be read for it. */
  readonly onListenerError?: (error: unknown) => void;
}

/** Beyond it a date has no ISO form. */
const LATEST_MS = Date.UTC(9999, 0);
/** Longest that a series is of hours, and of days, where nobody asked for an interval. */
const HOURS_FOR_MS = 4 * DAY_MS;
const DAYS_FOR_MS = 100 * DAY_MS;
/** A state that somebody else changes at the same time is read again; more often than this nobody is that fast. */
const CHANGE_TRIES_MAX = 5;

const LONGEST_MS: Readonly<Record<Interval, number>> = {
  hour: HOUR_MS,
  day: DAY_MS,
  month: 31 * DAY_MS,
  quarter: 92 * DAY_MS,
  year: 366 * DAY_MS,
};

const iso = (ms: number) => new Date(ms).toISOString();

export function createLedger(options: LedgerOptions): Ledger {
  const { store, nowMs, seal, deadlineHours, keepHitsDays, keepHoursDays, onListenerError = () => {} } = options;
  let isWritable = true;
  const listeners = new Set<HitListener>();
  const commit = createGroupCommit(store, {
    nowMs,
    onGroup(group) {
      isWritable = group.ok;
      options.onGroup?.(group);
    },
  });

  function toHit(stored: StoredHit): Hit {
    const { digests, matches, generation, checkId } = openEvidence(stored.evidence, seal);
    const isShown = (match: Match) => (stored.quarantined ? match.quarantined : !match.suppressed);
    const nearest = matches.find(isShown) ?? matches[0]!;
    const { suppressed: _s, frame: _f, background: _b, ...facts } = nearest;
    return {
      id: stored.id,
      tenant: stored.tenant,
      reference: stored.reference,
      kind: stored.kind,
      firstSeenAt: iso(stored.firstSeenMs),
      lastSeenAt: iso(stored.lastSeenMs),
      timesSeen: stored.timesSeen,
      seenAfterRemoval: stored.seenAfterRemoval,
      digests,
      ...facts,
      matches,
      generation,
      checkId,
      quarantined: stored.quarantined,
      status: stored.status,
      history: stored.history.map(({ atMs, status, note, by }) => ({ at: iso(atMs), status, note, by })),
      clock: clockOf(stored, deadlineHours, nowMs()),
    };
  }

  async function tell(seen: readonly { readonly id: string; readonly isNew: boolean }[]): Promise<void> {
    for (const { id, isNew } of seen) {
      const stored = await store.hit(null, id);
      if (!stored) continue;
      const hit = toHit(stored);
      for (const listener of listeners) listener({ hit, isNew });
    }
  }

  const overdueSinceMs = () => nowMs() - Math.max(...deadlineHours) * HOUR_MS;

  return {
    deadlineHours,
    get isWritable() {
      return isWritable;
    },
    async record({ tenant, outcomes, unmatched, idempotency }) {
      const atMs = nowMs();
      const sum = new TallySum();
      const sightings: Sighting[] = [];
      for (const outcome of outcomes) {
        addOutcome(sum, outcome);
        const sighting = sightingOf(tenant, outcome, atMs, seal);
        if (sighting) sightings.push(sighting);
      }
      if (unmatched > 0) sum.add({ totals: { ...NO_TOTALS, checked: unmatched }, cells: [] });
      const { totals, cells } = sum;
      if (totals.checked === 0 && idempotency === null) return true;
      const tallies = totals.checked === 0 ? [] : [{ tenant, startMs: hourOf(atMs), totals, cells }];
      const appended = await commit.append({ tenant, idempotency, tallies, sightings });
      if (appended.outcome === 'reused') throw new AppError('IDEMPOTENCY_KEY_REUSED');
      const isFirst = appended.outcome === 'recorded';
      const seen = isFirst ? appended.hits : appended.hits.filter(({ isNew }) => isNew);
      if (listeners.size > 0 && seen.length > 0) tell(seen).catch(onListenerError);
      return isFirst;
    },
    async stats({ fromMs = 0, toMs = LATEST_MS, tenant, interval, ...filter }) {
      const seriesCells = filter.list !== undefined || filter.category !== undefined;
      const query = { tenant: tenant ?? null, fromMs, toMs, seriesCells };
      // The range that has counts says how fine a series can be.
      const whole = await store.counts({ ...query, interval: null });
      const spanMs = whole.toMs - whole.fromMs;
      const step = interval ?? (spanMs <= HOURS_FOR_MS ? 'hour' : spanMs <= DAYS_FOR_MS ? 'day' : 'month');
      if (spanMs / LONGEST_MS[step] > STATS_POINTS_MAX) {
        throw new AppError('REQUEST_INVALID', { field: 'interval', got: step, pointsMax: STATS_POINTS_MAX });
      }
      return toStats(await store.counts({ ...query, interval: step }), filter, step);
    },
    async hits({ tenant, overdue, cursor, limit, ...filter }) {
      const found = await store.hits({
        ...filter,
        tenant: tenant ?? null,
        beforeId: cursor,
        runningSinceMs: overdue ? overdueSinceMs() : undefined,
        limit: limit + 1,
      });
      const told = found.slice(0, limit);
      return { hits: told.map(toHit), cursor: found.length > limit ? told.at(-1)!.id : null };
    },
    async hit(tenant, id) {
      const stored = await store.hit(tenant ?? null, id);
      return stored && toHit(stored);
    },
    async changeHit(tenant, id, { status, note, by }) {
      for (let tries = 0; tries < CHANGE_TRIES_MAX; tries++) {
        const stored = await store.hit(tenant ?? null, id);
        if (!stored) throw new AppError('NOT_FOUND', { hit: id });
        if (!mayGo(stored.status, status)) throw new AppError('HIT_STATE', { from: stored.status, to: status });
        const atMs = nowMs();
        const change = { atMs, status, note, by, ...clockAfter(stored, stored.history, status, atMs) };
        if (!(await store.changeHit(stored.tenant, id, stored.status, change))) continue;
        const changed = await store.hit(stored.tenant, id);
        if (!changed) throw new AppError('NOT_FOUND', { hit: id });
        return toHit(changed);
      }
      throw new AppError('LEDGER_FAILED', { why: 'the hit was changed by others at the same time' });
    },
    cases: ({ fromMs, toMs, tenant }) =>
      store.cases({
        fromMs,
        toMs,
        tenant: tenant ?? null,
        runningSinceMs: deadlineHours.map((hours) => nowMs() - hours * HOUR_MS),
      }),
    onHit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    open: async () => {
      try {
        await store.open();
      } catch (error) {
        if (!(error instanceof AppError) || isFinal(error.code)) throw error;
      }
    },
    verify: () => store.verify(),
    backup: (path) => store.backup(path),
    retain: () => {
      const before = (days: number) => (days === 0 ? null : nowMs() - days * DAY_MS);
      return store.retain({
        hitsStoppedBeforeMs: before(keepHitsDays),
        hoursBeforeMs: before(keepHoursDays),
        atMs: nowMs(),
      });
    },
    async close() {
      await commit.settled();
      await store.close();
    },
  };
}
