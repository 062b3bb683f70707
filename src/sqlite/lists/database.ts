/** The lists' file: entries, versions, sources, and the data keys that seal their values. */
import { randomInt } from 'node:crypto';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { guarded, type Migration, openSqliteFile, type SqliteFile } from '../file.js';
import { moveServiceTables } from '../service/database.js';
import { prepared } from '../statements.js';
import { addSum, createTotals, damaged, type SummedTable, sound } from '../sums.js';
import { checksumBeforeNotes, entriesByIdentity } from './entries-by-identity.js';
import { LISTS_FILE } from './file-name.js';
import { addListDetail } from './list-detail.js';

/** The widest range of `randomInt`. */
export const STORE_ID_SPAN = 2 ** 47;
/** Another process's import holds the write lock while it runs: half a minute for a million entries. */
const BUSY_MS = 60_000;

interface ListTable extends SummedTable {
  readonly isGiven?: true;
}

const table = (name: string, label: string, columns: string, more: Partial<ListTable> = {}): ListTable => ({
  name,
  label,
  columns: columns.split(' '),
  ...more,
});

const META = table('meta', 'name', 'name value');
export const LIST = table(
  'list',
  'name',
  'id name kind enabled radius_bits match_low_quality version imported_at rejected duplicates checksum counts terms detail',
);
/** Keys of one total of `entry`: a reader of some new entries reads the sums of so many. */
export const ENTRY_PART_KEYS = 16_384;
/** Totals of one list: keys have 32 bits. */
export const ENTRY_PARTS = 262_144;
/** Its sums and totals are kept by its writer, `entry-table.ts`: an import writes millions of rows. */
export const ENTRY = table(
  'entry',
  'id',
  'id list_id algorithm value entry_id attributes notes disabled quarantined since',
  { isGiven: true, part: `(row.list_id * ${ENTRY_PARTS} + row.id / ${ENTRY_PART_KEYS})` },
);
/** Keys of the entries of a removed list lie between its first and its last; other lists may have some of them. */
export const REMOVED_LIST = table('removed_list', 'list_id', 'list_id first_key last_key');
export const GENERATION = table('generation', 'number', 'number token entry_key removal');
export const REMOVAL = table('removal', 'seq', 'seq entry_key algorithm');
export const LIST_SOURCE = table('list_source', 'list_id', 'list_id source');
export const PAST_ENTRY = table(
  'past_entry',
  'id',
  'id list_id algorithm value entry_id attributes notes since until entry_key is_damaged',
);
export const LIST_VERSION = table(
  'list_version',
  'version',
  'list_id version is_held imported_at origin facts checksum',
);
export const DATA_KEY = table('data_key', 'id', 'id wrapped created_at');
export const DISABLED_ENTRY = table('disabled_entry', 'entry_id', 'list_id algorithm value entry_id');
export const WITHDRAWAL = table('withdrawal', 'entry_id', 'list_id entry_id at_ms version');
export const FEEDBACK = table(
  'feedback',
  'entry_id',
  'list_id service entry_id algorithm verdict sent at state status',
);
export const LIST_TABLES: readonly ListTable[] = [
  META,
  LIST,
  ENTRY,
  GENERATION,
  REMOVAL,
  REMOVED_LIST,
  LIST_SOURCE,
  PAST_ENTRY,
  LIST_VERSION,
  DATA_KEY,
  DISABLED_ENTRY,
  WITHDRAWAL,
  FEEDBACK,
];

/** Tables of the released migration that gave them sums. */
const SUMMED_SINCE_17 = [
  ...['meta', 'list', 'entry', 'removal', 'removed_list', 'also_listed', 'list_source', 'past_entry', 'list_version'],
  ...['data_key', 'disabled_value'],
];

export const MIGRATIONS: readonly Migration[] = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
   INSERT INTO meta VALUES ('generation', 1);
   CREATE TABLE list (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, enabled INTEGER NOT NULL,
     radius_bits INTEGER NOT NULL, match_low_quality INTEGER NOT NULL, version INTEGER NOT NULL,
     imported_at TEXT, rejected INTEGER NOT NULL, duplicates INTEGER NOT NULL, checksum TEXT NOT NULL,
     counts TEXT NOT NULL
   ) STRICT;
   CREATE TABLE entry (
     id INTEGER PRIMARY KEY AUTOINCREMENT, list_id INTEGER NOT NULL, algorithm INTEGER NOT NULL,
     value BLOB NOT NULL, entry_id TEXT NOT NULL, attributes TEXT
   ) STRICT;
   CREATE UNIQUE INDEX entry_value ON entry (list_id, algorithm, value);
   CREATE TABLE api_key (
     id TEXT PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, tenant TEXT NOT NULL, scopes TEXT NOT NULL,
     created_at TEXT NOT NULL, expires_at TEXT, revoked_at TEXT
   ) STRICT;`,
  // Readers follow changes: list keys are never reused, and removals are kept.
  `CREATE TABLE list_2 (
     id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, enabled INTEGER NOT NULL,
     radius_bits INTEGER NOT NULL, match_low_quality INTEGER NOT NULL, version INTEGER NOT NULL,
     imported_at TEXT, rejected INTEGER NOT NULL, duplicates INTEGER NOT NULL, checksum TEXT NOT NULL,
     counts TEXT NOT NULL
   ) STRICT;
   INSERT INTO list_2 SELECT * FROM list;
   DROP TABLE list;
   ALTER TABLE list_2 RENAME TO list;
   ALTER TABLE entry ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE entry ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE removal (
     seq INTEGER PRIMARY KEY AUTOINCREMENT, entry_key INTEGER NOT NULL, algorithm INTEGER NOT NULL
   ) STRICT;`,
  (db) => {
    db.prepare(`INSERT INTO meta VALUES ('store_id', ?)`).run(randomInt(STORE_ID_SPAN));
    for (const { id } of db.prepare<[], { id: number }>('SELECT id FROM list').all()) {
      db.prepare('UPDATE list SET checksum = ? WHERE id = ?').run(checksumBeforeNotes(db, id), id);
    }
  },
  // Several entries may carry one value: it stays until the last of them is withdrawn.
  `CREATE TABLE also_listed (
     list_id INTEGER NOT NULL, algorithm INTEGER NOT NULL, value BLOB NOT NULL, entry_id TEXT NOT NULL,
     attributes TEXT, PRIMARY KEY (list_id, algorithm, value, entry_id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX also_listed_entry ON also_listed (list_id, entry_id);`,
  'CREATE TABLE list_source (list_id INTEGER PRIMARY KEY, source TEXT NOT NULL) STRICT;',
  'ALTER TABLE entry ADD COLUMN quarantined INTEGER NOT NULL DEFAULT 0;',
  // Versions: the version that last changed an entry, its earlier forms, and the result of each import.
  `ALTER TABLE entry ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE past_entry (
     id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL, algorithm INTEGER NOT NULL, value BLOB NOT NULL,
     entry_id TEXT NOT NULL, attributes TEXT, since INTEGER NOT NULL, until INTEGER NOT NULL, entry_key INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX past_entry_key ON past_entry (entry_key);
   CREATE INDEX past_entry_of_list ON past_entry (list_id, until);
   CREATE TABLE list_version (
     list_id INTEGER NOT NULL, version INTEGER NOT NULL, is_held INTEGER NOT NULL, imported_at TEXT NOT NULL,
     origin TEXT, facts TEXT NOT NULL, checksum TEXT NOT NULL, PRIMARY KEY (list_id, version)
   ) STRICT, WITHOUT ROWID;`,
  // Values are sealed at rest; `seal-values.ts` seals existing ones, since that needs the key.
  `CREATE TABLE data_key (id INTEGER PRIMARY KEY, wrapped BLOB NOT NULL, created_at TEXT NOT NULL) STRICT;
   INSERT INTO meta VALUES ('values_plain', 1);`,
  // A provider's terms of a list; disabled values, which stay disabled when a list brings them back.
  `ALTER TABLE list ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
   CREATE TABLE disabled_value (
     list_id INTEGER NOT NULL, algorithm INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (list_id, algorithm, value)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO disabled_value SELECT list_id, algorithm, value FROM entry WHERE disabled = 1;`,
  `CREATE TABLE import_job (
     id TEXT PRIMARY KEY, list TEXT NOT NULL, state TEXT NOT NULL, facts TEXT NOT NULL
   ) STRICT;`,
  // Lines of keys, tenants with their limits, and their usage.
  `ALTER TABLE api_key ADD COLUMN line TEXT NOT NULL DEFAULT '';
   UPDATE api_key SET line = id;
   ALTER TABLE api_key ADD COLUMN name TEXT;
   ALTER TABLE api_key ADD COLUMN last_used_at TEXT;
   CREATE TABLE tenant (
     name TEXT PRIMARY KEY, created_at TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0,
     limits TEXT NOT NULL DEFAULT '{}', alarm TEXT
   ) STRICT, WITHOUT ROWID;
   INSERT INTO tenant (name, created_at) SELECT tenant, min(created_at) FROM api_key GROUP BY tenant;
   CREATE TABLE tenant_usage (
     tenant TEXT NOT NULL, day TEXT NOT NULL, checks INTEGER NOT NULL, bytes INTEGER NOT NULL, hashes BLOB,
     PRIMARY KEY (tenant, day)
   ) STRICT, WITHOUT ROWID;`,
  // The audit log, a hash chain, and its head.
  `CREATE TABLE audit (
     seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, tenant TEXT, target TEXT,
     details TEXT NOT NULL, hash TEXT NOT NULL
   ) STRICT;
   CREATE TABLE audit_head (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;`,
  // Webhooks and their events: once each, by subject.
  `CREATE TABLE webhook (
     id TEXT PRIMARY KEY, tenant TEXT, url TEXT NOT NULL, secret_env TEXT NOT NULL, created_at TEXT NOT NULL,
     position_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE webhook_event (
     id TEXT PRIMARY KEY, webhook_id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,
     created_at TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT, due_ms INTEGER NOT NULL,
     state TEXT NOT NULL, UNIQUE (webhook_id, kind, subject)
   ) STRICT;
   CREATE INDEX webhook_event_due ON webhook_event (state, due_ms);`,
  // Audit rows before a change and after it.
  `ALTER TABLE audit ADD COLUMN outcome TEXT;
   ALTER TABLE audit ADD COLUMN ends INTEGER;
   CREATE INDEX audit_ends ON audit (ends) WHERE ends IS NOT NULL;`,
  // Keys, tenants, the audit log, webhooks and jobs have a file of their own.
  moveServiceTables,
  // Each row has a sum of its cells, each table, or list, a total of them.
  (db) => {
    db.exec(
      `INSERT INTO meta SELECT 'last_entry_key', coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'entry';
       ALTER TABLE past_entry ADD COLUMN is_damaged INTEGER NOT NULL DEFAULT 0;
       CREATE TABLE removed_list (
         list_id INTEGER PRIMARY KEY, first_key INTEGER NOT NULL, last_key INTEGER NOT NULL
       ) STRICT;`,
    );
    createTotals(db);
    for (const name of SUMMED_SINCE_17)
      addSum(db, name, name === 'entry' ? { part: 'row.list_id', isGiven: true } : {});
  },
  // Ids were made up by line; `mend-ids.ts` mends shared ones, since that needs the key.
  `INSERT INTO meta VALUES ('ids_by_line', 1);`,
  // Marked entries are few, and asked for beside answers.
  'CREATE INDEX marked_entry ON entry (list_id) WHERE quarantined <> 0;',
  entriesByIdentity,
  // What was sent to publishers about their entries.
  (db) => {
    db.exec(
      `CREATE TABLE feedback (
         list_id INTEGER NOT NULL, service TEXT NOT NULL, entry_id TEXT NOT NULL, algorithm INTEGER NOT NULL,
         verdict TEXT NOT NULL, sent TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL, status INTEGER,
         PRIMARY KEY (list_id, service, entry_id, algorithm)
       ) STRICT, WITHOUT ROWID;`,
    );
    addSum(db, 'feedback');
  },
  // Where the feed of changes ends at each generation: the position of a reader is a generation alone.
  (db) => {
    db.exec(
      `CREATE TABLE generation (
         number INTEGER PRIMARY KEY, token INTEGER NOT NULL, entry_key INTEGER NOT NULL, removal INTEGER NOT NULL
       ) STRICT;`,
    );
    addSum(db, 'generation');
    db.prepare(
      `INSERT INTO generation (number, token, entry_key, removal)
       SELECT present.value, ?, last.value, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'removal'), 0)
       FROM meta AS present, meta AS last WHERE present.name = 'generation' AND last.name = 'last_entry_key'`,
    ).run(randomInt(STORE_ID_SPAN));
  },
  // How far queries look for copies of a list's entries.
  addListDetail,
];

export const LISTS_SQLITE: SqliteFile = {
  name: LISTS_FILE,
  busyMs: BUSY_MS,
  shape: 'f48ca89f4cdb209c',
  schema: '13fb8661e096b0da',
  migrations: MIGRATIONS,
};

/** Open a connection to the file in `dataDir`. Errors STORE_FAILED. */
export function openListsDatabase(dataDir: string): Sqlite {
  return guarded(() => openSqliteFile(dataDir, LISTS_SQLITE));
}

/** Random store id, chosen once: a position in one store is meaningless in another. */
export const storeIdOf = (db: Sqlite): number => metaOf(db, 'store_id');

/** The seed of the registers that count distinct hashes: of a store that was moved here, the one that it had. Errors STORE_DAMAGED. */
export const usageSeedOf = (db: Sqlite): number => metaRow(db, 'usage_seed') ?? storeIdOf(db);

/** Return a number of the table `meta`. Errors STORE_DAMAGED. */
export function metaOf(
  db: Sqlite,
  name: 'generation' | 'store_id' | 'values_plain' | 'last_entry_key' | 'ids_by_line',
): number {
  const value = metaRow(db, name);
  if (value === null) throw damaged(META, name);
  return value;
}

function metaRow(db: Sqlite, name: string): number | null {
  const row = prepared<[string], { value: number }>(db, 'SELECT * FROM meta WHERE name = ?').get(name);
  return row ? sound(META, row).value : null;
}
