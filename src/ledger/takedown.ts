/** The takedown clock and the states that a case goes through. Pure. */
import { HOUR_MS } from '../core/period.js';
import type { HitStatus } from '../core/vocabulary.js';

/** Where a person may take a case. A decision can be reversed, and a picture that came back can be notified again. */
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

/** When the clock started, and when it stopped; null while it runs. */
interface Run {
  readonly startedMs: number;
  readonly stoppedMs: number | null;
}

const isClosed = (status: HitStatus) => status === 'removed' || status === 'false_positive';

/**
 * The clock counts from the first sighting, or from the notice where one is given; it stops when the case is closed. Only a
 * case that was closed since its last notice is given another start by a new one: nobody wins time by telling it again.
 * `history`: the states that the case went through, oldest first.
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
  /** Null while it can still be met. */
  readonly met: boolean | null;
}

export interface TakedownClock {
  readonly startedAt: string;
  readonly stoppedAt: string | null;
  /** Until it stopped, or null while it runs. */
  readonly seconds: number | null;
  readonly deadlines: readonly Deadline[];
}

const iso = (ms: number) => new Date(ms).toISOString();

/** A deadline is met at its very moment. */
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
