/** Moves the embedded store of a data folder into an empty PostgreSQL database, or back, and compares the two at the end. */
import { AppError } from '../core/errors.js';
import {
  type Begun,
  COMPARED_TABLES,
  type ComparedTable,
  MOVED_TABLES,
  type MovedRow,
  type MovedTable,
  type MoveSource,
  type MoveTarget,
  type TableSum,
} from '../store/move-contract.js';
import { masterKeyOf, type StorePlace } from './open-stores.js';

/** Rows of one transaction of the target, and characters and bytes of them, unless one row has more. */
const ROWS_PER_BATCH = 2_000;
const SIZE_PER_BATCH = 8_388_608;

export interface MoveProgress {
  readonly table: string;
  readonly rows: number;
  readonly of: number;
}

interface MoveOptions {
  /** The data folder, and the master key; a database of its own is not looked at. */
  readonly place: StorePlace;
  /** URL of the database. */
  readonly url: string;
  /** Into the database, or out of it into the data folder. */
  readonly direction: 'to' | 'from';
  readonly actor: string;
  readonly onProgress: (progress: MoveProgress) => void;
  readonly isStopping: () => boolean;
}

interface Moved {
  /** False: it was asked to stop; the next run resumes. */
  readonly isDone: boolean;
  readonly begun: Begun['how'];
  /** Tables that are equal on both sides, with their rows. */
  readonly compared: readonly { readonly table: ComparedTable; readonly rows: number }[];
}

/**
 * Move the store. No other process may use the source, which is not changed but for its mark; in a database, open links are folded first.
 * The target is used by no process until the end.
 * Errors  those of the functions that open them. STORE_NOT_EMPTY: the target holds anything but a part of this move, or all
 * of it. STORE_DIFFERS: it is not equal at the end, and stays unfinished. STORE_MOVED: the source is marked, by another move. STORE_IN_USE.
 */
export async function moveStore(options: MoveOptions): Promise<Moved> {
  const { openSource, openTarget } = await openers(options);
  const target = await openTarget();
  try {
    options.onProgress({ table: 'verifying the source', rows: 0, of: 0 });
    const source = await openSource();
    try {
      return await move(source, target, options);
    } finally {
      await source.close();
    }
  } finally {
    await target.close();
  }
}

async function openers({ place, url, direction }: MoveOptions) {
  const master = masterKeyOf(place);
  const { dataDir } = place;
  if (direction === 'to') {
    const { openPostgresMove } = await import('../postgres/move/target.js');
    const { openSqliteMove } = await import('../sqlite/move/source.js');
    return { openSource: () => openSqliteMove(dataDir, master), openTarget: () => openPostgresMove(url, master) };
  }
  const { openPostgresSource } = await import('../postgres/move/source.js');
  const { openSqliteTarget } = await import('../sqlite/move/target.js');
  return { openSource: () => openPostgresSource(url, master), openTarget: () => openSqliteTarget(dataDir, master) };
}

async function move(source: MoveSource, target: MoveTarget, options: MoveOptions): Promise<Moved> {
  const { facts, mark } = source;
  // A second target would be a second store with the same lists and cases.
  if (mark !== null && (await target.token()) !== mark.token) throw source.moved(mark);
  const { how: begun, token } = await target.begin(facts);
  const retire = async () => source.setMark({ token, ...(await target.place()), at: new Date().toISOString() });
  if (begun === 'ended') {
    if (mark === null) await retire();
    return { isDone: true, begun, compared: [] };
  }
  for (const table of MOVED_TABLES)
    if (!(await moveTable(source, target, table, options))) return { isDone: false, begun, compared: [] };
  await target.derive(facts);
  const compared: { table: ComparedTable; rows: number }[] = [];
  const different: string[] = [];
  for (const table of COMPARED_TABLES) {
    if (options.isStopping()) return { isDone: false, begun, compared: [] };
    options.onProgress({ table: `comparing ${table}`, rows: 0, of: 0 });
    const [here, there] = await sumsOf(table, source, target);
    if (here.rows !== there.rows || here.sum !== there.sum) different.push(table);
    compared.push({ table, rows: here.rows });
  }
  options.onProgress({ table: 'verifying the target', rows: 0, of: 0 });
  const problems = await target.problems(facts);
  if (different.length > 0 || problems.length > 0) {
    const action = `the target stays unfinished: begin again with an empty ${options.direction === 'to' ? 'database' : 'data folder'}`;
    throw new AppError('STORE_DIFFERS', { tables: different.join(', '), problem: problems[0] ?? '', action });
  }
  // First the source: at no moment are both of them open to processes, wherever this one is killed.
  await retire();
  await target.finish(movedEvent(source, options.actor));
  return { isDone: true, begun, compared };
}

/**
 * Sum up a table on both sides, and wait for both: a side that is closed while it is read fails for that, and hides why.
 * Errors: those of the source before those of the target.
 */
async function sumsOf(
  table: ComparedTable,
  source: MoveSource,
  target: MoveTarget,
): Promise<readonly [here: TableSum, there: TableSum]> {
  const [here, there] = await Promise.allSettled([source.sum(table), target.sum(table)]);
  if (here.status === 'rejected') throw here.reason;
  if (there.status === 'rejected') throw there.reason;
  return [here.value, there.value];
}

/** The chains that the source had, where the target's log names them for good. */
function movedEvent({ kind, facts }: MoveSource, actor: string) {
  const { audit, ledger, generation } = facts;
  const { groupSeq, groupHash, eventSeq, eventHash } = ledger.head;
  const details = { from: kind, generation, audit: `${audit.seq}:${audit.hash}` };
  return {
    at: new Date().toISOString(),
    actor,
    action: 'store.move',
    tenant: null,
    target: null,
    details: { ...details, counts: `${groupSeq}:${groupHash}`, events: `${eventSeq}:${eventHash}` },
  } as const;
}

/** Result: false if it was asked to stop. */
async function moveTable(
  source: MoveSource,
  target: MoveTarget,
  table: MovedTable,
  { onProgress, isStopping }: MoveOptions,
): Promise<boolean> {
  const of = await source.count(table);
  let done = await target.count(table);
  let waiting: MovedRow[] = [];
  let size = 0;
  const put = async () => {
    if (waiting.length > 0) await target.put(table, done, waiting);
    done += waiting.length;
    waiting = [];
    size = 0;
    onProgress({ table, rows: done, of });
  };
  for await (const row of source.rows(table, done)) {
    const rowSize = sizeOf(row);
    if (waiting.length >= ROWS_PER_BATCH || size + rowSize > SIZE_PER_BATCH) {
      await put();
      if (isStopping()) return false;
    }
    waiting.push(row);
    size += rowSize;
  }
  await put();
  return !isStopping();
}

const sizeOf = (row: MovedRow): number =>
  Object.values(row).reduce<number>(
    (sum, cell) => sum + (typeof cell === 'string' || cell instanceof Uint8Array ? cell.length : 0),
    0,
  );
