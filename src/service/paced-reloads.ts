/** Reloads of the lists in the background: one at a time, and at news with pauses. */
import type { Clock } from '../core/clock.js';

/** After a load, news wait for so many times as long as it took: each load of additions rebuilds the open segment. */
const REST_TIMES = 4;

export class PacedReloads {
  readonly #reload: () => Promise<void>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #running: Promise<void> | null = null;
  #restUntilMs = -Infinity;
  #soon: NodeJS.Timeout | null = null;
  #isClosed = false;

  /** `reload` does not reject. */
  constructor(reload: () => Promise<void>, clock: Pick<Clock, 'monotonicMs'>) {
    this.#reload = reload;
    this.#clock = clock;
  }

  /** Reload now, unless a reload runs. */
  poll(): void {
    if (this.#isClosed || this.#running !== null) return;
    const startedMs = this.#clock.monotonicMs();
    this.#running = this.#reload().finally(() => {
      this.#running = null;
      const nowMs = this.#clock.monotonicMs();
      this.#restUntilMs = nowMs + REST_TIMES * (nowMs - startedMs);
    });
  }

  /** Reload once the pause is over, and not before a reload that runs has ended: it may have read what was before. */
  hear(): void {
    if (this.#isClosed) return;
    const act = () => {
      this.#soon = null;
      if (this.#running === null) this.poll();
      else void this.#running.then(() => this.hear());
    };
    this.#soon ??= setTimeout(act, Math.max(0, this.#restUntilMs - this.#clock.monotonicMs())).unref();
  }

  /** Start no further reload, and wait for one that runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#soon) clearTimeout(this.#soon);
    await this.#running;
  }
}
