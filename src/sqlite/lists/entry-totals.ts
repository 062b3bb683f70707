/** Rows of entries that were read, against the totals that their writer keeps: whether any was lost or doubled. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { prepared } from '../statements.js';
import { plus } from '../sums.js';
import { partsOf } from './entry-table.js';

export interface EntryTotal {
  rows: number;
  sum: number;
}

/** Add rows to what was found of their part of the table. */
export function addTo(found: Map<number, EntryTotal>, part: number, { rows, sum }: EntryTotal): void {
  const of = found.get(part);
  if (of === undefined) found.set(part, { rows, sum });
  else {
    of.rows += rows;
    of.sum = plus(of.sum, sum);
  }
}

/** Return whether a list has the entries that were written, from a part on. */
export function areTotals(db: Sqlite, listId: number, found: ReadonlyMap<number, EntryTotal>, from: number): boolean {
  const [first, last] = partsOf(listId);
  const totals = prepared<[number, number], EntryTotal & { part: number }>(
    db,
    `SELECT part, rows, sum FROM total WHERE name = 'entry' AND part BETWEEN ? AND ? AND rows > 0`,
  ).all(first + from, last);
  const isFound = ({ part, rows, sum }: EntryTotal & { part: number }) =>
    found.get(part)?.rows === rows && found.get(part)?.sum === sum;
  const parts = [...found.keys()].filter((part) => part >= first + from && part <= last);
  return parts.length === totals.length && totals.every(isFound);
}
