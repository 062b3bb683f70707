/** Lets other work of this thread run in the middle of a long loop. */

/** A request of a neighbour takes some turns of the event loop, and waits about this long in each. */
const SLICE_MS = 4;

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
