/** Sums of tables, by which the two sides of a move are compared. */
import { hash } from 'node:crypto';
import { RowSum } from '../core/row-sum.js';
import type { TableSum } from './move-contract.js';

/** Rows between two pauses, in which other work is done. */
const ROWS_PER_PAUSE = 2_000;

/** Cells in the order of their columns; bytes as hex, which no text of the same column can be. */
const cellText = (cell: unknown) => (cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : cell);

/** Sum up rows. */
export async function sumOfRows(columns: string, rows: Iterable<object> | AsyncIterable<object>): Promise<TableSum> {
  const names = columns.split(' ');
  const sum = new RowSum();
  let count = 0;
  for await (const row of rows) {
    const cells = names.map((name) => cellText((row as Readonly<Record<string, unknown>>)[name]));
    sum.change(hash('sha256', JSON.stringify(cells), 'buffer'), 1);
    if (++count % ROWS_PER_PAUSE === 0) await new Promise(setImmediate);
  }
  return { rows: count, sum: sum.toHex() };
}
