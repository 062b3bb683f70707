/** A file that the walk process reads. */
import { type FileBytes, WINDOW_BYTES } from './file-bytes.js';
import type { InspectedFile, Walker } from './walker.js';

/** An inspected file; the bytes around the last part that was read are kept. */
export class WalkedFile implements FileBytes {
  #window: Buffer = Buffer.alloc(0);
  #from = 0;

  constructor(
    readonly walker: Walker,
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
