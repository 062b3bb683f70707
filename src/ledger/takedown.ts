/** The takedown clock, and the status transitions of a case. Pure. */
import { HOUR_MS } from '../core/period.js';
import type { HitStatus } from '../core/vocabulary.js';

/** Allowed status transitions. A decision can be reversed, and a reappearing image can be notified again. */
const NEXT: Readonly<Record<HitStatus, readonly HitStatus[]>> = {
  open: ['notified', 'confirmed', 'removed', 'false_positive'],
  notified: ['confirmed', 'removed', 'false_positive'],
  confirmed: ['notified', 'removed', 'false_positive'],
  removed: ['notified', 'confirmed', 'false_positive'],
  false_positive: ['confirmed', 'notified'],
};

export function mayGo(from: HitStatus, to: HitStatus): boolean {
  return NEXT[from].includes(to);
}

/** The clock's start and stop; null while it runs. */
interface Run {
  readonly startedMs: number;
  readonly stoppedMs: number | null;
}

const isClosed = (status: HitStatus) => status === 'removed' || status === 'false_positive';

/**
 * Return the clock after a transition. It starts at the first sighting, or at the notice if there is one, and stops when
 * the case is closed. A new notice restarts it only if the case was closed since the last one: repeating a notice gains
 * no time.
 * `history`: earlier states of the case, oldest first.
 */
export function clockAfter(
  { startedMs, stoppedMs }: Run,
  history: readonly { readonly status: HitStatus }[],
  to: HitStatus,
  atMs: number,
): Run {
  if (isClosed(to)) return { startedMs, stoppedMs: stoppedMs ?? atMs };
  const lastClosed = history.findLastIndex(({ status }) => isClosed(status));
  const wasNotified = history.slice(lastClosed + 1).some(({ status }) => status === 'notified');
  return { startedMs: to === 'notified' && !wasNotified ? atMs : startedMs, stoppedMs: null };
}

interface Deadline {
  readonly hours: number;
  readonly dueAt: string;
  /** Null while the deadline can still be met. */
  readonly met: boolean | null;
}

export interface TakedownClock {
  readonly startedAt: string;
  readonly stoppedAt: string | null;
  /** Duration until the stop; null while it runs. */
  readonly seconds: number | null;
  readonly deadlines: readonly Deadline[];
}

const iso = (ms: number) => new Date(ms).toISOString();

/** Compare the clock with the deadlines. The deadline itself counts as met (inclusive). */
export function clockOf({ startedMs, stoppedMs }: Run, hours: readonly number[], nowMs: number): TakedownClock {
  return {
    startedAt: iso(startedMs),
    stoppedAt: stoppedMs === null ? null : iso(stoppedMs),
    seconds: stoppedMs === null ? null : Math.max(0, stoppedMs - startedMs) / 1000,
    deadlines: hours.map((each) => {
      const dueMs = startedMs + each * HOUR_MS;
      const met = stoppedMs === null ? (nowMs > dueMs ? false : null) : stoppedMs <= dueMs;
      return { hours: each, dueAt: iso(dueMs), met };
    }),
  };
}
