/**
 * The checksum of a list's entries, which detects damage on the disk. It is a sum over entries, so that an addition or a
 * removal updates it without reading the rest; it guards against accidents, not against forgery.
 */
import { entryDigest } from '../../core/entry-digest.js';
import { RowSum } from '../../core/row-sum.js';
import type { Checked } from './entry-row.js';

export class ListChecksum {
  readonly #sum: RowSum;

  /** `hex`: the result of `toHex`, or empty. */
  constructor(hex = '') {
    this.#sum = new RowSum(hex);
  }

  /** `digest`: of the entry, where it is known. */
  add(entry: Checked, digest: Buffer = entryDigest(entry)): void {
    this.#sum.change(digest, 1);
  }

  remove(entry: Checked): void {
    this.#sum.change(entryDigest(entry), -1);
  }

  toHex(): string {
    return this.#sum.toHex();
  }
}
