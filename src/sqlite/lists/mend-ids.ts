/**
 * Ids that earlier versions made up, mended once: by line (`line-1`), so that values of several imports shared one; and as a
 * digest without a key, which confirms a guessed value. Ids that lists gave, and those of one value alone, stay. So do damaged
 * rows: a new sum would hide the damage.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { VALUE_NAME_BYTES, type Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { type SummedTable, sumSql } from '../sums.js';
import { checksumOf, type HeldRow, sumOfEntry } from './checksum.js';
import { ENTRY, metaOf, PAST_ENTRY } from './database.js';
import { finishChange } from './write-entries.js';

/** Names of one id in one list. */
const IS_SHARED = '(list_id, entry_id) IN (SELECT list_id, entry_id FROM temp.shared_id)';
/**
 * Marked entries of one id that were not one row of a file: a row has each algorithm once, and its entries begin in one version.
 * Which of them a person meant is unknown.
 */
const isAmbiguous = (mark: string) =>
  `SELECT list_id, entry_id FROM entry WHERE ${mark} = 1 AND ${IS_SHARED} GROUP BY list_id, entry_id
   HAVING count(*) > 1 AND (count(DISTINCT since) > 1 OR count(DISTINCT algorithm) < count(*))`;

/** Mend the ids of a store from before the migration. Once. Errors STORE_FAILED. */
export function mendIds(db: Sqlite, vault: Vault): void {
  const isOld = () => metaOf(db, 'ids_by_line') === 1;
  if (!guarded(isOld)) return;
  db.function('zeef_made_id', (algorithm, value) => madeId(vault, Number(algorithm), value as Buffer));
  db.function('zeef_plain_id', (algorithm, value) => plainId(vault, Number(algorithm), value as Buffer));
  guarded(() =>
    db
      .transaction(() => {
        // Another process may have mended them meanwhile.
        if (!isOld()) return;
        findShared(db);
        clearAmbiguousMarks(db);
        const changed = new Set<number>();
        for (const table of [ENTRY, PAST_ENTRY]) {
          for (const list of renew(db, table)) changed.add(list);
        }
        for (const id of changed) {
          db.prepare('UPDATE list SET checksum = ? WHERE id = ?').run(checksumOf(db, id), id);
          finishChange(db, id);
        }
        db.exec(`DROP TABLE temp.shared_id; UPDATE meta SET value = 0 WHERE name = 'ids_by_line'`);
      })
      .immediate(),
  );
}

/** Collect the made-up ids that several values of a list have, also in its earlier versions: a rollback brings those back. */
function findShared(db: Sqlite): void {
  const values = (table: string) =>
    `SELECT list_id, entry_id, algorithm, substr(value, 1, ${VALUE_NAME_BYTES}) FROM ${table}
     WHERE entry_id GLOB 'line-[0-9]*'`;
  db.exec(
    `CREATE TEMP TABLE shared_id (list_id INTEGER, entry_id TEXT, PRIMARY KEY (list_id, entry_id));
     INSERT INTO temp.shared_id SELECT list_id, entry_id FROM (${values('entry')} UNION ${values('past_entry')})
       GROUP BY list_id, entry_id HAVING count(*) > 1;`,
  );
}

/** Where it is unknown which entry a person meant, all of them match again: none is silenced by mistake. */
function clearAmbiguousMarks(db: Sqlite): void {
  const ambiguous = (mark: string) =>
    db
      .prepare<[], HeldRow>(`SELECT * FROM entry WHERE ${mark} = 1 AND (list_id, entry_id) IN (${isAmbiguous(mark)})`)
      .all()
      .filter((row) => sumOfEntry(row) === row.sum);
  const enabled = ambiguous('disabled');
  const release = db.prepare('UPDATE entry SET quarantined = 0, sum = ? WHERE id = ?');
  for (const row of ambiguous('quarantined')) release.run(sumOfEntry({ ...row, quarantined: 0 }), row.id);
  const forget = db.prepare(
    `DELETE FROM disabled_value WHERE (list_id, algorithm, value) IN (SELECT list_id, algorithm, value FROM entry WHERE id = ?)`,
  );
  // Enabled under a new key: readers see an addition.
  const renumber = db.prepare('UPDATE entry SET disabled = 0, quarantined = 0, id = ?, sum = ? WHERE id = ?');
  let last = metaOf(db, 'last_entry_key');
  for (const row of enabled) {
    last++;
    forget.run(row.id);
    renumber.run(last, sumOfEntry({ ...row, id: last, disabled: 0, quarantined: 0 }), row.id);
  }
  db.prepare(`UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'entry'`).run(last);
}

/** Result: the lists with changed entries. */
function renew(db: Sqlite, table: SummedTable): number[] {
  const isOldDigest = `(entry_id GLOB '${'[0-9a-f]'.repeat(16)}' AND entry_id = zeef_plain_id(algorithm, value))`;
  const where = `(${IS_SHARED} OR ${isOldDigest}) AND sum IS ${sumSql(table)}`;
  const { name } = table;
  const rows = db.prepare<[], { id: number; list_id: number }>(`SELECT id, list_id FROM ${name} WHERE ${where}`).all();
  const rename = db.prepare(`UPDATE ${name} SET entry_id = zeef_made_id(algorithm, value) WHERE id = ?`);
  const sumAgain = db.prepare(`UPDATE entry SET sum = ${sumSql(ENTRY)} WHERE id = ?`);
  for (const { id } of rows) {
    rename.run(id);
    // The sum of a past entry is a generated column.
    if (table === ENTRY) sumAgain.run(id);
  }
  return [...new Set(rows.map(({ list_id }) => list_id))];
}

function madeId(vault: Vault, algorithm: number, sealed: Buffer): string {
  try {
    return vault.madeUpId(algorithm, vault.open(algorithm, sealed));
  } catch {
    // A damaged value: it matches nothing, but must not share an id either.
    return `made-${randomBytes(12).toString('hex')}`;
  }
}

/** Return the id that earlier versions made of a value. */
function plainId(vault: Vault, algorithm: number, sealed: Buffer): string | null {
  try {
    const value = vault.open(algorithm, sealed).toString('hex');
    return createHash('sha256').update(value).digest('hex').slice(0, 16);
  } catch {
    return null;
  }
}
