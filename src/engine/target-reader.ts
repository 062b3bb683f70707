/**
 * Files of one worker: read in its own thread while the disk answers at once, which costs a tenth of a trip through other
 * threads, and otherwise beside the decoding, so that no worker waits for a disk.
 */
import type { FileTarget } from './file-source.js';
import { readTarget, readTargetNow } from './read-target.js';

/** A page cache or a local disk answers sooner: 10 ms is a seek, 4 ns a byte 250 MB/s. */
const SLOW_MS = 2;
const SLOW_MS_PER_BYTE = 4e-6;
/** Slow files in a row: a thread that had to wait for a core looks like one slow file. */
const SLOW_ROW = 3;
/** Files that are read beside the decoding before the disk is tried again: the trials may cost as many seeks. */
const SLOW_FILES = 64;
/** Memory that is kept for files; a larger one gets its own. */
const KEPT_BYTES = 4_194_304;

export class TargetReader {
  readonly #kept = new Uint8Array(KEPT_BYTES);
  #slowFiles = 0;
  #slowRow = 0;

  constructor(readonly bytesMax: number) {}

  /** Begin to read a file where the disk is slow; null: it is to be read by `readNow`. Errors as `readTarget`. */
  begin(target: FileTarget): Promise<Uint8Array> | null {
    if (this.#slowFiles === 0) return null;
    this.#slowFiles--;
    return readTarget(target, this.bytesMax);
  }

  /** Read a file; the next call may overwrite its bytes. Errors and `step` as `readTargetNow`. */
  readNow(target: FileTarget, step: () => void): Uint8Array {
    const beganMs = performance.now();
    let size = 0;
    try {
      return readTargetNow(target, this.bytesMax, {
        take: (bytes) => {
          size = bytes;
          return bytes > KEPT_BYTES ? new Uint8Array(bytes) : this.#kept.subarray(0, bytes);
        },
        step,
      });
    } finally {
      const isSlow = performance.now() - beganMs > SLOW_MS + size * SLOW_MS_PER_BYTE;
      this.#slowRow = isSlow ? this.#slowRow + 1 : 0;
      if (this.#slowRow >= SLOW_ROW) {
        // The first slow one of the next trial is enough.
        this.#slowRow = SLOW_ROW - 1;
        this.#slowFiles = SLOW_FILES;
      }
    }
  }
}
