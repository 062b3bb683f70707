/**
 * The checksum of a list's entries, which detects damage on the disk. It is a sum over entries, so that an addition or a
 * removal updates it without reading the rest; it guards against accidents, not against forgery.
 */
import { hash } from 'node:crypto';
import { RowSum } from '../../core/row-sum.js';
import type { Checked } from './entry-row.js';

export class ListChecksum {
  readonly #sum: RowSum;

  /** `hex`: the result of `toHex`, or empty. */
  constructor(hex = '') {
    this.#sum = new RowSum(hex);
  }

  add(entry: Checked): void {
    this.#sum.change(digestOf(entry), 1);
  }

  remove(entry: Checked): void {
    this.#sum.change(digestOf(entry), -1);
  }

  toHex(): string {
    return this.#sum.toHex();
  }
}

/** UTF-8 bytes of one UTF-16 unit, at most. */
const BYTES_PER_UNIT = 3;
/** The bytes of the entry that is hashed, kept between the calls; grows with the largest entry. */
let scratch = Buffer.alloc(1_024);

/** Without notes, as before there were any: the checksums of existing lists stay. */
function digestOf({ algorithm, value, entry_id, attributes, notes }: Checked): Buffer {
  const about = JSON.stringify([algorithm, entry_id, attributes]);
  const most = about.length * BYTES_PER_UNIT + value.length + (notes?.length ?? 0);
  if (most > scratch.length) scratch = Buffer.alloc(most * 2);
  let end = scratch.write(about);
  scratch.set(value, end);
  end += value.length;
  if (notes !== null) scratch.set(notes, end);
  // One call: a hash object for each entry costs three times as much.
  return hash('sha256', scratch.subarray(0, end + (notes?.length ?? 0)), 'buffer');
}
