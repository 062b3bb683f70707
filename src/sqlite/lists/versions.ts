/**
 * Versions of lists. An entry names the version that last changed it; earlier forms and deleted entries are kept beside
 * the entries (`kept-versions.ts`), so that a list can be rolled back.
 */
import { createReadStream, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeAtomically } from '../../core/atomic-file.js';
import { AppError } from '../../core/errors.js';
import { makeFolder } from '../../core/make-folder.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { systemWords } from '../../core/system-words.js';
import { type EntryRow, toEntry } from '../../store/lists/entry-row.js';
import { openHeldRows, sealHeldRows } from '../../store/lists/held-rows.js';
import { toVersionInfo, type VersionRow, versionFacts } from '../../store/lists/kept-versions.js';
import type { ListRow } from '../../store/lists/list-row.js';
import type { ImportMode, ImportReport, VersionInfo } from '../../store/lists-contract.js';
import { openStream, sealStream } from '../../vault/sealed-stream.js';
import type { Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { prepared } from '../statements.js';
import { damaged, requireTotals, sound, sumSql, wholeTable } from '../sums.js';
import type { PastRow } from './checksum.js';
import { ENTRY, LIST_VERSION, metaOf, PAST_ENTRY } from './database.js';
import { oldestKept } from './kept-versions.js';

const ROWS_PER_BATCH = 10_000;

/** Condition of a damaged row of `entry`. */
const IS_DAMAGED = `sum IS NOT ${sumSql(ENTRY)}`;
const KEEP_PAST = `INSERT INTO past_entry
    (list_id, algorithm, value, entry_id, attributes, notes, since, until, entry_key, is_damaged)
  SELECT list_id, algorithm, value, entry_id, attributes, notes, since, ?, id, ${IS_DAMAGED} FROM entry
  WHERE (disabled = 0 OR ${IS_DAMAGED}) AND id = ?`;

/**
 * Keep the earlier form of an entry before a change or deletion. A disabled one is not kept: no version brings it back. A damaged row
 * gets a new sum, and a mark in its place.
 */
export function keepPast(db: Sqlite, until: number, id: number): void {
  prepared<[number, number]>(db, KEEP_PAST).run(until, id);
}

export function noteVersion(
  db: Sqlite,
  listId: number,
  report: ImportReport,
  { origin, checksum, isHeld, mode }: { origin: string | null; checksum: string; isHeld: boolean; mode: ImportMode },
): void {
  db.prepare(
    `INSERT OR REPLACE INTO list_version (list_id, version, is_held, imported_at, origin, facts, checksum)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  ).run(listId, report.version, isHeld ? 1 : 0, new Date().toISOString(), origin, versionFacts(report, mode), checksum);
}

export function versionsOf(db: Sqlite, list: ListRow): VersionInfo[] {
  return wholeTable<VersionRow>(db, LIST_VERSION)
    .filter(({ list_id }) => list_id === list.id)
    .sort((a, b) => b.version - a.version)
    .map((row) => toVersionInfo(list, row));
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

export const heldPath = (dataDir: string, listId: number) => join(dataDir, HELD_FOLDER, `${listId}.sealed`);

/** Write the rows of a version that is held, sealed. `count`: of the rows that were read. Errors STORE_FAILED: they are not the same. */
export function writeHeld(
  vault: Vault,
  dataDir: string,
  listId: number,
  read: { readonly rows: AsyncIterable<ParsedRow>; readonly count: number },
): Promise<void> {
  return putHeld(dataDir, listId, sealHeldRows(vault, read));
}

async function putHeld(dataDir: string, listId: number, sealed: AsyncIterable<Buffer>): Promise<void> {
  const path = heldPath(dataDir, listId);
  makeFolder(dirname(path));
  await writeAtomically(path, sealed);
}

/** Reseal the held versions by the current data key. Errors FILE_UNREADABLE, SEALED_DAMAGED. */
export async function resealHeld(db: Sqlite, vault: Vault, dataDir: string): Promise<void> {
  const versions = wholeTable<VersionRow>(db, LIST_VERSION).filter(({ is_held }) => is_held === 1);
  for (const listId of new Set(versions.map(({ list_id }) => list_id))) {
    await putHeld(dataDir, listId, sealStream(vault, openStream(vault, readHeld(dataDir, listId))));
  }
}

/** Errors FILE_UNREADABLE. */
async function* readHeld(dataDir: string, listId: number): AsyncGenerator<Buffer> {
  const path = heldPath(dataDir, listId);
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', { path, why: systemWords(error) }, error);
  }
}

/** Errors FILE_UNREADABLE, SEALED_DAMAGED. */
export const heldRows = (vault: Vault, dataDir: string, listId: number): AsyncGenerator<ParsedRow> =>
  openHeldRows(vault, readHeld(dataDir, listId));

/** A version that is held has the number after the list's own. */
export function renumberHeld(db: Sqlite, listId: number, version: number): void {
  db.prepare('UPDATE list_version SET version = ? WHERE list_id = ? AND is_held = 1').run(version, listId);
}

export function forgetHeld(db: Sqlite, dataDir: string, listId: number): boolean {
  const { changes } = db.prepare('DELETE FROM list_version WHERE list_id = ? AND is_held = 1').run(listId);
  rmSync(heldPath(dataDir, listId), { force: true });
  return changes > 0;
}
