/** Rows of files as they are stored, and which of them are not as they were written. */
import { sumOfRow } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { KEYS_PER_FOLDER } from '../../store/inventory-contract.js';
import { guarded } from '../file.js';
import { prepared } from '../statements.js';
import { plus, totalOf } from '../sums.js';

/** Rows per read, and their bytes: one with the windows of several frames has tens of kilobytes. */
const BATCH_ROWS = 2_000;
const BATCH_BYTES = 4_000_000;

export interface StoredFile {
  readonly spot: number;
  readonly name: Buffer;
  readonly facts: Buffer;
  readonly sum: number;
}

export const isSoundFile = ({ spot, name, facts, sum }: StoredFile): boolean =>
  sumOfRow('file', [spot, name, facts]) === sum;

/** Yield the rows of these keys in order, damaged ones and tombstones too. Errors STORE_FAILED. */
export async function* storedFiles(db: Sqlite, first: number, last: number): AsyncGenerator<readonly StoredFile[]> {
  const page = prepared<[number, number, number], StoredFile>(
    db,
    'SELECT * FROM file WHERE spot >= ? AND spot <= ? ORDER BY spot LIMIT ?',
  );
  for (let from = first; from <= last; ) {
    const rows = guarded(() => {
      const some: StoredFile[] = [];
      let bytes = 0;
      for (const row of page.iterate(from, last, BATCH_ROWS)) {
        some.push(row);
        bytes += row.facts.length;
        if (bytes >= BATCH_BYTES) break;
      }
      return some;
    });
    if (rows.length === 0) return;
    yield rows;
    from = rows.at(-1)!.spot + 1;
  }
}

/** Yield the visits with a damaged row, each such row once, or with other rows than their total. Errors STORE_FAILED. */
export async function* damagedVisits(db: Sqlite): AsyncGenerator<number> {
  const totals = prepared<[], { part: number }>(db, `SELECT part FROM total WHERE name = 'file'`);
  const missing = new Set(guarded(() => totals.all()).map(({ part }) => part));
  const visit = { at: -1, rows: 0, sum: 0 };
  const isOther = () => {
    const total = totalOf(db, 'file', visit.at);
    missing.delete(visit.at);
    return visit.at >= 0 && (total.rows !== visit.rows || total.sum !== visit.sum);
  };
  for await (const rows of storedFiles(db, 0, Number.MAX_SAFE_INTEGER)) {
    for (const row of rows) {
      const at = Math.floor(row.spot / KEYS_PER_FOLDER);
      if (at !== visit.at) {
        if (isOther()) yield visit.at;
        Object.assign(visit, { at, rows: 0, sum: 0 });
      }
      visit.rows++;
      visit.sum = plus(visit.sum, row.sum);
      if (!isSoundFile(row)) yield at;
    }
  }
  if (isOther()) yield visit.at;
  for (const at of missing) if (totalOf(db, 'file', at).rows > 0) yield at;
}
