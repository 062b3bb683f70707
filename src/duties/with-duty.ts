/**
 * Does the work of a duty while this process holds it: takes the lease, extends it during the work, and ends it. A process
 * that was stopped or hung past its lease has lost it: its work should stop, and must not be completed.
 */
import { AppError } from '../core/errors.js';
import type { DutyStore, Lease } from '../store/duties-contract.js';

/** A killed holder's duty is taken over after this time. Longer than any stall of a busy process. */
export const DUTY_LEASE_MS = 20_000;
/** Several tries before the lease ends. */
const EXTEND_MS = DUTY_LEASE_MS / 4;

export interface HeldDuty {
  readonly lease: Lease;
  /** True once the lease is lost, or has not been extended in time, and from then on: work that saw it has left something out. */
  isLost(): boolean;
  /** Call `stop` once the lease is lost. */
  onLost(stop: () => void): void;
  /** Errors LEASE_LOST: another process has the duty. */
  require(): Promise<void>;
}

/** Run `act` if no other process holds the duty. Result: that of `act`; null: another process holds it. Errors of `act`. */
export async function withDuty<T>(
  duties: DutyStore,
  duty: string,
  act: (held: HeldDuty) => Promise<T>,
): Promise<{ readonly result: T } | null> {
  const takenMs = performance.now();
  const lease = await duties.take(duty, DUTY_LEASE_MS);
  if (!lease) return null;
  let untilMs = takenMs + DUTY_LEASE_MS;
  let isGivenUp = false;
  const stops: (() => void)[] = [];
  const lose = () => {
    isGivenUp = true;
    for (const stop of stops.splice(0)) stop();
  };
  const extend = async () => {
    const sentMs = performance.now();
    if (await duties.extend(lease, DUTY_LEASE_MS)) untilMs = sentMs + DUTY_LEASE_MS;
    else lose();
  };
  const timer = setInterval(() => {
    // A store that cannot be written is tried again until the lease ends.
    if (!isGivenUp) extend().catch(() => {});
  }, EXTEND_MS);
  timer.unref();
  try {
    const result = await act({
      lease,
      isLost() {
        if (!isGivenUp && performance.now() >= untilMs) lose();
        return isGivenUp;
      },
      onLost: (stop) => void stops.push(stop),
      async require() {
        if (isGivenUp || !(await duties.holds(lease))) throw new AppError('LEASE_LOST', { duty });
      },
    });
    return { result };
  } finally {
    clearInterval(timer);
    // The lease ends by itself where the store cannot be written now.
    await duties.end(lease, Date.now()).catch(() => {});
  }
}

/** Return whether work that was last done at `doneMs` is due again. A later `doneMs` than now: the clock was set back. */
export function isDueAgain(doneMs: number | null, everyMs: number, nowMs = Date.now()): boolean {
  return doneMs === null || doneMs > nowMs || nowMs - doneMs >= everyMs;
}
