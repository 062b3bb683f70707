/** The chosen period: its start, its end, and the step of its charts. */

type Step = 'hour' | 'day' | 'month';
export interface Period {
  /** RFC 3339; `to` is exclusive. */
  readonly from: string;
  readonly to: string;
  readonly step: Step;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Limit of distinguishable bars. */
const HOURLY_MS_MAX = 8 * DAY_MS;
const DAILY_MS_MAX = 400 * DAY_MS;

const period = (fromMs: number, toMs: number, step?: Step): Period => ({
  from: new Date(fromMs).toISOString(),
  to: new Date(toMs).toISOString(),
  step: step ?? (toMs - fromMs <= HOURLY_MS_MAX ? 'hour' : toMs - fromMs <= DAILY_MS_MAX ? 'day' : 'month'),
});

/** Return what is wrong with a chosen period, or null. */
export function periodProblem(choice: string, from: string, to: string, nowMs: number): string | null {
  if (choice !== 'custom') return null;
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  if (Number.isNaN(fromMs)) return 'Choose the first day.';
  if (Number.isNaN(toMs)) return 'Choose the last day.';
  if (toMs < fromMs) return 'The last day is before the first.';
  return fromMs > nowMs ? 'The period has not begun.' : null;
}

/** Return the chosen period; null where a custom one is incomplete. Rolling periods end with the current hour or day. */
export function periodOf(choice: string, from: string, to: string, nowMs: number): Period | null {
  const now = new Date(nowMs);
  const hourEnd = nowMs - (nowMs % HOUR_MS) + HOUR_MS;
  const dayEnd = nowMs - (nowMs % DAY_MS) + DAY_MS;
  if (choice === '24h') return period(hourEnd - DAY_MS, hourEnd);
  if (choice === '7d') return period(dayEnd - 7 * DAY_MS, dayEnd);
  if (choice === '30d') return period(dayEnd - 30 * DAY_MS, dayEnd);
  if (choice === 'quarter') {
    const first = now.getUTCMonth() - (now.getUTCMonth() % 3);
    return period(Date.UTC(now.getUTCFullYear(), first), Date.UTC(now.getUTCFullYear(), first + 3));
  }
  if (choice === 'year') return period(Date.UTC(now.getUTCFullYear(), 0), Date.UTC(now.getUTCFullYear() + 1, 0), 'day');
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  return fromMs <= toMs ? period(fromMs, toMs + DAY_MS) : null;
}

interface StepRange {
  /** Milliseconds since 1970; the end is exclusive. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Return all steps of a period that began by `nowMs`: the service leaves out steps with no counts. */
export function stepsOf({ from, to, step }: Period, nowMs: number): StepRange[] {
  const first = new Date(from);
  const startOf = (at: number) =>
    step === 'month'
      ? Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + at)
      : first.getTime() + at * (step === 'hour' ? HOUR_MS : DAY_MS);
  const end = Math.min(Date.parse(to), nowMs);
  const steps: StepRange[] = [];
  for (let at = 0; startOf(at) < end; at++) steps.push({ startMs: startOf(at), endMs: startOf(at + 1) });
  return steps;
}
