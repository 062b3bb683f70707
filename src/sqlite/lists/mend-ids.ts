/**
 * Ids that earlier versions made up, mended once: by line (`line-1`), so that values of several imports shared one; and as a
 * digest without a key, which confirms a guessed value. Ids that lists gave, and those of one value alone, stay.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { VALUE_NAME_BYTES, type Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { checksumOf } from './checksum.js';
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
  const isOld = () =>
    db.prepare<[], { value: number }>(`SELECT value FROM meta WHERE name = 'ids_by_line'`).get()?.value === 1;
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
        for (const table of ['entry', 'past_entry']) {
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
  const enabled = db
    .prepare<[], { id: number }>(
      `SELECT id FROM entry WHERE disabled = 1 AND (list_id, entry_id) IN (${isAmbiguous('disabled')})`,
    )
    .all();
  db.exec(
    `UPDATE entry SET quarantined = 0 WHERE quarantined = 1 AND (list_id, entry_id) IN (${isAmbiguous('quarantined')})`,
  );
  const forget = db.prepare(
    `DELETE FROM disabled_value WHERE (list_id, algorithm, value) IN (SELECT list_id, algorithm, value FROM entry WHERE id = ?)`,
  );
  // Enabled under a new key: readers see an addition.
  const renumber = db.prepare(
    `UPDATE entry SET disabled = 0, id = (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'entry') WHERE id = ?`,
  );
  const count = db.prepare(`UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'entry'`);
  for (const { id } of enabled) {
    forget.run(id);
    renumber.run(id);
    count.run();
  }
}

/** Result: the lists with changed entries. */
function renew(db: Sqlite, table: string): number[] {
  const isOldDigest = `(entry_id GLOB '${'[0-9a-f]'.repeat(16)}' AND entry_id = zeef_plain_id(algorithm, value))`;
  const where = `${IS_SHARED} OR ${isOldDigest}`;
  const lists = db.prepare<[], { list_id: number }>(`SELECT DISTINCT list_id FROM ${table} WHERE ${where}`).all();
  db.exec(`UPDATE ${table} SET entry_id = zeef_made_id(algorithm, value) WHERE ${where}`);
  return lists.map(({ list_id }) => list_id);
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
