/** A file of the scanned tree, which the walk process reads, or an object. */
import type { InspectedFile, ScanTree } from '../tree.js';
import { type FileBytes, WINDOW_BYTES } from './file-bytes.js';

/** An inspected file; the bytes around the last part that was read are kept. */
export class WalkedFile implements FileBytes {
  #window: Buffer = Buffer.alloc(0);
  #from = 0;

  constructor(
    readonly walker: ScanTree,
    readonly file: InspectedFile,
  ) {}

  get size(): number {
    return this.file.identity.size;
  }

  async read(at: number, length: number): Promise<Buffer> {
    const end = Math.min(at + length, this.size);
    if (at < this.#from || end > this.#from + this.#window.length) {
      const bytes = await this.walker.read(this.file, at, Math.max(length, WINDOW_BYTES));
      this.#window = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#from = at;
    }
    return this.#window.subarray(at - this.#from, Math.max(at, end) - this.#from);
  }
}
