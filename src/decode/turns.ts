/**
 * Operations of a library whose messages are one for the whole process: a thread that reads them may read those of another's image.
 * An operation that needs its own is done alone; the others run beside one another. In memory that the threads share.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Numbers in shared memory: those begun so far in the upper half and those under way in the lower one, and whether one is alone. */
const AT = { operations: 0, alone: 1, numbers: 2 } as const;
/** One more begun, and under way. A single number, so that each sees all others that began before it. */
const BEGUN = 1n << 32n;
const UNDER_WAY = 1n;
const underWay = (operations: bigint): bigint => operations & (BEGUN - 1n);
/** An operation takes milliseconds. */
const LOOK_MS = 1;

export class Turns {
  readonly #numbers: BigInt64Array;

  constructor(readonly shared = new SharedArrayBuffer(AT.numbers * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.#numbers = new BigInt64Array(shared);
  }

  /** Do an operation; again, with no other beside it, if it fails while there was one: its error has its own message, then. */
  async withOwnMessage<Result>(work: () => Promise<Result>): Promise<Result> {
    let wasBeside: boolean;
    const number = await this.#begin();
    try {
      return await work();
    } catch (error) {
      wasBeside = underWay(number) > UNDER_WAY || Atomics.load(this.#numbers, AT.operations) !== number;
      if (!wasBeside) throw error;
    } finally {
      Atomics.sub(this.#numbers, AT.operations, UNDER_WAY);
    }
    return this.#alone(work);
  }

  /** Return the numbers as they are until another begins or ends. */
  async #begin(): Promise<bigint> {
    const numbers = this.#numbers;
    for (;;) {
      const before = Atomics.add(numbers, AT.operations, BEGUN + UNDER_WAY);
      if (Atomics.load(numbers, AT.alone) === 0n) return before + BEGUN + UNDER_WAY;
      Atomics.sub(numbers, AT.operations, UNDER_WAY);
      await delay(LOOK_MS);
    }
  }

  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const numbers = this.#numbers;
    while (Atomics.compareExchange(numbers, AT.alone, 0n, 1n) !== 0n) await delay(LOOK_MS);
    try {
      // None begins from here on, so this waits for those of the other threads at most once.
      while (underWay(Atomics.load(numbers, AT.operations)) > 0n) await delay(LOOK_MS);
      return await work();
    } finally {
      Atomics.store(numbers, AT.alone, 0n);
    }
  }
}
