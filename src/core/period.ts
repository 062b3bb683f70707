/** Calendar periods, in UTC: the range of a report, and the steps in which counts are rolled up. */
import { AppError } from './errors.js';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export const INTERVALS = ['hour', 'day', 'month', 'quarter', 'year'] as const;
export type Interval = (typeof INTERVALS)[number];

/** From inclusive, to exclusive, in milliseconds. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Period extends Range {
  /** The period as requested; null if it was given by its ends. */
  readonly label: string | null;
}

const MONTHS: Readonly<Record<'month' | 'quarter' | 'year', number>> = { month: 1, quarter: 3, year: 12 };

/** Return the start of the interval that contains `atMs`. */
export function startOf(interval: Interval, atMs: number): number {
  if (interval === 'hour') return Math.floor(atMs / HOUR_MS) * HOUR_MS;
  if (interval === 'day') return Math.floor(atMs / DAY_MS) * DAY_MS;
  const at = new Date(atMs);
  const months = MONTHS[interval];
  return Date.UTC(at.getUTCFullYear(), Math.floor(at.getUTCMonth() / months) * months);
}

/** Return the start of the next interval. */
export function endOf(interval: Interval, atMs: number): number {
  const startMs = startOf(interval, atMs);
  if (interval === 'hour') return startMs + HOUR_MS;
  if (interval === 'day') return startMs + DAY_MS;
  const start = new Date(startMs);
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + MONTHS[interval]);
}

/** Years have four digits: `Date` reads 26 as 1926. */
const FORMS: readonly (readonly [RegExp, Interval])[] = [
  [/^([12]\d{3})$/, 'year'],
  [/^([12]\d{3})-Q([1-4])$/, 'quarter'],
  [/^([12]\d{3})-(0[1-9]|1[0-2])$/, 'month'],
  [/^([12]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, 'day'],
];

const TIME = /^([12]\d{3}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)?$/i;

/**
 * Parse a day or an RFC 3339 time, in UTC unless a zone is named, whatever the time zone of the machine.
 * Return null for any other text. Unit: milliseconds.
 */
export function parseTime(text: string): number | null {
  const [, day, clock = '00:00', zone = 'Z'] = TIME.exec(text) ?? [];
  const dayMs = Date.parse(`${day}T00:00Z`);
  const ms = Date.parse(`${day}T${clock}${zone.toUpperCase()}`);
  // `Date` reads 31 February as 3 March.
  return Number.isNaN(ms) || new Date(dayMs).toISOString().slice(0, 10) !== day ? null : ms;
}

/** Return the whole hours that contain a range: counts are kept by the hour. */
export const wholeHours = ({ fromMs, toMs }: Range): Range => ({
  fromMs: startOf('hour', fromMs),
  toMs: endOf('hour', toMs - 1),
});

/**
 * Parse `2026`, `2026-Q3`, `2026-09` or `2026-09-14`.
 *
 * Errors  REQUEST_INVALID; also for a day that its month does not have.
 */
export function parsePeriod(text: string): Period {
  for (const [form, interval] of FORMS) {
    const found = form.exec(text);
    if (!found) continue;
    const [year, second = '1', day = '1'] = found.slice(1);
    const month = interval === 'quarter' ? (Number(second) - 1) * 3 : Number(second) - 1;
    const fromMs = Date.UTC(Number(year), month, Number(day));
    if (interval === 'day' && new Date(fromMs).getUTCMonth() !== month) break;
    return { fromMs, toMs: endOf(interval, fromMs), label: text };
  }
  throw new AppError('REQUEST_INVALID', { field: 'period', expected: '2026, 2026-Q3, 2026-09 or 2026-09-14' });
}
