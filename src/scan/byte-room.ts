/** Memory for bytes in flight: work that needs more than there is left waits for its turn. */

export class ByteRoom {
  #held = 0;
  readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = [];

  constructor(readonly bytesMax: number) {}

  /** Do some work once there is room; more than there is in all waits until it is alone. Errors: those of the work. */
  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const mine = Math.min(bytes, this.bytesMax);
    if (this.#waiting.length > 0 || this.#held + mine > this.bytesMax)
      await new Promise<void>((start) => this.#waiting.push({ bytes: mine, start }));
    else this.#held += mine;
    try {
      return await work();
    } finally {
      this.#held -= mine;
      while (this.#waiting.length > 0 && this.#held + this.#waiting[0]!.bytes <= this.bytesMax) {
        const next = this.#waiting.shift()!;
        this.#held += next.bytes;
        next.start();
      }
    }
  }
}
