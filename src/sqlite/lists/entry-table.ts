/**
 * The only writer of the table `entry`, for one list in the caller's transaction. With each row it keeps what is derived from
 * the rows: their sums, the totals by list and by range of keys, the counts and the checksum of the list, the feed of removals,
 * and the earlier forms of entries.
 */
import { AppError } from '../../core/errors.js';
import { ENTRY_KEY_MAX } from '../../core/limits.js';
import { ROW_SUM_SPAN } from '../../core/row-sum.js';
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import { ALGORITHMS, type Algorithm } from '../../core/vocabulary.js';
import { MARKS, type NewRow } from '../../store/lists/entry-row.js';
import { ListChecksum } from '../../store/lists/list-checksum.js';
import type { ListRow } from '../../store/lists/list-row.js';
import { plus, SUM_OF_SUMS } from '../sums.js';
import { cellsOfEntry, checksumOf, type HeldRow, sumOfEntry } from './checksum.js';
import { ENTRY, ENTRY_PART_KEYS, ENTRY_PARTS } from './database.js';
import { forgetPositions } from './generations.js';
import { nextEntryKey, noteEntryKey } from './list-rows.js';
import { keepPast } from './versions.js';

interface PartTotal {
  rows: number;
  sum: number;
}

/** The part of the table with its own total. */
export const partOf = ({ list_id, id }: Pick<HeldRow, 'list_id' | 'id'>) =>
  list_id * ENTRY_PARTS + Math.floor(id / ENTRY_PART_KEYS);

export class EntryTable {
  readonly #db: Sqlite;
  readonly #listId: number;
  readonly #isWhole: boolean;
  readonly #checksum: ListChecksum;
  readonly #totals = new Map<number, PartTotal>();
  /** Of active entries. */
  readonly #counts = new Map<Algorithm, number>();
  readonly #insert: Statement<(number | string | Buffer | null)[]>;
  readonly #rewrite: Statement<(number | string | Buffer | null)[]>;
  readonly #delete: Statement<[number]>;
  readonly #removal: Statement<[number, number]>;
  #nextKey: number;
  #hadDamage = false;

  /**
   * `isWhole`: totals, counts and checksum are made from the rows that are kept or written, which are all rows of the list in the
   * end, so that the damage of earlier rows does not remain in them. Else they are changed by what is written.
   */
  constructor(db: Sqlite, list: ListRow, { isWhole }: { readonly isWhole: boolean }) {
    this.#db = db;
    this.#listId = list.id;
    this.#isWhole = isWhole;
    this.#checksum = new ListChecksum(isWhole ? '' : list.checksum);
    if (!isWhole) {
      const counts = JSON.parse(list.counts) as Partial<Record<Algorithm, number>>;
      for (const [algorithm, count] of Object.entries(counts)) this.#counts.set(algorithm as Algorithm, count);
    }
    this.#insert = db.prepare(
      `INSERT OR IGNORE INTO entry
         (id, list_id, algorithm, value, entry_id, attributes, notes, disabled, quarantined, since, sum)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#rewrite = db.prepare(
      `UPDATE entry SET list_id = ?, value = ?, entry_id = ?, attributes = ?, notes = ?, disabled = ?, quarantined = ?,
         since = ?, sum = ? WHERE id = ?`,
    );
    this.#delete = db.prepare('DELETE FROM entry WHERE id = ?');
    this.#removal = db.prepare('INSERT INTO removal (entry_key, algorithm) VALUES (?, ?)');
    this.#nextKey = nextEntryKey(db);
  }

  /** Key of the next entry that is added. */
  get nextKey(): number {
    return this.#nextKey;
  }

  /** Add an entry under a new key. Result: the key; null if the list has this value under this id. Errors INDEX_FULL: keys are used up. */
  add(given: NewRow, quarantined: number = MARKS.release): number | null {
    const id = this.#nextKey;
    if (id > ENTRY_KEY_MAX) throw new AppError('INDEX_FULL', { entryKey: id, entryKeyMax: ENTRY_KEY_MAX });
    const row = this.#rowOf(id, given, quarantined);
    const { changes } = this.#insert.run(...cellsOfEntry(row), row.sum);
    if (changes === 0) return null;
    this.#nextKey++;
    this.#count(row, 1, given.digest);
    return id;
  }

  #rowOf(
    id: number,
    { algorithm, value, entry_id, attributes, notes, since, disabled }: NewRow,
    quarantined: number = MARKS.release,
  ): HeldRow {
    const row = {
      id,
      list_id: this.#listId,
      algorithm,
      value,
      entry_id,
      attributes,
      notes,
      disabled,
      quarantined,
      since,
      sum: 0,
    };
    row.sum = sumOfEntry(row);
    return row;
  }

  /** Count an entry that stays as it is, where the rows make the totals. */
  keep(row: HeldRow, digest?: Buffer): void {
    if (this.#isWhole) this.#count(row, 1, digest);
  }

  /** Write an entry again, under its key. `until`: the version that ends its earlier form; null: it has none. */
  rewrite(before: HeldRow, change: Partial<Omit<HeldRow, 'id' | 'sum'>>, until: number | null): void {
    if (until !== null && before.since < until) keepPast(this.#db, until, before.id);
    const changed = { ...before, ...change };
    const after = { ...changed, sum: sumOfEntry(changed) };
    if (before.disabled === 0 && after.disabled === 1) this.#removal.run(before.id, before.algorithm);
    this.#put(after);
    this.#count(before, -1);
    this.#count(after, 1);
  }

  /** Write a damaged row as it should be. What else was derived from its earlier form is unknown, unless all of it is made again. */
  repair({ id, sum: before }: HeldRow, given: NewRow): void {
    this.#hadDamage = true;
    const row = this.#rowOf(id, given);
    this.#put(row);
    if (this.#isWhole) this.#count(row, 1);
    else this.#total(row, row.sum - before + (row.sum < before ? ROW_SUM_SPAN : 0), 0);
  }

  #put({ id, list_id, value, entry_id, attributes, notes, disabled, quarantined, since, sum }: HeldRow): void {
    this.#rewrite.run(list_id, value, entry_id, attributes, notes, disabled, quarantined, since, sum, id);
  }

  /** `until`: as in `rewrite`. `wasCounted`: false for a row that was never kept, where the rows make the totals. */
  remove(row: HeldRow, until: number | null, wasCounted = true): void {
    if (row.disabled === 0) this.#removal.run(row.id, row.algorithm);
    this.#hadDamage ||= sumOfEntry(row) !== row.sum;
    if (until !== null && row.since < until) keepPast(this.#db, until, row.id);
    this.#delete.run(row.id);
    if (wasCounted) this.#count(row, -1);
  }

  /** Write what is derived from the rows. Result: the list's checksum. */
  finish(): string {
    if (this.#hadDamage) forgetPositions(this.#db);
    if (this.#isWhole)
      this.#db.prepare(`DELETE FROM total WHERE name = 'entry' AND part BETWEEN ? AND ?`).run(...partsOf(this.#listId));
    const put = this.#db.prepare(
      `INSERT INTO total VALUES ('entry', @part, @rows, @sum)
       ON CONFLICT (name, part) DO UPDATE SET rows = rows + excluded.rows, sum = (sum + excluded.sum) & ${ROW_SUM_SPAN - 1}`,
    );
    for (const [part, { rows, sum }] of this.#totals) put.run({ part, rows, sum });
    const counts = Object.fromEntries([...this.#counts].filter(([, count]) => count > 0));
    const checksum = this.#checksum.toHex();
    this.#db
      .prepare('UPDATE list SET counts = ?, checksum = ? WHERE id = ?')
      .run(JSON.stringify(counts), checksum, this.#listId);
    noteEntryKey(this.#db, this.#nextKey - 1);
    return checksum;
  }

  #count(row: HeldRow, sign: 1 | -1, digest?: Buffer): void {
    this.#total(row, sign === 1 ? row.sum : ROW_SUM_SPAN - row.sum, sign);
    if (row.disabled === 0) {
      const algorithm = ALGORITHMS[row.algorithm]!;
      this.#counts.set(algorithm, (this.#counts.get(algorithm) ?? 0) + sign);
    }
    if (sign === 1) this.#checksum.add(row, digest);
    else this.#checksum.remove(row);
  }

  #total(row: Pick<HeldRow, 'list_id' | 'id'>, sum: number, rows: number): void {
    const part = partOf(row);
    const total = this.#totals.get(part) ?? { rows: 0, sum: 0 };
    total.rows += rows;
    total.sum = plus(total.sum, sum);
    this.#totals.set(part, total);
  }
}

/** Make totals and counts of a list from its rows, after they were changed by other statements. */
export function recountList(db: Sqlite, listId: number): void {
  const counts = db
    .prepare<[number], { algorithm: number; entries: number }>(
      'SELECT algorithm, count(*) AS entries FROM entry WHERE list_id = ? AND disabled = 0 GROUP BY algorithm',
    )
    .all(listId)
    .map(({ algorithm, entries }): [Algorithm, number] => [ALGORITHMS[algorithm]!, entries]);
  db.prepare('UPDATE list SET counts = ?, checksum = ? WHERE id = ?').run(
    JSON.stringify(Object.fromEntries(counts)),
    checksumOf(db, listId),
    listId,
  );
  retotalEntries(db);
}

/** Make all totals of the table from its rows. */
export function retotalEntries(db: Sqlite): void {
  db.exec(
    `DELETE FROM total WHERE name = 'entry';
     INSERT INTO total SELECT 'entry', ${ENTRY.part!.replaceAll('row.', '')}, count(*), ${SUM_OF_SUMS} FROM entry GROUP BY 2`,
  );
}

/** First and last part of a list's totals. */
export const partsOf = (listId: number): [number, number] => [listId * ENTRY_PARTS, (listId + 1) * ENTRY_PARTS - 1];

/** Number of rows, by their totals, of some parts of the table. */
export function countOf(db: Sqlite, [first, last]: readonly [number, number] = [0, Number.MAX_SAFE_INTEGER]): number {
  const sum = `SELECT coalesce(sum(rows), 0) FROM total WHERE name = 'entry' AND part BETWEEN ? AND ?`;
  return db.prepare<[number, number], number>(sum).pluck().get(first, last)!;
}
