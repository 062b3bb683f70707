/**
 * The checksum of a list's entries, which detects damage on the disk. It is a sum over entries, so that an addition or a
 * removal updates it without reading the rest; it guards against accidents, not against forgery.
 */
import { createHash } from 'node:crypto';
import { RowSum } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';

/** The checked part of an entry: its sealed value. A new data key changes all checksums. */
export interface Checked {
  readonly algorithm: number;
  readonly value: Buffer;
  readonly entry_id: string;
  readonly attributes: string | null;
}

/** A row of the table `entry` as an import reads it. */
export interface HeldRow extends Checked {
  readonly id: number;
  readonly disabled: number;
  readonly version: number;
  readonly since: number;
}

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

function digestOf({ algorithm, value, entry_id, attributes }: Checked): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([algorithm, entry_id, attributes]))
    .update(value)
    .digest();
}

export function checksumOf(db: Sqlite, listId: number): string {
  const checksum = new ListChecksum();
  const rows = db.prepare<[number], Checked>(
    'SELECT algorithm, value, entry_id, attributes FROM entry WHERE list_id = ?',
  );
  for (const row of rows.iterate(listId)) checksum.add(row);
  return checksum.toHex();
}
