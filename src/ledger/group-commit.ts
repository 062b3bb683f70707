/**
 * Group commit: simultaneous answers are recorded by one transaction and one sync. Answers that arrive while a group is
 * being written form the next group. It waits for as many answers as the last one had, since as many callers are likely
 * to send again, but no longer than `LEDGER_GROUP_MS` after its first, and for no more than `LEDGER_GROUP_ROWS`. So a
 * single caller never waits, and concurrent callers share syncs.
 */
import { AppError, type ErrorCode } from '../core/errors.js';
import { TallySum } from '../core/tally.js';
import type { Appended, LedgerEntry, LedgerStore, Sighting } from '../store/ledger-contract.js';

/** A group of answers waits this long for more answers: an fsync takes about as long on an ordinary disk. */
const LEDGER_GROUP_MS = 5;
/** Answers and hits of one commit, which share one fsync. */
export const LEDGER_GROUP_ROWS = 256;

/** One answer in the open group. */
interface Waiting {
  /** Index of its entry in the group. */
  readonly entry: number;
  /** Range of its sightings in the entry. */
  readonly from: number;
  readonly count: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** All answers without an Idempotency-Key of one tenant and hour become one entry. */
interface Gathered {
  readonly tenant: string;
  readonly idempotency: LedgerEntry['idempotency'];
  readonly tallies: Map<number, TallySum>;
  readonly sightings: Sighting[];
}

class Group {
  readonly #entries: Gathered[] = [];
  readonly #byTenant = new Map<string, number>();
  readonly waiting: Waiting[] = [];
  rows = 0;

  add({ tenant, idempotency, tallies, sightings }: LedgerEntry, settle: Pick<Waiting, 'resolve' | 'reject'>): void {
    const entry = (idempotency === null ? this.#byTenant.get(tenant) : undefined) ?? this.#entries.length;
    if (entry === this.#entries.length) {
      this.#entries.push({ tenant, idempotency, tallies: new Map(), sightings: [] });
      if (idempotency === null) this.#byTenant.set(tenant, entry);
    }
    const into = this.#entries[entry]!;
    this.waiting.push({ entry, from: into.sightings.length, count: sightings.length, ...settle });
    for (const tally of tallies) {
      const sum = into.tallies.get(tally.startMs) ?? new TallySum();
      into.tallies.set(tally.startMs, sum);
      sum.add(tally);
    }
    for (const sighting of sightings) into.sightings.push(sighting);
    this.rows += 1 + sightings.length;
  }

  entries(): LedgerEntry[] {
    return this.#entries.map(({ tenant, idempotency, tallies, sightings }) => ({
      tenant,
      idempotency,
      tallies: [...tallies].map(([startMs, { totals, cells }]) => ({ tenant, startMs, totals, cells })),
      sightings,
    }));
  }
}

export interface GroupCommit {
  /** Resolves once the entry is synced. Errors LEDGER_FAILED: nothing of it was written. */
  append(entry: LedgerEntry): Promise<Appended>;
  /** Resolves once all writes have ended. */
  settled(): Promise<void>;
}

export interface GroupOptions {
  readonly nowMs: () => number;
  /** For the lifetime of Idempotency-Keys; by default `nowMs`. */
  readonly steadyMs?: () => number;
  /** Called after each group with its size, duration and outcome. */
  readonly onGroup?: (group: { readonly answers: number; readonly seconds: number; readonly ok: boolean }) => void;
}

/** True for codes that no retry can fix; other failures may end when the disk recovers. */
export const isFinal = (code: ErrorCode) => code === 'LEDGER_INVALID' || code === 'DATA_VERSION';

export function createGroupCommit(
  store: Pick<LedgerStore, 'append'>,
  { nowMs, steadyMs = nowMs, onGroup = () => {} }: GroupOptions,
): GroupCommit {
  let gathering = new Group();
  let writing: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let lastAnswers = 0;

  async function write(group: Group): Promise<void> {
    const startedMs = performance.now();
    let ok = true;
    try {
      const appended = await store.append({ atMs: nowMs(), steadyMs: steadyMs(), entries: group.entries() });
      for (const { entry, from, count, resolve } of group.waiting) {
        const one = appended[entry]!;
        resolve(one.outcome === 'reused' ? one : { ...one, hits: one.hits.slice(from, from + count) });
      }
    } catch (error) {
      const { code, details } = error instanceof AppError ? error : new AppError('LEDGER_FAILED');
      ok = false;
      for (const { reject } of group.waiting) {
        reject(isFinal(code) ? new AppError(code, details, error) : new AppError('LEDGER_FAILED', {}, error));
      }
    }
    onGroup({ answers: group.waiting.length, seconds: (performance.now() - startedMs) / 1000, ok });
  }

  function flush(): void {
    if (timer) clearTimeout(timer);
    timer = null;
    if (writing || gathering.waiting.length === 0) return;
    const group = gathering;
    gathering = new Group();
    lastAnswers = group.waiting.length;
    writing = write(group).finally(() => {
      writing = null;
      if (gathering.waiting.length > 0) flushWhenFull();
    });
  }

  function flushWhenFull(): void {
    if (gathering.waiting.length >= lastAnswers || gathering.rows >= LEDGER_GROUP_ROWS) flush();
    else timer ??= setTimeout(flush, LEDGER_GROUP_MS);
  }

  return {
    append: (entry) =>
      new Promise((resolve, reject) => {
        gathering.add(entry, { resolve, reject });
        if (!writing) flushWhenFull();
      }),
    async settled() {
      while (writing || gathering.waiting.length > 0) {
        flush();
        await writing;
      }
    },
  };
}
