/**
 * Sums over rows, so that damage on the disk is noticed: each row carries the sum of its own cells, and the table `total`
 * the number of rows and the sum of their sums. A changed cell is noticed where the row is read; a lost, doubled or moved
 * row where its table is read as a whole. Against accidents, not against forgery.
 *
 * The sum of most tables is a generated column, and a trigger refuses to change a damaged row, since the new sum would
 * hide the damage. Tables with many rows are `given`: their writer computes the sum, which is faster, and looks first.
 */
import { AppError } from '../core/errors.js';
import { ROW_SUM_SPAN, sumOfRow } from '../core/row-sum.js';
import type { Sqlite } from '../core/sqlite-binding.js';
import { prepared } from './statements.js';

export interface SummedTable {
  readonly name: string;
  /** All columns but the sum, in the order of the table. */
  readonly columns: readonly string[];
  /** Column that names a row for an operator; never a value of a list. */
  readonly label: string;
  /** The part of the table that a total covers, as SQL; without it the whole table. */
  readonly part?: string;
}

interface Total {
  readonly rows: number;
  readonly sum: number;
}

/** Begins the message of the triggers that refuse to change a damaged row. */
export const DAMAGED_ROW = 'damaged row';

/** Any row of a summed table, with its sum. */
export type Summed<T> = T & { readonly sum: number };

/** Make the sum available to the triggers and generated columns of a connection; without it none can write. */
export function registerSums(db: Sqlite): void {
  db.function('zeef_sum', { deterministic: true, varargs: true }, (table, ...cells) =>
    sumOfRow(table as string, cells as (number | string | Buffer | null)[]),
  );
  // Some builds of SQLite let no trigger call a function of the program by default.
  db.pragma('trusted_schema = ON');
  // A replaced row leaves the total too.
  db.pragma('recursive_triggers = ON');
}

/** The sum modulo 2^47 of the column `sum`, in two halves: the sum of many would exceed SQLite's integers. */
export const SUM_OF_SUMS = `(coalesce(sum(sum & 16777215), 0) + (coalesce(sum(sum >> 24), 0) & 8388607) * 16777216) & ${ROW_SUM_SPAN - 1}`;

/** SQL expression of a row's sum. `prefix`: `OLD.` in a trigger. */
export const sumSql = ({ name, columns }: Pick<SummedTable, 'name' | 'columns'>, prefix = '') =>
  `zeef_sum('${name}', ${columns.map((column) => `${prefix}"${column}"`).join(', ')})`;

/** Create the table of totals. Used by released migrations: never edited, nor is `addSum`. */
export function createTotals(db: Sqlite): void {
  db.exec(
    `CREATE TABLE total (
       name TEXT NOT NULL, part INTEGER NOT NULL, rows INTEGER NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (name, part)
     ) STRICT, WITHOUT ROWID`,
  );
}

/**
 * Rebuild a table with the column `sum`, computed from its present rows, and its triggers.
 * `isGiven`: the writer computes the sum. `part`: as in `SummedTable`, with NEW and OLD in place of `row`.
 */
export function addSum(db: Sqlite, name: string, { isGiven = false, part = '0' } = {}): void {
  // Fails as SQLite does where the table is missing: the file is then of another program.
  db.prepare(`SELECT 1 FROM ${name}`);
  const one = <T>(sql: string) => db.prepare<[string], T>(sql).pluck().get(name);
  const columns = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(name);
  const sum = sumSql({ name, columns });
  const sql = one<string>(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`)!;
  const indexes = db
    .prepare<[string], string>(
      `SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`,
    )
    .pluck()
    .all(name);
  const body = sql.slice(sql.indexOf('(') + 1, sql.lastIndexOf(')'));
  // A constraint of the table comes after all columns.
  const constraint = /,\s*(?:PRIMARY KEY|UNIQUE) \([^()]*\)\s*$/.exec(body)?.[0] ?? '';
  const column = `sum INTEGER NOT NULL${isGiven ? '' : ` GENERATED ALWAYS AS (${sum}) STORED`}`;
  const whole = `${body.slice(0, body.length - constraint.length).trimEnd()}, ${column}${constraint}`;
  const sequence = sql.includes('AUTOINCREMENT')
    ? one<number>('SELECT seq FROM sqlite_sequence WHERE name = ?')
    : undefined;
  db.exec(`CREATE TABLE summed_${name} (${whole})${sql.slice(sql.lastIndexOf(')') + 1)}`);
  const names = columns.map((each) => `"${each}"`).join(', ');
  db.exec(
    isGiven
      ? `INSERT INTO summed_${name} (${names}, sum) SELECT ${names}, ${sum} FROM ${name}`
      : `INSERT INTO summed_${name} (${names}) SELECT ${names} FROM ${name}`,
  );
  db.exec(`DROP TABLE ${name}; ALTER TABLE summed_${name} RENAME TO ${name};`);
  for (const index of indexes) db.exec(index);
  if (sequence !== undefined) {
    db.prepare('DELETE FROM sqlite_sequence WHERE name = ?').run(name);
    db.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(name, sequence);
  }
  const of = (row: 'NEW' | 'OLD') => part.replace('row', row);
  const add = `INSERT INTO total VALUES ('${name}', ${of('NEW')}, 1, NEW.sum)
    ON CONFLICT (name, part) DO UPDATE SET rows = rows + 1, sum = (sum + excluded.sum) & ${ROW_SUM_SPAN - 1};`;
  const take = `UPDATE total SET rows = rows - 1, sum = (sum - OLD.sum) & ${ROW_SUM_SPAN - 1}
    WHERE name = '${name}' AND part = ${of('OLD')};`;
  db.exec(
    `CREATE TRIGGER ${name}_added AFTER INSERT ON ${name} BEGIN ${add} END;
     CREATE TRIGGER ${name}_changed AFTER UPDATE ON ${name} BEGIN ${take} ${add} END;
     CREATE TRIGGER ${name}_removed AFTER DELETE ON ${name} BEGIN ${take} END;`,
  );
  if (!isGiven) {
    db.exec(
      `CREATE TRIGGER ${name}_guard BEFORE UPDATE ON ${name} WHEN OLD.sum IS NOT ${sumSql({ name, columns }, 'OLD.')}
       BEGIN SELECT RAISE(ABORT, '${DAMAGED_ROW} in ${name}'); END;`,
    );
  }
  db.exec(
    `INSERT INTO total SELECT '${name}', ${part.replace('row.', '')}, count(*), ${SUM_OF_SUMS} FROM ${name} GROUP BY 2`,
  );
}

/** Return whether a row is as it was written. `row`: with all columns. */
export function isSound({ name, columns }: SummedTable, row: object): boolean {
  const cells = row as Readonly<Record<string, number | string | Uint8Array | null>>;
  const sum = sumOfRow(
    name,
    columns.map((column) => cells[column]!),
  );
  return sum === cells.sum;
}

/** Return the row if it is as it was written. Errors STORE_DAMAGED. */
export function sound<T extends object>(table: SummedTable, row: T): T {
  if (!isSound(table, row)) throw damaged(table, labelOf(table, row));
  return row;
}

export const damaged = ({ name }: SummedTable, row: string | number): AppError =>
  new AppError('STORE_DAMAGED', { table: name, row });

/** Name a row for an operator; a damaged name may hold anything. */
function labelOf({ label }: SummedTable, row: object): string {
  const value = (row as Readonly<Record<string, unknown>>)[label];
  return JSON.stringify(Buffer.isBuffer(value) ? value.toString('latin1') : String(value)).slice(1, -1);
}

export const plus = (a: number, b: number): number => (a + b) % ROW_SUM_SPAN;

export function totalOf(db: Sqlite, name: string, part = 0): Total {
  const read = prepared<[string, number], Total>(db, 'SELECT rows, sum FROM total WHERE name = ? AND part = ?');
  return read.get(name, part) ?? { rows: 0, sum: 0 };
}

/** Set a total from the rows, after their writer has written all of the part. `where`: the rows of the part. */
export function resetTotal(db: Sqlite, name: string, part: number, where: string): void {
  prepared<[string, number]>(
    db,
    `INSERT OR REPLACE INTO total SELECT ?, ?, count(*), ${SUM_OF_SUMS} FROM ${name} WHERE ${where}`,
  ).run(name, part);
}

/** Compare the stored sums of a large table with its totals. Result: its rows. Errors STORE_DAMAGED: a row is lost or doubled. */
export function requireTotals(db: Sqlite, table: SummedTable): number {
  const totals = prepared<[string], Total>(
    db,
    `SELECT sum(rows) AS rows, ${SUM_OF_SUMS} AS sum FROM total WHERE name = ?`,
  ).get(table.name)!;
  const found = prepared<[], Total>(
    db,
    `SELECT count(*) AS rows, ${SUM_OF_SUMS} AS sum FROM ${table.name} NOT INDEXED`,
  );
  const { rows, sum } = found.get()!;
  if (rows !== (totals.rows ?? 0) || sum !== totals.sum) throw damaged(table, 'a row is lost or doubled');
  return rows;
}

/** Return all rows of a small table, in the order of the table. Errors STORE_DAMAGED: a row is damaged, lost or doubled. */
export function wholeTable<T extends object>(db: Sqlite, table: SummedTable): Summed<T>[] {
  const rows = prepared<[], Summed<T>>(db, `SELECT * FROM ${table.name} NOT INDEXED`).all();
  const total = totalOf(db, table.name);
  const sum = rows.reduce((all, row) => plus(all, sound(table, row).sum), 0);
  if (rows.length !== total.rows || sum !== total.sum) throw damaged(table, 'a row is lost or doubled');
  return rows;
}

/** Check all rows of a table that is too large to return. Errors STORE_DAMAGED. */
export function requireSound(db: Sqlite, table: SummedTable): void {
  const found = { rows: 0, sum: 0 };
  for (const row of prepared<[], Summed<object>>(db, `SELECT * FROM ${table.name} NOT INDEXED`).iterate()) {
    found.rows++;
    found.sum = plus(found.sum, sound(table, row).sum);
  }
  const total = totalOf(db, table.name);
  if (found.rows !== total.rows || found.sum !== total.sum) throw damaged(table, 'a row is lost or doubled');
}

/** Problems beyond this number add nothing: the file is restored as a whole. */
const PROBLEMS_MAX = 100;

/** Return what is damaged in a file: its pages and indexes, each row, each total. Empty: all is as it was written. */
export function problemsIn(db: Sqlite, file: string, tables: readonly SummedTable[]): string[] {
  const problems = [...structureProblems(db, PROBLEMS_MAX), ...tables.flatMap((table) => tableProblems(db, table))];
  return problems.slice(0, PROBLEMS_MAX).map((problem) => `${file}: ${problem}`);
}

/** Return what is damaged in one table: its indexes, each row, each total. Empty: all is as it was written. */
export const problemsOf = (db: Sqlite, table: SummedTable): string[] => [
  ...structureProblems(db, table.name),
  ...tableProblems(db, table),
];

/** `of`: the largest number of problems, or one table. */
function structureProblems(db: Sqlite, of: number | string): string[] {
  const checked = db.pragma(`integrity_check(${of})`) as readonly { readonly integrity_check: string }[];
  return checked.map(({ integrity_check: text }) => text.split('\n')[0]!).filter((text) => text !== 'ok');
}

function tableProblems(db: Sqlite, table: SummedTable): string[] {
  const { name, part = '0' } = table;
  const problems: string[] = [];
  const found = new Map<number, { rows: number; sum: number }>();
  const rows = db.prepare<[], Summed<{ total_part: number }>>(
    `SELECT row.*, ${part} AS total_part FROM ${name} AS row NOT INDEXED`,
  );
  for (const row of rows.iterate()) {
    if (!isSound(table, row)) problems.push(`the row ${labelOf(table, row)} of ${name} is not as it was written`);
    const all = found.get(row.total_part) ?? { rows: 0, sum: 0 };
    found.set(row.total_part, { rows: all.rows + 1, sum: plus(all.sum, row.sum) });
  }
  const totals = db.prepare<[string], Total & { part: number }>('SELECT part, rows, sum FROM total WHERE name = ?');
  for (const total of totals.iterate(name)) {
    const all = found.get(total.part) ?? { rows: 0, sum: 0 };
    found.delete(total.part);
    if (all.rows !== total.rows || all.sum !== total.sum)
      problems.push(`${name} has other rows than were written (${all.rows} of ${total.rows})`);
  }
  for (const [part, all] of found) problems.push(`${all.rows} rows of ${name} belong to no total (${part})`);
  return problems;
}
