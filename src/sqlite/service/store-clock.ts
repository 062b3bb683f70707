/**
 * The clock of a store: the machine's monotonic one, which all its processes share and no setting of the time moves. It
 * begins again with the machine, so an end of a lease or a pause is stored with its length.
 */
import { systemClock } from '../../core/clock.js';

/** Milliseconds. */
export const storeMs = (): number => Math.floor(systemClock.monotonicMs());

/** Return whether an end is to come. One that is later than it can be is from before the machine's restart. */
export const isToCome = (untilMs: number, lengthMs: number): boolean =>
  untilMs > storeMs() && untilMs <= storeMs() + lengthMs;

/** The same in SQL, for the columns `until_ms` and `length_ms`. Parameter: `@storeMs`. */
export const IS_TO_COME = '(until_ms > @storeMs AND until_ms <= @storeMs + length_ms)';
