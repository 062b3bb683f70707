/** Retry pauses of failed deliveries: exponential, with jitter. */

/** A restarted receiver is back by then. */
const FIRST_PAUSE_MS = 10_000;
/** After a receiver is repaired, deliveries resume within this time. */
const PAUSE_MS_MAX = 6 * 3_600_000;
/** Together at most some 17 hours: a receiver that fails in the evening is repaired in the morning. */
export const ATTEMPTS_MAX = 14;

/** Return the pause in milliseconds; null after the last attempt. `attempts`: failed so far. `random`: in 0..1. */
export function pauseMs(attempts: number, random: number): number | null {
  if (attempts >= ATTEMPTS_MAX) return null;
  const whole = Math.min(PAUSE_MS_MAX, FIRST_PAUSE_MS * 2 ** (attempts - 1));
  return Math.round(whole * (0.5 + random / 2));
}
