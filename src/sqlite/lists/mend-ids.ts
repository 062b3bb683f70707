/**
 * Ids that earlier versions made up, mended once: by line (`line-1`), so that values of several imports shared one; and as a
 * digest without a key, which confirms a guessed value. Ids that lists gave, and those of one value alone, stay. So do damaged
 * rows: a new sum would hide the damage.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { AuditEvent, AuditStore } from '../../store/audit-contract.js';
import { VALUE_NAME_BYTES, type Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { type SummedTable, sumSql } from '../sums.js';
import { type HeldRow, sumOfEntry } from './checksum.js';
import { ENTRY, metaOf, PAST_ENTRY } from './database.js';
import { recountList } from './entry-table.js';
import { raiseGeneration } from './generations.js';
import { noteEntryKey } from './list-rows.js';

/** Names of one id in one list. */
const IS_SHARED = '(list_id, entry_id) IN (SELECT list_id, entry_id FROM temp.shared_id)';
/**
 * Marked entries of one id that were not one row of a file: a row has each algorithm once, and its entries begin in one version.
 * Which of them a person meant is unknown.
 */
const isAmbiguous = (mark: string) =>
  `SELECT list_id, entry_id FROM entry WHERE ${mark} = 1 AND ${IS_SHARED} GROUP BY list_id, entry_id
   HAVING count(*) > 1 AND (count(DISTINCT since) > 1 OR count(DISTINCT algorithm) < count(*))`;

/** Marks of entries of one list that are cleared. */
interface ClearedMarks {
  readonly list: string;
  readonly mark: 'disabled' | 'quarantined';
  readonly count: number;
}
export type OnCleared = (marks: ClearedMarks) => void;

/**
 * Mend the ids of a store from before the migration. Once. `onCleared` is called with the marks that are gone; they are in the
 * audit log, before and after, like each other change. Errors STORE_FAILED.
 */
export async function mendIds(db: Sqlite, vault: Vault, audit: AuditStore, onCleared: OnCleared): Promise<void> {
  if (!guarded(() => isOld(db))) return;
  const ends: (() => Promise<unknown>)[] = [];
  const cleared = guarded(() => marksToClear(db));
  for (const { list, mark, count } of cleared) {
    const action = mark === 'disabled' ? 'entries.enable' : 'entries.release';
    const event = (outcome: 'begun' | 'done', begun: number | null): AuditEvent => ({
      ...{ at: new Date().toISOString(), actor: 'zeef', action, tenant: null, target: list },
      ...{ details: { count, why: 'several entries had one id' }, outcome, ends: begun },
    });
    const { seq } = await audit.append(event('begun', null));
    ends.push(() => audit.append(event('done', seq)));
  }
  mend(db, vault);
  for (const end of ends) await end();
  for (const marks of cleared) onCleared(marks);
}

const isOld = (db: Sqlite) => metaOf(db, 'ids_by_line') === 1;

function mend(db: Sqlite, vault: Vault): void {
  db.function('zeef_made_id', (algorithm, value) => madeId(vault, Number(algorithm), value as Buffer));
  db.function('zeef_plain_id', (algorithm, value) => plainId(vault, Number(algorithm), value as Buffer));
  guarded(() =>
    db
      .transaction(() => {
        // Another process may have mended them meanwhile.
        if (!isOld(db)) return;
        findShared(db);
        clearAmbiguousMarks(db);
        const changed = new Set<number>();
        for (const table of [ENTRY, PAST_ENTRY]) {
          for (const list of renew(db, table)) changed.add(list);
        }
        for (const id of changed) recountList(db, id);
        if (changed.size > 0) raiseGeneration(db);
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

/** Return the rows with a mark of which it is unknown whom it was meant for; not damaged ones. */
const ambiguousRows = (db: Sqlite, mark: ClearedMarks['mark']): HeldRow[] =>
  db
    .prepare<[], HeldRow>(`SELECT * FROM entry WHERE ${mark} = 1 AND (list_id, entry_id) IN (${isAmbiguous(mark)})`)
    .all()
    .filter((row) => sumOfEntry(row) === row.sum);

/** Return the marks that `clearAmbiguousMarks` will clear. */
function marksToClear(db: Sqlite): ClearedMarks[] {
  const nameOf = db.prepare<[number], { name: string }>('SELECT name FROM list WHERE id = ?');
  findShared(db);
  const cleared = (['disabled', 'quarantined'] as const).flatMap((mark) => {
    const counts = new Map<number, number>();
    for (const { list_id: id } of ambiguousRows(db, mark)) counts.set(id, (counts.get(id) ?? 0) + 1);
    return [...counts].map(([id, count]) => ({ list: nameOf.get(id)!.name, mark, count }));
  });
  db.exec('DROP TABLE temp.shared_id');
  return cleared;
}

/** Where it is unknown which entry a person meant, all of them match again: none is silenced by mistake. */
function clearAmbiguousMarks(db: Sqlite): void {
  const enabled = ambiguousRows(db, 'disabled');
  const release = db.prepare('UPDATE entry SET quarantined = 0, sum = ? WHERE id = ?');
  for (const row of ambiguousRows(db, 'quarantined')) release.run(sumOfEntry({ ...row, quarantined: 0 }), row.id);
  const forget = db.prepare(
    `DELETE FROM disabled_entry WHERE (list_id, algorithm, value) IN (SELECT list_id, algorithm, value FROM entry WHERE id = ?)`,
  );
  // Enabled under a new key: readers see an addition.
  const renumber = db.prepare('UPDATE entry SET disabled = 0, quarantined = 0, id = ?, sum = ? WHERE id = ?');
  let last = metaOf(db, 'last_entry_key');
  for (const row of enabled) {
    last++;
    forget.run(row.id);
    renumber.run(last, sumOfEntry({ ...row, id: last, disabled: 0, quarantined: 0 }), row.id);
  }
  noteEntryKey(db, last);
  db.prepare(`UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'entry'`).run(last);
}

/** Result: the lists with changed entries. */
function renew(db: Sqlite, table: SummedTable): number[] {
  const isOldDigest = `(entry_id GLOB '${'[0-9a-f]'.repeat(16)}' AND entry_id = zeef_plain_id(algorithm, value))`;
  const where = `(${IS_SHARED} OR ${isOldDigest}) AND sum IS ${sumSql(table)}`;
  const { name } = table;
  const rows = db.prepare<[], { id: number; list_id: number }>(`SELECT id, list_id FROM ${name} WHERE ${where}`).all();
  // The value may be there under the id that is made of it.
  const rename = db.prepare(`UPDATE OR IGNORE ${name} SET entry_id = zeef_made_id(algorithm, value) WHERE id = ?`);
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
