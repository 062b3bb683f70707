/** Rows of the table `entry` with their sums, and the checksum of a list's rows. */
import { sumOfRow } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { Checked, StoredRow } from '../../store/lists/entry-row.js';
import { ListChecksum } from '../../store/lists/list-checksum.js';

/** A row of the table `entry`. */
export interface HeldRow extends StoredRow {
  readonly list_id: number;
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

export function checksumOf(db: Sqlite, listId: number): string {
  const checksum = new ListChecksum();
  const rows = db.prepare<[number], Checked>(
    'SELECT algorithm, value, entry_id, attributes, notes FROM entry WHERE list_id = ?',
  );
  for (const row of rows.iterate(listId)) checksum.add(row);
  return checksum.toHex();
}
