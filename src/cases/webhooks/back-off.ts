/** When a webhook that failed is tried again: soon at first, then ever later, and not all at once. */

/** A receiver that is restarted is back by then. */
const FIRST_PAUSE_MS = 10_000;
/** Somebody who repairs a receiver does not wait longer than this. */
const PAUSE_MS_MAX = 6 * 3_600_000;
/** Together at most some 17 hours: a receiver that fails in the evening is repaired in the morning. */
export const ATTEMPTS_MAX = 14;

/** `attempts`: failed so far, this one too. Unit: milliseconds; null: it is given up. `random`: in 0..1. */
export function pauseMs(attempts: number, random: number): number | null {
  if (attempts >= ATTEMPTS_MAX) return null;
  const whole = Math.min(PAUSE_MS_MAX, FIRST_PAUSE_MS * 2 ** (attempts - 1));
  return Math.round(whole * (0.5 + random / 2));
}
