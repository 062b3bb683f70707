/**
 * Room for large images in the memory of the decoder process, shared by its workers: an image is decoded once its estimate fits
 * beside those that are being decoded. Nothing here holds a thread: a worker continues with small images meanwhile.
 *
 * Large images are served in the order in which they ask, so that none waits for ever behind others that fit sooner. Small ones do
 * not ask: each worker has room for one of them, which is set aside.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Process with its threads and libraries, as measured (90 to 120 MB with one worker), and what each worker adds. */
export const PROCESS_BYTES = 120_000_000;
export const WORKER_BYTES = 40_000_000;
/** Largest estimate of a small image: a JPEG of 20 megapixels, a PNG of 8. After a larger one it is worth the time to collect garbage. */
export const SMALL_BYTES = 128_000_000;

/** Numbers in shared memory: bytes taken, next number to be given out, number whose turn it is. */
const AT = { taken: 0, next: 1, turn: 2, numbers: 3 } as const;
/** A large image takes a tenth of a second at least. */
const LOOK_MS = 5;

interface ProcessMemory {
  /** Resident memory at which the process is ended. */
  readonly memoryBytesMax: number;
  readonly workers: number;
  readonly cacheBytesMax: number;
}

/**
 * Return the bytes for large images: half of the bound, or what the bound of one worker leaves, whichever is more. The rest is for small
 * images, for what they leave until it is collected, and for images that take more than their headers say.
 */
export function roomBytes({ memoryBytesMax, workers, cacheBytesMax }: ProcessMemory): number {
  const ofOne = memoryBytesMax / workers - PROCESS_BYTES - cacheBytesMax - WORKER_BYTES - SMALL_BYTES;
  return Math.floor(Math.max(ofOne, memoryBytesMax / 2));
}

export class MemoryRoom {
  readonly #numbers: BigInt64Array;

  constructor(
    readonly bytes: number,
    readonly shared = new SharedArrayBuffer(AT.numbers * BigInt64Array.BYTES_PER_ELEMENT),
  ) {
    this.#numbers = new BigInt64Array(shared);
  }

  /** Wait until so many bytes are free, and take them. `bytes`: at most `this.bytes`. */
  async take(bytes: number): Promise<void> {
    const numbers = this.#numbers;
    const number = Atomics.add(numbers, AT.next, 1n);
    // Only the one whose turn it is takes: what is free can but grow meanwhile.
    while (Atomics.load(numbers, AT.turn) !== number || Number(Atomics.load(numbers, AT.taken)) + bytes > this.bytes)
      await delay(LOOK_MS);
    Atomics.add(numbers, AT.taken, BigInt(bytes));
    Atomics.add(numbers, AT.turn, 1n);
  }

  /** Give back what was taken. */
  giveBack(bytes: number): void {
    Atomics.sub(this.#numbers, AT.taken, BigInt(bytes));
  }
}
