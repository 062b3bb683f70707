/** Tables on a terminal: headings, columns, and nothing cut. */
import { terminalField } from '../core/terminal.js';
import { columnsOf, LINE_COLUMNS, piecesOf } from './wrapped.js';

const BETWEEN = '  ';
/** Longer cells move the rest of their own row, not of all rows; on a terminal they are broken. */
const COLUMN_MAX = 26;
/** Columns are not made narrower than this for the sake of others. */
const COLUMN_MIN = 8;
const BELOW = '    ';
/** A narrower terminal breaks the lines itself. */
const TERMINAL_MIN = 40;

type Row = readonly string[];

/** `YYYY-MM-DD HH:MM`, in UTC. */
export const minuteOf = (iso: string): string => iso.slice(0, 16).replace('T', ' ');

/**
 * Return rows below their headings, each cell escaped for a terminal. The last cell of a row that would be longer than the line
 * is on lines of its own below. `columns`: of the terminal; no line is longer, and long cells are broken. Null: no terminal, so that a
 * cell is never broken, and only the last one moves below at `LINE_COLUMNS`. No rows: `none`.
 */
export function tableText(headings: Row, rows: readonly Row[], columns: number | null): string {
  if (rows.length === 0) return 'none\n';
  const lines = [headings, ...rows.map((row) => row.map(terminalField))];
  const terminal = columns === null ? null : Math.max(TERMINAL_MIN, columns);
  const widths = widthsOf(lines, terminal);
  return lines.map((row) => (terminal === null ? lineOf(row, widths) : brokenRow(row, widths, terminal))).join('');
}

/** Return the widths of all columns but the last. On a terminal, the widest make room until all fit. */
function widthsOf(lines: readonly Row[], terminal: number | null): number[] {
  const widths = lines[0]!.slice(0, -1).map((_, at) => {
    const all = lines.map((row) => columnsOf(row[at]!));
    const fitting = all.filter((width) => width <= COLUMN_MAX);
    return terminal !== null && fitting.length < all.length ? COLUMN_MAX : fitting.reduce((a, b) => Math.max(a, b), 0);
  });
  if (terminal === null) return widths;
  let over = widths.reduce((sum, width) => sum + width, BETWEEN.length * (widths.length - 1)) - terminal;
  for (; over > 0; over--) {
    const [first = 0, ...others] = widths;
    const widest = Math.max(...others);
    // What identifies a row, and is copied, is broken last.
    const at = widest > COLUMN_MIN ? widths.lastIndexOf(widest) : 0;
    if (at === 0 && first <= COLUMN_MIN) break;
    widths[at]!--;
  }
  return widths;
}

const padded = (cell: string, width: number) => cell + ' '.repeat(Math.max(0, width - columnsOf(cell)));
const joined = (cells: Row, widths: readonly number[]) =>
  cells.map((cell, at) => padded(cell, widths[at]!)).join(BETWEEN);

function lineOf(row: Row, widths: readonly number[]): string {
  const head = joined(row.slice(0, -1), widths);
  const last = row.at(-1)!;
  const line = `${head}${BETWEEN}${last}`;
  return `${(columnsOf(line) <= LINE_COLUMNS ? line : `${head.trimEnd()}\n${BELOW}${last}`).trimEnd()}\n`;
}

function brokenRow(row: Row, widths: readonly number[], terminal: number): string {
  const cells = row.slice(0, -1).map((cell, at) => piecesOf(cell, widths[at]!));
  const [first = '', ...more] = Array.from({ length: Math.max(...cells.map(({ length }) => length)) }, (_, line) =>
    joined(
      cells.map((pieces) => pieces[line] ?? ''),
      widths,
    ),
  );
  const last = row.at(-1)!;
  const beside = `${first}${BETWEEN}${last}`;
  const isBeside = columnsOf(beside) <= terminal;
  const below = isBeside || last === '' ? [] : piecesOf(last, terminal - BELOW.length).map((one) => `${BELOW}${one}`);
  return [isBeside ? beside : first, ...more, ...below].map((line) => `${line.trimEnd()}\n`).join('');
}
