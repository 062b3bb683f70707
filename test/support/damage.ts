/** Damage on a disk, made on purpose: single flipped bits or cells, and what a reader then sees. */
import { closeSync, cpSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '../../bench/temp-folder.js';
import { AppError } from '../../src/core/errors.js';
import { Database, type Sqlite } from '../../src/core/sqlite-binding.js';
import type { SummedTable } from '../../src/sqlite/sums.js';
import { seeded } from './random.js';

/** The facts that decide, by name; each is read on its own, so that one damaged fact does not hide the others. */
export type Facts = Readonly<Record<string, unknown>>;

export interface Seen {
  readonly facts: Facts;
  /** Damaged rows that were reported and left out. */
  readonly reported: number;
}

/** Read facts one by one. A refusal with a code is a fact of its own; any other error is a fault of the reader. */
export async function readFacts(readers: Readonly<Record<string, () => Promise<unknown>>>): Promise<Facts> {
  const facts: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(readers)) facts[name] = await orRefused(read);
  return facts;
}

const REFUSED = 'refused: ';

async function orRefused(read: () => Promise<unknown>): Promise<unknown> {
  try {
    // As text, so that only values are compared.
    return JSON.stringify(await read());
  } catch (error) {
    if (error instanceof AppError) return `${REFUSED}${error.code}`;
    return `crash: ${(error as Error).stack}`;
  }
}

export const isRefused = (fact: unknown) => String(fact).startsWith(REFUSED);

/** How a fact may differ: it may lose rows where some were reported, or always, since a row that is missing is made again. */
export type May = 'lose reported rows' | 'lose rows' | 'be refused';

/** Names of facts that differ in another way than they may. */
export function silentlyOther(before: Facts, { facts, reported }: Seen, may: (name: string) => May): string[] {
  return Object.keys(before).filter((name) => {
    const [was, is] = [before[name], facts[name]];
    if (was === is || isRefused(is)) return false;
    const mayLose = may(name) === 'lose rows' || (may(name) === 'lose reported rows' && reported > 0);
    return !(mayLose && isPartOf(is, was));
  });
}

/** Return whether every row of a JSON array is in another one. */
function isPartOf(some: unknown, all: unknown): boolean {
  if (typeof some !== 'string' || some.startsWith('crash')) return false;
  if (some === 'null') return true;
  if (!some.startsWith('[')) return false;
  const rows = (text: string) => (JSON.parse(text) as unknown[]).map((row) => JSON.stringify(row));
  const whole = new Set(rows(String(all)));
  return rows(some).every((row) => whole.has(row));
}

export interface Flip {
  readonly at: number;
  readonly bit: number;
}

/** Seeded single bits in bytes that are not zero. */
export function flipsOf(path: string, count: number, seed: number): Flip[] {
  const bytes = readFileSync(path);
  const full = [...bytes.keys()].filter((at) => bytes[at] !== 0);
  const random = seeded(seed);
  return Array.from({ length: count }, () => ({
    at: full[Math.floor(random() * full.length)]!,
    bit: Math.floor(random() * 8),
  }));
}

export function flip(path: string, { at, bit }: Flip): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0] = byte[0]! ^ (1 << bit);
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

/** Flip one bit at a time in a copy of a folder; return the flips after which `read` saw other facts, with their names. */
export async function tryFlips(
  folder: string,
  file: string,
  flips: readonly Flip[],
  read: (copy: string) => Promise<Seen>,
  may: (name: string) => May,
): Promise<{ readonly wrong: string[]; readonly noticed: number }> {
  const copy = tempFolder('flipped');
  const restore = () => {
    for (const name of readdirSync(copy)) rmSync(join(copy, name), { recursive: true });
    cpSync(folder, copy, { recursive: true });
  };
  restore();
  const { facts: before } = await read(copy);
  const wrong: string[] = [];
  let noticed = 0;
  for (const one of flips) {
    restore();
    flip(join(copy, file), one);
    const seen = await read(copy);
    const other = silentlyOther(before, seen, may);
    if (other.length > 0)
      wrong.push(
        `bit ${one.bit} of byte ${one.at}: ${other.map((name) => `${name}: ${difference(before[name], seen.facts[name])}`).join('; ')}`,
      );
    else if (seen.reported > 0 || Object.values(seen.facts).some(isRefused)) noticed++;
  }
  rmSync(copy, { recursive: true });
  return { wrong, noticed };
}

/** Characters around the first difference. */
const SHOWN = 20;

function difference(was: unknown, is: unknown): string {
  const [a, b] = [String(was), String(is)];
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const around = (text: string) => text.slice(Math.max(0, at - SHOWN), at + SHOWN);
  return b.startsWith('crash') ? b : `${around(a)} -> ${around(b)}`;
}

type Cell = null | number | string | Buffer;
type Row = Readonly<Record<string, Cell>>;

/** Return a value of the same type that differs in one place. */
function damagedCell(cell: Cell): Cell {
  if (cell === null) return '2031-01-01T00:00:00.000Z';
  if (typeof cell === 'number') return cell === 0 || cell === 1 ? 1 - cell : cell ^ 4;
  if (Buffer.isBuffer(cell)) return Buffer.from(cell.map((byte, at) => (at === cell.length - 1 ? byte ^ 1 : byte)));
  // A digit for a digit and a letter for a letter: JSON stays JSON, and a time stays a time.
  const at = Math.max(cell.search(/\d(?!.*\d)/), cell.search(/[a-z](?!.*[a-z])/));
  if (at === -1) return `${cell}x`;
  return cell.slice(0, at) + String.fromCharCode(cell.charCodeAt(at) ^ 1) + cell.slice(at + 1);
}

/** Change one cell of one row as damage does: the row keeps its sum, and its table the total. Result: the row as it is. */
export function damage(path: string, { name, columns }: SummedTable, column: string, where = 'true'): Row {
  const db = new Database(path);
  try {
    const row = db.prepare<[], Row>(`SELECT * FROM ${name} WHERE ${where} LIMIT 1`).get()!;
    keepSum(db, row.sum as number);
    const cells = columns.map((each) => row[each]!);
    const isRow = columns.map((each) => `"${each}" IS ?`).join(' AND ');
    const cell = row[column]!;
    // A column that holds nothing has another type, or the key of another row is taken.
    for (const value of [damagedCell(cell), 70_007, Buffer.of(7)]) {
      try {
        db.prepare(`UPDATE ${name} SET "${column}" = ? WHERE ${isRow}`).run(value, ...cells);
        return { ...row, [column]: value };
      } catch (error) {
        if (!String((error as { code?: string }).code).startsWith('SQLITE_CONSTRAINT')) throw error;
      }
    }
    throw new Error(`no other value for ${name}.${column}`);
  } finally {
    db.close();
  }
}

/** With this function a changed row gets the sum that it had. */
function keepSum(db: Sqlite, sum: number): void {
  db.function('zeef_sum', { deterministic: true, varargs: true }, () => sum);
  db.pragma('trusted_schema = ON');
}
