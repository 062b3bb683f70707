/** A bench's result as a table, and the one way that all of them measure. */

/** What `zeef bench` was asked; a suite takes what it knows. */
export interface BenchOptions {
  readonly smoke: boolean;
  /** Entries of each round of the index suite. */
  readonly sizes?: readonly number[] | undefined;
  /** Outside data: files of raw 32-byte hashes. */
  readonly hashes?: string | undefined;
  readonly queries?: string | undefined;
  /** Where to write every pair found. */
  readonly pairs?: string | undefined;
  readonly hnswMax?: number | undefined;
  /** How long `soak` goes on; 10 unless told. */
  readonly minutes?: number | undefined;
}

export interface BenchTable {
  readonly title: string;
  readonly notes: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Sum over the results: the work can be neither optimised away nor quietly changed. */
  readonly checksum: string;
}

const TRIALS = 5;

/** Seconds of one call, the median of five after one that warms up. */
export async function medianSeconds(work: () => unknown): Promise<number> {
  const seconds: number[] = [];
  for (let trial = 0; trial <= TRIALS; trial++) {
    const startedMs = performance.now();
    await work();
    if (trial > 0) seconds.push((performance.now() - startedMs) / 1000);
  }
  return seconds.sort((a, b) => a - b)[Math.floor(TRIALS / 2)]!;
}

const shown = (cell: string | number): string =>
  typeof cell === 'string'
    ? cell
    : cell >= 100
      ? Math.round(cell).toLocaleString('en')
      : String(Number(cell.toPrecision(3)));

/** Plain text: the first column to the left, numbers to the right. */
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
