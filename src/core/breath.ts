/** Lets other work of this thread run in the middle of a long loop. */

/** A neighbour's request waits at most about this long for a thread that is in such a loop. */
const SLICE_MS = 10;

export class Breath {
  #sinceMs = performance.now();

  /** True where the loop has run for a whole slice: `await breath.take()` then. */
  get isDue(): boolean {
    return performance.now() - this.#sinceMs >= SLICE_MS;
  }

  /** Resolve after all other work that is due. */
  async take(): Promise<void> {
    await new Promise(setImmediate);
    this.#sinceMs = performance.now();
  }
}
