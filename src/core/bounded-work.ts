/**
 * Work that ends by any of several signals, or after a time. Not by `AbortSignal.any`: Node 20 may collect its signal while a `fetch`
 * waits, and that never ends. A controller that a timer and listeners hold is not collected.
 */

interface Ends {
  readonly signals?: readonly AbortSignal[];
  /** Time of the work; none: no limit. */
  readonly ms?: number;
}

/** Return whether a signal's time was over, before it was aborted in another way. */
export const isOverdue = ({ reason }: AbortSignal): boolean => (reason as Error | undefined)?.name === 'TimeoutError';

/** Do work, and hold the signal that ends it. Errors: those of `work`. */
export async function boundedWork<Result>(
  { signals = [], ms }: Ends,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const ends = new AbortController();
  const stops = signals.map((signal) => ({ signal, stop: () => ends.abort(signal.reason) }));
  for (const { signal, stop } of stops) {
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  }
  const timer =
    ms === undefined
      ? undefined
      : setTimeout(() => ends.abort(new DOMException(`not done within ${ms} ms`, 'TimeoutError')), ms);
  try {
    return await work(ends.signal);
  } finally {
    clearTimeout(timer);
    // A signal of the whole process outlives many pieces of work.
    for (const { signal, stop } of stops) signal.removeEventListener('abort', stop);
  }
}
