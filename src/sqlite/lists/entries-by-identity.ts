/**
 * The migration to entries by id and value: a value that several entries of a list carry is several rows, each with marks of
 * its own. Released: never edited.
 */
import { ROW_SUM_SPAN } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { ALGORITHMS } from '../../core/vocabulary.js';
import type { Checked } from '../../store/lists/entry-row.js';
import { ListChecksum } from '../../store/lists/list-checksum.js';
import { VALUE_NAME_BYTES } from '../../vault/vault.js';
import { addSum, SUM_OF_SUMS, sumSql } from '../sums.js';

const OLD_ENTRY = {
  name: 'entry',
  columns: 'id list_id algorithm value entry_id attributes version disabled quarantined since'.split(' '),
};
const NEW_ENTRY = {
  name: 'entry',
  columns: 'id list_id algorithm value entry_id attributes notes disabled quarantined since'.split(' '),
};
const OLD_PAST = {
  name: 'past_entry',
  columns: 'id list_id algorithm value entry_id attributes since until entry_key is_damaged'.split(' '),
};

export function entriesByIdentity(db: Sqlite): void {
  rebuildEntries(db);
  addCarriers(db);
  db.exec(
    `CREATE INDEX marked_entry ON entry (list_id) WHERE quarantined <> 0;
     CREATE INDEX entry_of_list ON entry (list_id, entry_id);`,
  );
  // Values that are not sealed yet have no names; the index is made when they are sealed.
  const isPlain = db.prepare<[], number>(`SELECT value FROM meta WHERE name = 'values_plain'`).pluck().get() === 1;
  if (!isPlain)
    db.exec(
      `CREATE UNIQUE INDEX entry_identity ON entry (list_id, algorithm, substr(value, 1, ${VALUE_NAME_BYTES}), entry_id)`,
    );
  rebuildPast(db);
  db.exec(
    `CREATE TABLE disabled_entry (
       list_id INTEGER NOT NULL, algorithm INTEGER NOT NULL, value BLOB NOT NULL, entry_id TEXT NOT NULL,
       PRIMARY KEY (list_id, algorithm, value, entry_id)
     ) STRICT, WITHOUT ROWID;
     INSERT INTO disabled_entry
       SELECT d.list_id, d.algorithm, d.value, coalesce(e.entry_id, '') FROM disabled_value AS d
       LEFT JOIN entry AS e ON e.list_id = d.list_id AND e.algorithm = d.algorithm AND e.value = d.value AND e.disabled = 1;
     DROP TABLE disabled_value;
     DELETE FROM total WHERE name IN ('disabled_value', 'also_listed');
     CREATE TABLE withdrawal (
       list_id INTEGER NOT NULL, entry_id TEXT NOT NULL, at_ms INTEGER NOT NULL, version INTEGER NOT NULL,
       PRIMARY KEY (list_id, entry_id)
     ) STRICT, WITHOUT ROWID;`,
  );
  for (const name of ['disabled_entry', 'withdrawal']) addSum(db, name);
}

/** A damaged row gets a sum that is wrong too: a right one would hide the damage. */
function rebuildEntries(db: Sqlite): void {
  db.exec(
    `CREATE TABLE entry_new (
       id INTEGER PRIMARY KEY AUTOINCREMENT, list_id INTEGER NOT NULL, algorithm INTEGER NOT NULL, value BLOB NOT NULL,
       entry_id TEXT NOT NULL, attributes TEXT, notes BLOB, disabled INTEGER NOT NULL DEFAULT 0,
       quarantined INTEGER NOT NULL DEFAULT 0, since INTEGER NOT NULL DEFAULT 0, sum INTEGER NOT NULL
     ) STRICT;
     INSERT INTO entry_new
       SELECT id, list_id, algorithm, value, entry_id, attributes, NULL, disabled, quarantined, since,
         CASE WHEN sum IS ${sumSql(OLD_ENTRY)} THEN ${sumSql(NEW_ENTRY).replace('"notes"', 'NULL')}
           ELSE (sum + 1) & ${ROW_SUM_SPAN - 1} END
       FROM entry;
     UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'entry') WHERE name = 'entry_new';
     DROP TABLE entry;
     ALTER TABLE entry_new RENAME TO entry;`,
  );
}

/** The entries that carried a value beside the one that was stored. */
function addCarriers(db: Sqlite): void {
  const listOf = db.prepare<[number], { version: number; checksum: string }>(
    'SELECT version, checksum FROM list WHERE id = ?',
  );
  const insert = db.prepare(
    `INSERT INTO entry (id, list_id, algorithm, value, entry_id, attributes, since, sum)
     VALUES (@id, @list_id, @algorithm, @value, @entry_id, @attributes, @since,
       zeef_sum('entry', @id, @list_id, @algorithm, @value, @entry_id, @attributes, NULL, 0, 0, @since))`,
  );
  let last = db.prepare<[], number>(`SELECT value FROM meta WHERE name = 'last_entry_key'`).pluck().get() ?? 0;
  const checksums = new Map<number, ListChecksum>();
  type Carrier = Omit<Checked, 'notes'> & { readonly list_id: number };
  for (const carrier of db.prepare<[], Carrier>('SELECT * FROM also_listed').all()) {
    const { list_id, algorithm, value, entry_id, attributes } = carrier;
    const list = listOf.get(list_id);
    if (list === undefined) continue;
    insert.run({ id: ++last, list_id, algorithm, value, entry_id, attributes, since: list.version });
    const checksum = checksums.get(list_id) ?? new ListChecksum(list.checksum);
    checksum.add({ ...carrier, notes: null });
    checksums.set(list_id, checksum);
  }
  db.exec(
    `UPDATE meta SET value = ${last} WHERE name = 'last_entry_key';
     DROP TABLE also_listed;
     DELETE FROM total WHERE name = 'entry';
     INSERT INTO total SELECT 'entry', list_id * 262144 + id / 16384, count(*), ${SUM_OF_SUMS} FROM entry GROUP BY 2;`,
  );
  const count = db.prepare<[number], { algorithm: number; entries: number }>(
    'SELECT algorithm, count(*) AS entries FROM entry WHERE list_id = ? AND disabled = 0 GROUP BY algorithm',
  );
  for (const [id, checksum] of checksums) {
    const counts = Object.fromEntries(count.all(id).map(({ algorithm, entries }) => [ALGORITHMS[algorithm]!, entries]));
    db.prepare('UPDATE list SET checksum = ?, counts = ? WHERE id = ?').run(
      checksum.toHex(),
      JSON.stringify(counts),
      id,
    );
  }
}

/** Earlier forms of entries get notes; a row that is damaged stays marked. */
function rebuildPast(db: Sqlite): void {
  const before = 'id, list_id, algorithm, value, entry_id, attributes';
  db.exec(
    `CREATE TABLE past_new (
       id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL, algorithm INTEGER NOT NULL, value BLOB NOT NULL,
       entry_id TEXT NOT NULL, attributes TEXT, notes BLOB, since INTEGER NOT NULL, until INTEGER NOT NULL,
       entry_key INTEGER NOT NULL, is_damaged INTEGER NOT NULL DEFAULT 0
     ) STRICT;
     INSERT INTO past_new SELECT ${before}, NULL, since, until, entry_key, is_damaged OR sum IS NOT ${sumSql(OLD_PAST)}
       FROM past_entry;
     DROP TABLE past_entry;
     ALTER TABLE past_new RENAME TO past_entry;
     CREATE INDEX past_entry_key ON past_entry (entry_key);
     CREATE INDEX past_entry_of_list ON past_entry (list_id, until);
     DELETE FROM total WHERE name = 'past_entry';`,
  );
  addSum(db, 'past_entry');
}

/** The checksum of a list before entries had notes. */
export function checksumBeforeNotes(db: Sqlite, listId: number): string {
  const checksum = new ListChecksum();
  const rows = db.prepare<[number], Omit<Checked, 'notes'>>(
    'SELECT algorithm, value, entry_id, attributes FROM entry WHERE list_id = ?',
  );
  for (const row of rows.iterate(listId)) checksum.add({ ...row, notes: null });
  return checksum.toHex();
}
