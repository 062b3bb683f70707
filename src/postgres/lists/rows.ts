/** Rows of the lists' tables in PostgreSQL. */
import { AppError } from '../../core/errors.js';
import { ENTRY_KEY_MAX } from '../../core/limits.js';
import type { StoredRow } from '../../store/lists/entry-row.js';
import type { ListRow } from '../../store/lists/list-row.js';
import type { Sql } from '../database.js';

export interface PostgresListRow extends ListRow {
  readonly source: string | null;
  /** Rises with every change of the list's entries. */
  readonly revision: number;
  readonly first_key: number;
  readonly last_key: number;
}

/** A row of the table `entry`. */
export interface HeldRow extends StoredRow {
  readonly list_id: number;
}

/** Columns of a row of `entry`, in the order in which rows are staged. */
export const ENTRY_COLUMNS = 'id, list_id, algorithm, value, entry_id, attributes, notes, disabled, quarantined, since';

/** Rows of one batch: some ten milliseconds of the server. */
export const ROWS_PER_BATCH = 5_000;

export async function findList(sql: Sql, name: string, lock: '' | 'FOR UPDATE' = ''): Promise<PostgresListRow | null> {
  const [row] = await sql<PostgresListRow>(`SELECT * FROM list WHERE name = $1 ${lock}`, [name]);
  return row ?? null;
}

/** Errors LIST_NOT_FOUND. */
export async function listOf(sql: Sql, name: string, lock: '' | 'FOR UPDATE' = ''): Promise<PostgresListRow> {
  const row = await findList(sql, name, lock);
  if (row === null) throw new AppError('LIST_NOT_FOUND', { list: name });
  return row;
}

/** Errors INDEX_FULL: keys of entries are used up. */
export function requireKeys(entryKey: number): void {
  if (entryKey > ENTRY_KEY_MAX) throw new AppError('INDEX_FULL', { entryKey, entryKeyMax: ENTRY_KEY_MAX });
}

/** The error of a row that must be there. */
export const damaged = (table: string, row: string | number): AppError => new AppError('STORE_DAMAGED', { table, row });
