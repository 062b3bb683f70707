/** The takedown clock, and the status transitions of a case. Pure. */
import { HOUR_MS } from '../core/period.js';
import type { HitStatus } from '../core/vocabulary.js';

/** Allowed status transitions. A decision can be reversed or undone, and a reappearing image can be notified again. */
const NEXT: Readonly<Record<HitStatus, readonly HitStatus[]>> = {
  open: ['notified', 'confirmed', 'removed', 'false_positive'],
  notified: ['confirmed', 'removed', 'false_positive', 'open'],
  confirmed: ['notified', 'removed', 'false_positive', 'open'],
  removed: ['notified', 'confirmed', 'false_positive', 'open'],
  false_positive: ['confirmed', 'notified', 'open'],
  possible: ['notified', 'confirmed', 'removed', 'false_positive'],
};

export function mayGo(from: HitStatus, to: HitStatus): boolean {
  return NEXT[from].includes(to);
}

/** The clock's start and stop; null while it runs. */
interface Run {
  readonly startedMs: number;
  readonly stoppedMs: number | null;
}

/** A possible case runs no clock either: no person has said yet that it is one. */
const isClosed = (status: HitStatus) => status === 'removed' || status === 'false_positive' || status === 'possible';

/** A change of status, and what the clock needs beside the case's history. */
interface Change {
  readonly from: HitStatus;
  readonly to: HitStatus;
  readonly atMs: number;
  /** The sighting that began the case, or reopened it last. */
  readonly foundMs: number;
  /** After the clock's start. */
  readonly lastDeadlineMs: number;
}

/**
 * Return the clock after a transition. It starts at the first sighting, or at the notice if there is one, and stops when
 * the case is closed. A new notice restarts it only if the case was closed or undone since the last one: repeating a notice
 * gains no time. Nor does a notice of a case that is late: it stays late. Undone to open, it runs from the finding. The clock of a
 * possible case starts when a person says what it is.
 * `history`: earlier states of the case, oldest first.
 */
export function clockAfter(
  { startedMs, stoppedMs }: Run,
  history: readonly { readonly status: HitStatus }[],
  { from, to, atMs, foundMs, lastDeadlineMs }: Change,
): Run {
  if (from === 'possible') return { startedMs: atMs, stoppedMs: isClosed(to) ? atMs : null };
  if (to === 'open') return { startedMs: foundMs, stoppedMs: null };
  if (isClosed(to)) return { startedMs, stoppedMs: stoppedMs ?? atMs };
  const lastBegun = history.findLastIndex(({ status }) => isClosed(status) || status === 'open');
  const wasNotified = history.slice(lastBegun + 1).some(({ status }) => status === 'notified');
  const isLate = stoppedMs === null && atMs > startedMs + lastDeadlineMs;
  return { startedMs: to === 'notified' && !wasNotified && !isLate ? atMs : startedMs, stoppedMs: null };
}

interface Deadline {
  readonly hours: number;
  readonly dueAt: string;
  /** Null while the deadline can still be met. */
  readonly met: boolean | null;
}

export interface TakedownClock {
  /** The first sighting, or that which reopened the case. */
  readonly foundAt: string;
  readonly startedAt: string;
  readonly stoppedAt: string | null;
  /** Duration until the stop; null while it runs. */
  readonly seconds: number | null;
  /** Likewise, from the finding. */
  readonly secondsFromFinding: number | null;
  readonly deadlines: readonly Deadline[];
}

const iso = (ms: number) => new Date(ms).toISOString();

/** Compare the clock with the deadlines. The deadline itself counts as met (inclusive). */
export function clockOf(
  { startedMs, stoppedMs, foundMs }: Run & { readonly foundMs: number },
  hours: readonly number[],
  nowMs: number,
): TakedownClock {
  const secondsSince = (ms: number) => (stoppedMs === null ? null : Math.max(0, stoppedMs - ms) / 1000);
  return {
    foundAt: iso(foundMs),
    startedAt: iso(startedMs),
    stoppedAt: stoppedMs === null ? null : iso(stoppedMs),
    seconds: secondsSince(startedMs),
    secondsFromFinding: secondsSince(foundMs),
    deadlines: hours.map((each) => {
      const dueMs = startedMs + each * HOUR_MS;
      const met = stoppedMs === null ? (nowMs > dueMs ? false : null) : stoppedMs <= dueMs;
      return { hours: each, dueAt: iso(dueMs), met };
    }),
  };
}
