/** Writes to a list's entries. All run inside the caller's transaction, and update checksum, counts and removals. */
import type { ParsedRow } from '../../core/parsed-row.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { ALGORITHMS, type Algorithm, DIGEST_ALGORITHMS } from '../../core/vocabulary.js';
import type { ImportMode } from '../../store/import-rules.js';
import type { Draft, EntryChange, EntryFilter, ImportReport } from '../../store/lists-contract.js';
import { VALUE_NAME_BYTES, type Vault } from '../../vault/vault.js';
import { resetTotal, sound } from '../sums.js';
import { type HeldRow, ListChecksum, sumOfEntry } from './checksum.js';
import { ENTRY } from './database.js';
import { nextEntryKey, noteEntryKeys, raiseGeneration, rowOf, toInfo } from './list-rows.js';
import { RowWriter } from './row-writer.js';
import { Tombstones } from './tombstones.js';
import { forgetOldPast, keepPast } from './versions.js';

/** Removals kept for lagging readers, which otherwise reload everything: a few minutes of the largest changes. */
const REMOVALS_KEPT_MAX = 4_000_000;

/** The state of an import in its transaction. */
interface Written {
  readonly report: ImportReport;
  readonly draft: Draft;
  readonly listId: number;
  readonly checksum: string;
}

/**
 * Write rows: `replace` keeps only these rows, `add` keeps earlier entries too. A row that the list had before keeps its key, so
 * that a daily import of the same list changes as little as the list did.
 */
export async function writeRows(
  db: Sqlite,
  vault: Vault,
  name: string,
  rows: AsyncIterable<ParsedRow>,
  mode: ImportMode,
): Promise<Written> {
  const before = rowOf(db, name);
  const { id } = before;
  const version = before.version + 1;
  const target = { listId: id, version, mode };
  const checksum = new ListChecksum(mode === 'add' ? before.checksum : '');
  const tombstones = new Tombstones(db, vault, target, checksum);
  if (mode === 'replace') tombstones.resetCarriers();
  const writer = new RowWriter(db, vault, target, { checksum, tombstones });
  for await (const row of rows) writer.write(row);
  const { counts } = writer;
  if (mode === 'replace') counts.removed = removeOtherVersions(db, id, version);
  db.prepare(
    'UPDATE list SET version = ?, imported_at = ?, rejected = ?, duplicates = ?, checksum = ? WHERE id = ?',
  ).run(version, new Date().toISOString(), counts.rejected, counts.duplicates, checksum.toHex(), id);
  finishChange(db, id);
  // Every row was written by this import, also those that were damaged before.
  if (mode === 'replace') resetTotal(db, 'entry', id, `list_id = ${id}`);
  forgetOldPast(db, id, version);
  const report = counts.report(name, version);
  const draft = counts.draft(toInfo(before).entryCount, toInfo(rowOf(db, name)).entryCount, knownGood(db, id));
  return { report, draft, listId: id, checksum: checksum.toHex() };
}

/** Remove the entries that the import of `version` did not bring. Result: their number. */
function removeOtherVersions(db: Sqlite, listId: number, version: number): number {
  const gone = 'FROM entry WHERE list_id = ? AND version <> ?';
  db.prepare(`INSERT INTO removal (entry_key, algorithm) SELECT id, algorithm ${gone} AND disabled = 0`).run(
    listId,
    version,
  );
  keepPast(db, version, 'list_id = ? AND version <> ?', [listId, version]);
  return db.prepare(`DELETE ${gone}`).run(listId, version).changes;
}

/** Count the digests of a list that a suppression list has too: equal values have equal seals. */
function knownGood(db: Sqlite, listId: number): number {
  const good = db.prepare<[number], { id: number }>(`SELECT id FROM list WHERE kind = 'suppression' AND id <> ?`);
  const name = (table: string) => `substr(${table}.value, 1, ${VALUE_NAME_BYTES})`;
  const count = db.prepare<[{ listId: number; goodId: number }], { count: number }>(
    `SELECT count(*) AS count FROM entry JOIN entry AS good
       ON good.list_id = @goodId AND good.algorithm = entry.algorithm AND ${name('good')} = ${name('entry')}
     WHERE entry.list_id = @listId AND entry.algorithm < ${DIGEST_ALGORITHMS.length}`,
  );
  return good.all(listId).reduce((sum, { id: goodId }) => sum + count.get({ listId, goodId })!.count, 0);
}

/** Return the column that selects the entries, and its value. */
function columnOf(which: EntryFilter): [string, string] {
  if ('entryId' in which) return ['entry_id', which.entryId];
  return [`json_extract(attributes, '$.source')`, which.source];
}

/** Values of `entry.quarantined`. */
export const MARKS = { release: 0, quarantine: 1, flood: 2 } as const;

/** Result: entries that changed. */
export function changeEntries(db: Sqlite, name: string, which: EntryFilter, change: EntryChange): number {
  if (change in MARKS) return setMark(db, name, which, change as keyof typeof MARKS);
  const { id, version, checksum: checksumBefore } = rowOf(db, name);
  const [column, wanted] = columnOf(which);
  const rows = db
    .prepare<[number, string], HeldRow>(`SELECT * FROM entry WHERE list_id = ? AND ${column} = ?`)
    .all(id, wanted)
    .map((row) => sound(ENTRY, row))
    .filter((row) => change === 'remove' || row.disabled === Number(change === 'enable'));
  const remember = db.prepare('INSERT INTO removal (entry_key, algorithm) VALUES (?, ?)');
  const note = db.prepare('INSERT OR IGNORE INTO disabled_value (list_id, algorithm, value) VALUES (?, ?, ?)');
  const forget = db.prepare('DELETE FROM disabled_value WHERE list_id = ? AND algorithm = ? AND value = ?');
  const checksum = new ListChecksum(checksumBefore);
  for (const row of rows) {
    if (row.disabled === 0) remember.run(row.id, row.algorithm);
    if (change === 'disable') {
      db.prepare('UPDATE entry SET disabled = 1, sum = ? WHERE id = ?').run(
        sumOfEntry({ ...row, disabled: 1 }),
        row.id,
      );
      note.run(id, row.algorithm, row.value);
      continue;
    }
    db.prepare('DELETE FROM entry WHERE id = ?').run(row.id);
    forget.run(id, row.algorithm, row.value);
    if (change === 'remove') checksum.remove(row);
    // Enabled again under a new key: readers see an addition.
    else {
      const enabled = { ...row, id: nextEntryKey(db), version, disabled: 0, quarantined: 0 };
      db.prepare(
        `INSERT INTO entry (id, list_id, algorithm, value, entry_id, attributes, version, since, sum)
         VALUES (@id, @list_id, @algorithm, @value, @entry_id, @attributes, @version, @since, @sum)`,
      ).run({ ...enabled, sum: sumOfEntry(enabled) });
    }
  }
  if (rows.length === 0) return 0;
  db.prepare('UPDATE list SET checksum = ? WHERE id = ?').run(checksum.toHex(), id);
  finishChange(db, id);
  return rows.length;
}

function setMark(db: Sqlite, name: string, which: EntryFilter, change: keyof typeof MARKS): number {
  const { id } = rowOf(db, name);
  const [column, wanted] = columnOf(which);
  const mark = MARKS[change];
  const rows = db
    .prepare<[number, string], HeldRow>(`SELECT * FROM entry WHERE list_id = ? AND ${column} = ?`)
    .all(id, wanted)
    .map((row) => sound(ENTRY, row))
    // A flood does not change what a person decided.
    .filter(({ quarantined }) => (change === 'flood' ? quarantined === MARKS.release : quarantined !== mark));
  const put = db.prepare('UPDATE entry SET quarantined = ?, sum = ? WHERE id = ?');
  for (const row of rows) put.run(mark, sumOfEntry({ ...row, quarantined: mark }), row.id);
  // Cached answers of this generation are outdated.
  if (rows.length > 0) raiseGeneration(db);
  return rows.length;
}

/** Update the counts of active entries. */
export function finishChange(db: Sqlite, id: number): void {
  noteEntryKeys(db);
  const counts = db
    .prepare<[number], { algorithm: number; entries: number }>(
      'SELECT algorithm, count(*) AS entries FROM entry WHERE list_id = ? AND disabled = 0 GROUP BY algorithm',
    )
    .all(id)
    .map(({ algorithm, entries }): [Algorithm, number] => [ALGORITHMS[algorithm]!, entries]);
  db.prepare('UPDATE list SET counts = ? WHERE id = ?').run(JSON.stringify(Object.fromEntries(counts)), id);
  db.prepare('DELETE FROM removal WHERE seq <= (SELECT max(seq) FROM removal) - ?').run(REMOVALS_KEPT_MAX);
  raiseGeneration(db);
}
