/** Time as a dependency, so that tests can control it. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z: for times that are stored or shown. It jumps where a person sets the clock. */
  nowMs(): number;
  /**
   * Milliseconds that never jump: for durations. All processes of one machine share them; they begin again when it is
   * restarted.
   */
  monotonicMs(): number;
}

const NANOSECONDS = 1e6;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint()) / NANOSECONDS,
};

/** Return a time of day that does not jump: the time when this is called, and the duration since. */
export function steadyTime(clock: Clock): () => number {
  const originMs = clock.nowMs() - clock.monotonicMs();
  // Whole milliseconds: it is stored.
  return () => Math.floor(originMs + clock.monotonicMs());
}
