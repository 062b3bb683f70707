/** Keys of the files that a scan has seen in one folder: of ten million files two megabytes. */
import { KEYS_PER_FOLDER } from '../store/inventory-contract.js';

/** Beyond this number a bit for each possible key takes less memory than a set. */
const SET_MAX = 65_536;

export class SeenKeys {
  #set: Set<number> | null = new Set();
  #bits: Uint8Array | null = null;

  /** `base`: the first key of the folder. */
  constructor(readonly base: number) {}

  add(fileKey: number): void {
    if (this.#set) {
      this.#set.add(fileKey);
      if (this.#set.size <= SET_MAX) return;
      this.#bits = new Uint8Array(KEYS_PER_FOLDER / 8);
      const keys = this.#set;
      this.#set = null;
      for (const key of keys) this.add(key);
      return;
    }
    const at = fileKey - this.base;
    this.#bits![at >> 3]! |= 1 << (at & 7);
  }

  has(fileKey: number): boolean {
    if (this.#set) return this.#set.has(fileKey);
    const at = fileKey - this.base;
    return (this.#bits![at >> 3]! & (1 << (at & 7))) !== 0;
  }
}
