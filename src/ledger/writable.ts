/**
 * Whether answers can be recorded, and since when not. Decided by attempts to write: those of answers and, where there are
 * none, probes. An attempt that does not end counts as a failure for as long as it lasts.
 */

/** Time since the last successful attempt after which a probe is due: the ledger of a service that gets no requests can fail too. */
const IDLE_PROBE_MS = 2_000;

interface WritableOptions {
  /** Milliseconds that never jump. */
  readonly steadyMs: () => number;
  /** Called where an attempt fails after one that succeeded, and the other way round. `why`: the error; null: it succeeded. */
  readonly onChange: (why: string | null) => void;
}

export class Writable {
  /** False if the last attempt failed. */
  isWritable = true;
  readonly #options: WritableOptions;
  #pending = 0;
  /** Beginning of the first attempt since the last success; null: each has succeeded. */
  #failingSinceMs: number | null = null;
  #succeededMs: number;

  constructor(options: WritableOptions) {
    this.#options = options;
    this.#succeededMs = options.steadyMs();
  }

  /** Milliseconds in which no attempt has succeeded; 0 while each does. */
  get unwritableMs(): number {
    return this.#failingSinceMs === null ? 0 : this.#options.steadyMs() - this.#failingSinceMs;
  }

  get isProbeDue(): boolean {
    if (this.#pending > 0) return false;
    return !this.isWritable || this.#options.steadyMs() - this.#succeededMs >= IDLE_PROBE_MS;
  }

  /** Make an attempt. Errors: those of `write`. */
  async attempt<T>(write: () => Promise<T>): Promise<T> {
    const { steadyMs } = this.#options;
    this.#failingSinceMs ??= steadyMs();
    this.#pending++;
    try {
      const value = await write();
      this.#end(null);
      this.#succeededMs = steadyMs();
      this.#failingSinceMs = this.#pending > 0 ? this.#succeededMs : null;
      return value;
    } catch (error) {
      this.#end(String(error));
      throw error;
    }
  }

  #end(why: string | null): void {
    this.#pending--;
    const isChanged = this.isWritable !== (why === null);
    this.isWritable = why === null;
    if (isChanged) this.#options.onChange(why);
  }
}
