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

/** Return the starts of all steps of a period up to `nowMs`, in milliseconds: the service leaves out steps with no counts. */
export function stepsOf({ from, to, step }: Period, nowMs: number): number[] {
  const starts: number[] = [];
  const end = Math.min(Date.parse(to), nowMs);
  const first = new Date(from);
  if (step === 'month') {
    for (let month = 0; ; month++) {
      const start = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + month);
      if (start >= end) return starts;
      starts.push(start);
    }
  }
  const stepMs = step === 'hour' ? HOUR_MS : DAY_MS;
  for (let start = first.getTime(); start < end; start += stepMs) starts.push(start);
  return starts;
}
