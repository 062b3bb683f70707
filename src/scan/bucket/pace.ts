/**
 * Number of concurrent requests to a service: halved where it asks for less or fails, and raised slowly while it answers.
 * Source: additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP and the clients of AWS use it.
 */

/** Enough for a request of 50 ms and a decoder of a thousand images a second. */
const REQUESTS_MAX = 64;
const REQUESTS_FIRST = 16;
/** Requests that were sent together fail together: they count as one. */
const SLOWER_EACH_MS = 1_000;

export class Pace {
  #limit = REQUESTS_FIRST;
  #running = 0;
  #slowedMs = Number.NEGATIVE_INFINITY;
  readonly #waiting: (() => void)[] = [];

  /** Requests that may run now. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** Run a request once there is room for it. Errors: its own. */
  async run<T>(request: () => Promise<T>): Promise<T> {
    while (this.#running >= this.limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      const result = await request();
      this.#limit = Math.min(REQUESTS_MAX, this.#limit + 1 / this.#limit);
      return result;
    } finally {
      this.#running--;
      for (let free = this.limit - this.#running; free > 0; free--) this.#waiting.shift()?.();
    }
  }

  /** Halve the number, at most once a second. */
  slow(nowMs = performance.now()): void {
    if (nowMs - this.#slowedMs < SLOWER_EACH_MS) return;
    this.#slowedMs = nowMs;
    this.#limit = Math.max(1, this.#limit / 2);
  }
}
