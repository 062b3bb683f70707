/**
 * The checksum of a list's entries, which detects damage on the disk. It is a sum over entries, so that an addition or a
 * removal updates it without reading the rest; it guards against accidents, not against forgery.
 */
import { hash } from 'node:crypto';
import { RowSum, sumOfRow } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';

/** The checked part of an entry: its sealed value. A new data key changes all checksums. */
export interface Checked {
  readonly algorithm: number;
  readonly value: Buffer;
  readonly entry_id: string;
  readonly attributes: string | null;
  /** Sealed JSON. */
  readonly notes: Buffer | null;
}

/** A row of the table `entry`. */
export interface HeldRow extends Checked {
  readonly id: number;
  readonly list_id: number;
  readonly disabled: number;
  readonly quarantined: number;
  /** The version that last changed the entry. */
  readonly since: number;
  readonly sum: number;
}

/** A row of the table `entry` or `past_entry`. */
export interface PastRow extends HeldRow {
  readonly until?: number;
  /** The entry was damaged when it was kept. */
  readonly is_damaged?: number;
}

/** All columns of a row of the table `entry` but its sum, in their order. */
export const cellsOfEntry = (row: Omit<HeldRow, 'sum'>) => [
  row.id,
  row.list_id,
  row.algorithm,
  row.value,
  row.entry_id,
  row.attributes,
  row.notes,
  row.disabled,
  row.quarantined,
  row.since,
];

export const sumOfEntry = (row: Omit<HeldRow, 'sum'>): number => sumOfRow('entry', cellsOfEntry(row));

/** A row of `entry` as SQLite returns it in raw mode: faster to read than an object. */
export type RawEntry = readonly [
  id: number,
  listId: number,
  algorithm: number,
  value: Buffer,
  entryId: string,
  attributes: string | null,
  notes: Buffer | null,
  disabled: number,
  quarantined: number,
  since: number,
  sum: number,
];
/** Columns of a raw row before its sum. */
const RAW_COLUMNS = 10;

/** Return whether a raw row is as it was written. */
export const isSoundEntry = (row: RawEntry): boolean => sumOfRow('entry', row, RAW_COLUMNS) === row[RAW_COLUMNS];

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

export function checksumOf(db: Sqlite, listId: number): string {
  const checksum = new ListChecksum();
  const rows = db.prepare<[number], Checked>(
    'SELECT algorithm, value, entry_id, attributes, notes FROM entry WHERE list_id = ?',
  );
  for (const row of rows.iterate(listId)) checksum.add(row);
  return checksum.toHex();
}
