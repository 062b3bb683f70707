/** Writes to a list's entries. All run inside the caller's transaction. */
import type { ParsedRow } from '../../core/parsed-row.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { isChange, MARKS } from '../../store/lists/entry-row.js';
import { ImportWriter } from '../../store/lists/import-writer.js';
import { toInfo } from '../../store/lists/list-row.js';
import { sealRows } from '../../store/lists/seal-rows.js';
import type {
  Draft,
  EntryChange,
  EntryFilter,
  ImportMode,
  ImportReport,
  WriteOptions,
} from '../../store/lists-contract.js';
import type { Vault } from '../../vault/vault.js';
import { sound } from '../sums.js';
import type { HeldRow } from './checksum.js';
import { ENTRY } from './database.js';
import { dropEntryIndexes, makeEntryIndexes } from './entry-indexes.js';
import { IndexLookup, MemoryLookup } from './entry-lookup.js';
import { SqlitePlace } from './entry-place.js';
import { countOf, EntryTable, partsOf } from './entry-table.js';
import { raiseGeneration } from './generations.js';
import { forgetOldVersions } from './kept-versions.js';
import { KnownGood } from './known-good.js';
import { rowOf } from './list-rows.js';

/** Removals kept for lagging readers, which otherwise reload everything: a few minutes of the largest changes. */
const REMOVALS_KEPT_MAX = 4_000_000;

/** An import of fewer rows finds them by the indexes of the table. */
const MANY_ROWS = 2_048;
/** Rows of the list for each row of the import, at most: all of them are read into memory. */
const LIST_ROWS_PER_ROW_MAX = 4;
/** Rows of the list and of the import: 240 megabytes. */
const ROWS_IN_MEMORY_MAX = 4_000_000;

const isManyRows = (expected: number, held: number) =>
  expected >= MANY_ROWS && held <= expected * LIST_ROWS_PER_ROW_MAX && held + expected <= ROWS_IN_MEMORY_MAX;

/**
 * Page cache of an import. Values arrive in random order: found by the indexes, half of it costs a third of the time, and more
 * saves none. Found in memory, rows are read and written nearly in their order.
 */
const CACHE_KIB = { few: 98_304, many: 16_384 };

/** The state of an import in its transaction. */
interface Written {
  readonly report: ImportReport;
  readonly draft: Draft;
  readonly listId: number;
  readonly checksum: string;
}

/** Write rows: `replace` keeps only these rows, `add` keeps the entries that they do not name. `expectedRows`: about how many. */
export async function writeRows(
  db: Sqlite,
  vault: Vault,
  name: string,
  rows: AsyncIterable<ParsedRow>,
  {
    mode,
    expectedRows,
    restores,
  }: { readonly mode: ImportMode } & Required<Pick<WriteOptions, 'expectedRows' | 'restores'>>,
): Promise<Written> {
  const before = rowOf(db, name);
  const { id } = before;
  const version = before.version + 1;
  const table = new EntryTable(db, before, { isWhole: mode === 'replace' });
  const hadEntries = db.prepare('SELECT 1 FROM entry WHERE list_id = ? LIMIT 1').get(id) !== undefined;
  const listRows = countOf(db, partsOf(id));
  const isMany = isManyRows(expectedRows, listRows);
  db.pragma(`cache_size = -${isMany ? CACHE_KIB.many : CACHE_KIB.few}`);
  const lookup = isMany ? new MemoryLookup(db, id, Math.max(expectedRows, listRows)) : new IndexLookup(db, id);
  const knownGood = new KnownGood(db, id);
  const place = new SqlitePlace(db, { listId: id, version, mode, restores }, { table, lookup, hadEntries, knownGood });
  const writer = new ImportWriter(place, vault, { version, mode });
  // Known-good digests are found by an index.
  const isBulk = isMany && !hadEntries && expectedRows >= countOf(db) && !knownGood.isUsed;
  if (isBulk) dropEntryIndexes(db);
  const { counts } = writer;
  for await (const batch of sealRows(vault, rows)) await writer.write(batch);
  if (isBulk) makeEntryIndexes(db);
  await writer.finish();
  const checksum = table.finish();
  db.prepare('UPDATE list SET version = ?, imported_at = ?, rejected = ?, duplicates = ? WHERE id = ?').run(
    version,
    new Date().toISOString(),
    counts.rejected,
    counts.duplicates,
    id,
  );
  publish(db);
  forgetOldVersions(db, id, version);
  const report = counts.report(name, version);
  const draft = counts.draft(mode, {
    entriesBefore: toInfo(before).entryCount,
    entriesAfter: toInfo(rowOf(db, name)).entryCount,
    knownGood: knownGood.count,
    isNew: (position) => writer.isNew(position),
  });
  return { report, draft, listId: id, checksum };
}

function columnOf(which: EntryFilter): [string, string] {
  if ('entryId' in which) return ['entry_id', which.entryId];
  return [`json_extract(attributes, '$.source')`, which.source];
}

/** The entries that a filter names. Errors STORE_DAMAGED. */
export function entriesOf(db: Sqlite, listId: number, which: EntryFilter): HeldRow[] {
  const [column, wanted] = columnOf(which);
  return db
    .prepare<[number, string], HeldRow>(`SELECT * FROM entry WHERE list_id = ? AND ${column} = ?`)
    .all(listId, wanted)
    .map((row) => sound(ENTRY, row));
}

/** Result: entries that changed. */
export function changeEntries(db: Sqlite, name: string, which: EntryFilter, change: EntryChange): number {
  const list = rowOf(db, name);
  const table = new EntryTable(db, list, { isWhole: false });
  const rows = entriesOf(db, list.id, which).filter((row) => isChange(row, change));
  const note = db.prepare(
    'INSERT OR IGNORE INTO disabled_entry (list_id, algorithm, value, entry_id) VALUES (@list_id, @algorithm, @value, @entry_id)',
  );
  // That of an entry which is gone was for whatever comes in its place.
  const forget = db.prepare(
    `DELETE FROM disabled_entry WHERE list_id = @list_id AND algorithm = @algorithm AND value = @value
       AND (entry_id = @entry_id OR NOT EXISTS (
         SELECT 1 FROM entry AS held WHERE held.list_id = @list_id AND held.algorithm = @algorithm
           AND held.value = @value AND held.entry_id = disabled_entry.entry_id))`,
  );
  for (const row of rows) {
    const { list_id, algorithm, value, entry_id } = row;
    if (change in MARKS) table.rewrite(row, { quarantined: MARKS[change as keyof typeof MARKS] }, null);
    else if (change === 'disable') {
      table.rewrite(row, { disabled: 1 }, null);
      note.run({ list_id, algorithm, value, entry_id });
    } else {
      table.remove(row, null);
      forget.run({ list_id, algorithm, value, entry_id });
      // Enabled again under a new key: readers see an addition.
      if (change === 'enable') table.add({ ...row, disabled: 0 }, row.quarantined);
    }
  }
  if (rows.length === 0) return 0;
  table.finish();
  publish(db);
  return rows.length;
}

/** Let readers see a change of entries. */
function publish(db: Sqlite): void {
  db.prepare('DELETE FROM removal WHERE seq <= (SELECT max(seq) FROM removal) - ?').run(REMOVALS_KEPT_MAX);
  raiseGeneration(db);
}
