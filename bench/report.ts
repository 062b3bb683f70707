/** Result table of a bench, and the timing that benches share. */
import { medianSpent } from './processor.js';

/** Options of `zeef bench`; a suite uses those that it knows. */
export interface BenchOptions {
  readonly smoke: boolean;
  /** Numbers of entries (index, digests, live) or files (scan). */
  readonly sizes?: readonly number[] | undefined;
  /** The user's own data: files of raw 32-byte hashes. */
  readonly hashes?: string | undefined;
  readonly queries?: string | undefined;
  /** File for every pair found. */
  readonly pairs?: string | undefined;
  readonly hnswMax?: number | undefined;
  /** Duration of `soak` (10 by default) and `flips` (5). */
  readonly minutes?: number | undefined;
  /** Folder of another checkout, built, that `hostile` and `lists` measure too. */
  readonly against?: string | undefined;
}

export interface BenchTable {
  readonly title: string;
  readonly notes: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Sum over the results, so that the work cannot be optimised away and a changed result is noticed. */
  readonly checksum: string;
}

/** Return the median seconds of five calls, after one that warms up. */
export async function medianSeconds(work: () => unknown): Promise<number> {
  return (await medianSpent(work)).seconds;
}

const shown = (cell: string | number): string =>
  typeof cell === 'string'
    ? cell
    : cell >= 100
      ? Math.round(cell).toLocaleString('en')
      : String(Number(cell.toPrecision(3)));

/** Format as plain text: the first column aligned left, the others right. */
export function formatTable({ title, notes, columns, rows, checksum }: BenchTable): string {
  const cells = [columns, ...rows].map((row) => row.map(shown));
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  '),
  );
  return [`\n${title}`, ...lines, ...notes.map((note) => `  ${note}`), `  sum of results: ${checksum}\n`].join('\n');
}
