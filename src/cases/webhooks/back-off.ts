/** Retry pauses of failed deliveries. */
import { pauseMs } from '../../core/retry.js';

const PAUSES = {
  /** A restarted receiver is back by then. */
  firstMs: 10_000,
  /** After a receiver is repaired, deliveries resume within this time. */
  maxMs: 6 * 3_600_000,
};
/** Together at most some 17 hours: a receiver that fails in the evening is repaired in the morning. */
export const ATTEMPTS_MAX = 14;

/** Return the pause in milliseconds; null after the last attempt. `attempts`: failed so far. `random`: in 0..1. */
export function backOffMs(attempts: number, random: number): number | null {
  return attempts >= ATTEMPTS_MAX ? null : pauseMs(attempts, PAUSES, random);
}
