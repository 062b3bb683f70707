/** Several rows as parameters of one statement: an array for each column. */
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
