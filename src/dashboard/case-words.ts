/** Names, actions and clock of a case. */
import type { Access, Hit, Status } from './types.js';
import { duration, time } from './words.js';

export interface Action {
  readonly status: Status;
  readonly label: string;
  /** Meaning and effect, for the dialog. */
  readonly says: string;
  readonly key: string;
}

export const ACTIONS: readonly Action[] = [
  {
    status: 'notified',
    label: 'Notify',
    key: 'n',
    says: 'The host was notified. The clock counts from the first notice.',
  },
  {
    status: 'confirmed',
    label: 'Confirm',
    key: 'c',
    says: 'A competent person confirmed it. The clock keeps running.',
  },
  { status: 'removed', label: 'Removed', key: 'r', says: 'The file was removed. The clock stops.' },
  {
    status: 'false_positive',
    label: 'False positive',
    key: 'f',
    says: 'The file is not the listed material. The clock stops.',
  },
  {
    status: 'open',
    label: 'Undo',
    key: 'u',
    says: 'The decision was wrong. The case is open again, and the clock counts from the finding.',
  },
];

export const STATUS_WORDS: Readonly<Record<Status, string>> = {
  open: 'open',
  notified: 'notified',
  confirmed: 'confirmed',
  removed: 'removed',
  false_positive: 'false positive',
  possible: 'possible',
};

/** Transitions from each status; the service validates them. A decision can be reversed. */
const NEXT: Readonly<Record<Status, readonly Status[]>> = {
  open: ['notified', 'confirmed', 'removed', 'false_positive'],
  notified: ['confirmed', 'removed', 'false_positive', 'open'],
  confirmed: ['notified', 'removed', 'false_positive', 'open'],
  removed: ['notified', 'confirmed', 'false_positive', 'open'],
  false_positive: ['notified', 'confirmed', 'open'],
  possible: ['notified', 'confirmed', 'removed', 'false_positive'],
};
export const actionsFor = ({ status }: Hit): readonly Action[] =>
  ACTIONS.filter((action) => NEXT[status].includes(action.status));

/** The beginning of a key's id, as `zeef keys list` has it: enough to find it there. */
const KEY_ID_SHOWN = 10;
const keyName = ({ id, name }: { readonly id: string; readonly name: string | null }): string =>
  name === null ? `key ${id.slice(0, KEY_ID_SHOWN)}…` : `${name} (key ${id.slice(0, KEY_ID_SHOWN)}…)`;

/** Who decided: the tenant and its key. */
export const deciderOf = ({ by, key }: Pick<Hit['history'][number], 'by' | 'key'>): string =>
  key === null ? by : `${by}, ${keyName(key)}`;

/** Who uses the page. */
export function callerText({ keyNeeded, tenant, key, scopes }: Access): string {
  if (tenant === null) return keyNeeded ? 'No key' : '';
  const who = deciderOf({ by: tenant, key });
  const until = key?.expiresAt ? `, until ${time(key.expiresAt)}` : '';
  return `${who}${key === null ? ', no key needed' : ''}${until} · ${scopes.join(' ')}`;
}

export const nameOf = ({ reference, id }: Hit): string => reference ?? `no reference (${id})`;

interface ClockState {
  readonly kind: 'running' | 'soon' | 'late' | 'stopped';
  readonly text: string;
  /** The next deadline, or null where none is left or the clock is stopped. */
  readonly nextMs: number | null;
  /** Share of the time until the last deadline, 0..1. */
  readonly elapsed: number;
  /** The earlier deadlines on the same scale. */
  readonly marks: readonly number[];
}

/** Warning time: a quarter of an hour before a deadline an operator can still act. */
const SOON_MS = 900_000;

export function clockOf({ clock, status }: Hit, nowMs: number): ClockState {
  const startMs = Date.parse(clock.startedAt);
  const dues = clock.deadlines.map(({ hours, dueAt }) => ({ hours, ms: Date.parse(dueAt) }));
  const last = dues[dues.length - 1];
  const whole = last ? last.ms - startMs : 1;
  const marks = dues.slice(0, -1).map(({ ms }) => (ms - startMs) / whole);
  const stopped = clock.stoppedAt === null ? null : Date.parse(clock.stoppedAt);
  const elapsed = Math.min(1, Math.max(0, ((stopped ?? nowMs) - startMs) / whole));
  if (status === 'possible') return { kind: 'stopped', text: 'not started', elapsed: 0, marks, nextMs: null };
  if (stopped !== null) {
    const missed = last !== undefined && stopped > last.ms;
    return {
      kind: 'stopped',
      text: `after ${duration((stopped - startMs) / 1000)}${missed ? ', late' : ''}`,
      elapsed,
      marks,
      nextMs: null,
    };
  }
  const next = dues.find(({ ms }) => ms > nowMs);
  if (next) {
    const kind = next.ms - nowMs <= SOON_MS ? 'soon' : 'running';
    return { kind, text: `${duration((next.ms - nowMs) / 1000)} to ${next.hours} h`, elapsed, marks, nextMs: next.ms };
  }
  if (!last)
    return { kind: 'running', text: `for ${duration((nowMs - startMs) / 1000)}`, elapsed: 0, marks, nextMs: null };
  return { kind: 'late', text: `${duration((nowMs - last.ms) / 1000)} overdue`, elapsed: 1, marks, nextMs: null };
}

export function matchText({ matchType, distance, radius }: Pick<Hit, 'matchType' | 'distance' | 'radius'>): string {
  if (matchType === 'exact') return 'exact';
  return typeof distance === 'number' && typeof radius === 'number' ? `near, ${distance} of ${radius}` : 'near';
}
