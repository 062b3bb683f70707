/** A map with a limit: the oldest values are dropped, and are then requested again. */

export class Held<T> {
  readonly #values = new Map<string, { readonly value: T; readonly size: number }>();
  #size = 0;

  constructor(readonly sizeMax: number) {}

  get(key: string): T | undefined {
    return this.#values.get(key)?.value;
  }

  /** `size`: of the value, of `sizeMax` for all. */
  set(key: string, value: T, size = 1): void {
    this.delete(key);
    this.#values.set(key, { value, size });
    this.#size += size;
    for (const oldest of this.#values.keys()) {
      if (this.#size <= this.sizeMax) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#size -= this.#values.get(key)?.size ?? 0;
    this.#values.delete(key);
  }
}
