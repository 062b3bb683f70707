/** Several rows at a time: as parameters of one statement, an array for each column; read by a cursor; and deleted in steps. */
import type { Sql } from './database.js';
import type { SqlValue } from './values.js';

/** Columns and their types, in order. */
export type Columns<Row> = { readonly [Name in keyof Row]-?: string };

/** Return the rows as a table expression, whose parameters are `arraysOf` from `$first` on. */
export function unnested<Row>(columns: Columns<Row>, first = 1): string {
  const names = Object.keys(columns);
  const arrays = names.map((name, at) => `$${first + at}::${columns[name as keyof Row]}[]`);
  return `unnest(${arrays.join(', ')}) AS given (${names.join(', ')})`;
}

export function arraysOf<Row extends object>(columns: Columns<Row>, rows: readonly Row[]): SqlValue[] {
  return Object.keys(columns).map((name) => rows.map((row) => row[name as keyof Row] as never));
}

/** Read what a statement finds, in batches by a cursor of the transaction, which has one such at a time. */
export async function* cursorRows<Row>(
  sql: Sql,
  { text, values = [] }: { readonly text: string; readonly values?: readonly SqlValue[] },
  rowsPerBatch: number,
): AsyncGenerator<Row> {
  await sql(`DECLARE batches NO SCROLL CURSOR FOR ${text}`, values);
  for (;;) {
    const rows = await sql<Row>(`FETCH ${rowsPerBatch} FROM batches`);
    if (rows.length === 0) break;
    yield* rows;
  }
  await sql('CLOSE batches');
}

/** Rows that one statement deletes: none is ended for its length. */
const ROWS_PER_STEP = 10_000;

/** Delete rows of a table that may be many. */
export async function deleteInSteps(
  sql: Sql,
  table: string,
  condition: string,
  values: readonly SqlValue[],
  rowsPerStep = ROWS_PER_STEP,
): Promise<void> {
  for (;;) {
    const [row] = await sql<{ rows: number }>(
      `WITH gone AS (
         DELETE FROM ${table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM ${table} WHERE ${condition} LIMIT ${rowsPerStep}))
         RETURNING 1)
       SELECT count(*) AS rows FROM gone`,
      values,
    );
    if (row!.rows === 0) return;
  }
}
