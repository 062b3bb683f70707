/** How one process of a joined scan stops: nothing is begun any more, and what is under way is finished for some seconds. */

/** A unit that is under way when the scan is stopped is finished in this time, or examined again by another process. */
const GRACE_MS = 15_000;

export class Stopping {
  readonly #shouldStop: () => boolean;
  #sinceMs: number | null = null;

  constructor(shouldStop: () => boolean) {
    this.#shouldStop = shouldStop;
  }

  /** True once the process was asked to stop, and from then on. */
  get isAsked(): boolean {
    if (this.#sinceMs === null && this.#shouldStop()) this.#sinceMs = performance.now();
    return this.#sinceMs !== null;
  }

  /** True once what is under way is to be given up. */
  get isOverdue(): boolean {
    return this.isAsked && performance.now() - this.#sinceMs! > GRACE_MS;
  }
}
