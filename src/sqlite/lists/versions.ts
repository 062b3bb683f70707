/**
 * Versions of lists. An entry names the version that last changed it; earlier forms and deleted entries are kept beside
 * the entries (`kept-versions.ts`), so that a list can be rolled back.
 */
import { createReadStream, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { writeAtomically } from '../../core/atomic-file.js';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { type EntryRow, toEntry } from '../../store/lists/entry-row.js';
import type { ListRow } from '../../store/lists/list-row.js';
import type { HoldReason, ImportMode, ImportReport, VersionInfo } from '../../store/lists-contract.js';
import { openStream, sealStream } from '../../vault/sealed-stream.js';
import type { Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { damaged, requireTotals, sound, sumSql, wholeTable } from '../sums.js';
import type { PastRow } from './checksum.js';
import { ENTRY, LIST_VERSION, metaOf, PAST_ENTRY } from './database.js';
import { KEPT_BY_SIZE, oldestKept } from './kept-versions.js';

const ROWS_PER_BATCH = 10_000;
/** Characters of held rows that are written at once. */
const LINES_CHARS = 65_536;

type Facts = Pick<
  ImportReport,
  'accepted' | 'duplicates' | 'rejected' | 'rejectedByReason' | 'added' | 'removed' | 'updated'
> & {
  readonly held: readonly HoldReason[];
  readonly mode: ImportMode;
};

/** Earlier versions have fewer facts: no entry was updated, and those that were held were whole lists. */
function factsOf(text: string): Facts {
  const { [KEPT_BY_SIZE]: _, ...facts } = JSON.parse(text) as Omit<Facts, 'updated' | 'mode'> & { keptBySize?: number };
  return { updated: 0, mode: 'replace', ...facts };
}

interface VersionRow {
  readonly list_id: number;
  readonly version: number;
  readonly is_held: number;
  readonly imported_at: string;
  readonly origin: string | null;
  readonly facts: string;
  readonly checksum: string;
}

/** Condition of a damaged row of `entry`. */
const IS_DAMAGED = `sum IS NOT ${sumSql(ENTRY)}`;

/**
 * Keep the earlier form of entries before a change or deletion. `where`: condition on the table `entry`, with its values.
 * Disabled entries are not kept: no version brings them back. A damaged row gets a new sum, and a mark in its place.
 */
export function keepPast(
  db: Sqlite,
  until: number,
  where: string,
  values: readonly (number | string | Buffer)[],
): void {
  db.prepare(
    `INSERT INTO past_entry (list_id, algorithm, value, entry_id, attributes, notes, since, until, entry_key, is_damaged)
     SELECT list_id, algorithm, value, entry_id, attributes, notes, since, ?, id, ${IS_DAMAGED} FROM entry
     WHERE (disabled = 0 OR ${IS_DAMAGED}) AND ${where}`,
  ).run(until, ...values);
}

export function noteVersion(
  db: Sqlite,
  listId: number,
  report: ImportReport,
  { origin, checksum, isHeld, mode }: { origin: string | null; checksum: string; isHeld: boolean; mode: ImportMode },
): void {
  const { version, accepted, duplicates, rejected, rejectedByReason, added, removed, updated, held } = report;
  const facts: Facts = { accepted, duplicates, rejected, rejectedByReason, added, removed, updated, held, mode };
  db.prepare(
    `INSERT OR REPLACE INTO list_version (list_id, version, is_held, imported_at, origin, facts, checksum)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    listId,
    version,
    isHeld ? 1 : 0,
    new Date().toISOString(),
    origin,
    JSON.stringify({ ...facts, [KEPT_BY_SIZE]: 1 }),
    checksum,
  );
}

export function versionsOf(db: Sqlite, list: ListRow): VersionInfo[] {
  return wholeTable<VersionRow>(db, LIST_VERSION)
    .filter(({ list_id }) => list_id === list.id)
    .sort((a, b) => b.version - a.version)
    .map(({ version, is_held, imported_at, origin, facts, checksum }) => ({
      list: list.name,
      version,
      state: is_held === 1 ? 'held' : version === list.version ? 'active' : 'past',
      importedAt: imported_at,
      origin,
      ...factsOf(facts),
      checksum,
    }));
}

/** Errors NOT_FOUND: the version never existed, or is no longer kept. */
export async function* pastRows(db: Sqlite, vault: Vault, list: ListRow, version: number): AsyncGenerator<ParsedRow> {
  const oldest = guarded(() => oldestKept(db, list.id, list.version));
  if (version < oldest || version > list.version) {
    throw new AppError('NOT_FOUND', { list: list.name, version, oldestKept: oldest });
  }
  const begun = guarded(() => stateOf(db));
  let read = 0;
  let line = 0;
  for (const table of [ENTRY, PAST_ENTRY]) {
    // Every row is read and checked: a damaged column could take a row out of a condition.
    const next = db.prepare<[number, number], PastRow>(`SELECT * FROM ${table.name} WHERE id > ? ORDER BY id LIMIT ?`);
    for (let after = 0; ; ) {
      const rows = guarded(() => next.all(after, ROWS_PER_BATCH));
      if (rows.length === 0) break;
      after = rows.at(-1)!.id;
      read += rows.length;
      for (const row of rows) {
        const { id, list_id, since, until = Infinity, is_damaged = 0 } = sound(table, row);
        if (list_id !== list.id || since > version || until <= version) continue;
        if (is_damaged === 1) throw damaged(table, id);
        yield toParsedRow(vault, { ...row, name: list.name }, ++line);
      }
      await new Promise(setImmediate);
    }
  }
  const ended = guarded(() => stateOf(db));
  // A search by key can miss rows that a walk over the pages finds.
  if (ended.generation === begun.generation && read !== begun.rows) throw damaged(ENTRY, 'a row is lost or doubled');
}

/** Compare the tables with their totals. Result: the rows of both. Errors STORE_DAMAGED. */
function stateOf(db: Sqlite): { readonly generation: number; readonly rows: number } {
  return db.transaction(() => ({
    generation: metaOf(db, 'generation'),
    rows: requireTotals(db, ENTRY) + requireTotals(db, PAST_ENTRY),
  }))();
}

function toParsedRow(vault: Vault, row: EntryRow, line: number): ParsedRow {
  const { list: _, ...entry } = toEntry(vault, row);
  return { ok: true, line, entry };
}

/** In the data folder: the held versions, sealed. */
export const HELD_FOLDER = 'held';

const ID_BY_LINE = /^line-\d+$/;

const heldPath = (dataDir: string, listId: number) => join(dataDir, HELD_FOLDER, `${listId}.sealed`);

async function* linesOf(rows: AsyncIterable<ParsedRow>): AsyncGenerator<Buffer> {
  let lines = '';
  for await (const row of rows) {
    lines += `${JSON.stringify(row)}\n`;
    if (lines.length < LINES_CHARS) continue;
    yield Buffer.from(lines);
    lines = '';
  }
  yield Buffer.from(lines);
}

/** Write the rows of a version that is held, sealed. `count`: of the rows that were read. Errors STORE_FAILED: they are not the same. */
export async function writeHeld(
  vault: Vault,
  dataDir: string,
  listId: number,
  { rows, count }: { readonly rows: AsyncIterable<ParsedRow>; readonly count: number },
): Promise<void> {
  let written = 0;
  const counted = async function* () {
    for await (const row of rows) {
      written++;
      yield row;
    }
  };
  await putHeld(dataDir, listId, sealStream(vault, linesOf(counted())));
  if (written !== count) throw new AppError('STORE_FAILED', { why: 'the rows cannot be read again', written, count });
}

async function putHeld(dataDir: string, listId: number, sealed: AsyncIterable<Buffer>): Promise<void> {
  const path = heldPath(dataDir, listId);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeAtomically(path, sealed);
}

/** Reseal the held versions by the current data key. Errors FILE_UNREADABLE, SEALED_DAMAGED. */
export async function resealHeld(db: Sqlite, vault: Vault, dataDir: string): Promise<void> {
  const versions = wholeTable<VersionRow>(db, LIST_VERSION).filter(({ is_held }) => is_held === 1);
  for (const listId of new Set(versions.map(({ list_id }) => list_id))) {
    await putHeld(dataDir, listId, sealStream(vault, openHeld(vault, dataDir, listId)));
  }
}

/** Errors FILE_UNREADABLE, SEALED_DAMAGED. */
async function* openHeld(vault: Vault, dataDir: string, listId: number): AsyncGenerator<Buffer> {
  const path = heldPath(dataDir, listId);
  try {
    yield* openStream(vault, createReadStream(path) as AsyncIterable<Buffer>);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('FILE_UNREADABLE', { path, why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
}

/** Errors FILE_UNREADABLE, SEALED_DAMAGED. */
export async function* heldRows(vault: Vault, dataDir: string, listId: number): AsyncGenerator<ParsedRow> {
  for await (const line of createInterface({ input: Readable.from(openHeld(vault, dataDir, listId)) })) {
    const row = JSON.parse(line) as ParsedRow;
    // Held by a version that made ids up by line: the store makes another.
    if (row.ok && ID_BY_LINE.test(row.entry.entryId))
      yield { ok: true, line: row.line, entry: { ...row.entry, entryId: '' } };
    else yield row;
  }
}

export function forgetHeld(db: Sqlite, dataDir: string, listId: number): boolean {
  const { changes } = db.prepare('DELETE FROM list_version WHERE list_id = ? AND is_held = 1').run(listId);
  rmSync(heldPath(dataDir, listId), { force: true });
  return changes > 0;
}
