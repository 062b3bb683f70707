/** Opens the embedded database: durable settings, schema, and one place where SQLite's errors become ours. */
import { randomInt } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { AppError } from '../../core/errors.js';
import { checksumOf } from './checksum.js';

/** Widest that `randomInt` takes. */
const STORE_ID_SPAN = 2 ** 47;

export type Sqlite = Database.Database;

export const DATABASE_FILE = 'zeef.sqlite';
/** Another process's import holds the write lock while it runs: about ten seconds for a million entries. */
export const BUSY_MS = 60_000;
const SYNCHRONOUS_FULL = 2;

/** Each step brings the schema from its position to the next; never edited once released. */
export const MIGRATIONS: readonly (string | ((db: Sqlite) => void))[] = [
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
  // Readers follow changes: keys of lists are never used again, and removals are remembered.
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
      db.prepare('UPDATE list SET checksum = ? WHERE id = ?').run(checksumOf(db, id), id);
    }
  },
  // One value may be listed by several: it stays until the last of them withdraws it.
  `CREATE TABLE also_listed (
     list_id INTEGER NOT NULL, algorithm INTEGER NOT NULL, value BLOB NOT NULL, entry_id TEXT NOT NULL,
     attributes TEXT, PRIMARY KEY (list_id, algorithm, value, entry_id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX also_listed_entry ON also_listed (list_id, entry_id);`,
  'CREATE TABLE list_source (list_id INTEGER PRIMARY KEY, source TEXT NOT NULL) STRICT;',
  'ALTER TABLE entry ADD COLUMN quarantined INTEGER NOT NULL DEFAULT 0;',
  // Versions: since when an entry is as it is, what it was before, and what each import did.
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
  // Values rest sealed; `seal-values.ts` seals those that are there, since that takes the key.
  `CREATE TABLE data_key (id INTEGER PRIMARY KEY, wrapped BLOB NOT NULL, created_at TEXT NOT NULL) STRICT;
   INSERT INTO meta VALUES ('values_plain', 1);`,
  // What a provider says of a list; and values that a person disabled stay disabled when a list brings them back.
  `ALTER TABLE list ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
   CREATE TABLE disabled_value (
     list_id INTEGER NOT NULL, algorithm INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (list_id, algorithm, value)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO disabled_value SELECT list_id, algorithm, value FROM entry WHERE disabled = 1;`,
  `CREATE TABLE import_job (
     id TEXT PRIMARY KEY, list TEXT NOT NULL, state TEXT NOT NULL, facts TEXT NOT NULL
   ) STRICT;`,
  // Lines of keys, tenants with their limits, and what they used.
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
  // Who changed what, in a chain of hashes, and its end.
  `CREATE TABLE audit (
     seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, tenant TEXT, target TEXT,
     details TEXT NOT NULL, hash TEXT NOT NULL
   ) STRICT;
   CREATE TABLE audit_head (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;`,
  // Webhooks, and what is to be sent to them: once each, by what it is about.
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
  // A change is written down before it is made, and how it ended.
  `ALTER TABLE audit ADD COLUMN outcome TEXT;
   ALTER TABLE audit ADD COLUMN ends INTEGER;
   CREATE INDEX audit_ends ON audit (ends) WHERE ends IS NOT NULL;`,
];

/** A connection of its own to the store in `dataDir`. Errors STORE_FAILED. */
export function openDatabase(dataDir: string): Sqlite {
  return guarded(() => {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const path = join(dataDir, DATABASE_FILE);
    const db = new Database(path, { timeout: BUSY_MS });
    chmodSync(path, 0o600);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    // NORMAL may lose the last commits at power loss; a build that ignores FULL must not go unnoticed.
    if (db.pragma('synchronous', { simple: true }) !== SYNCHRONOUS_FULL)
      throw new Error('synchronous=FULL was not taken');
    const versionOf = () => db.pragma('user_version', { simple: true }) as number;
    if (versionOf() > MIGRATIONS.length) throw new Error(`the store is of a newer version (${versionOf()})`);
    if (versionOf() < MIGRATIONS.length) {
      db.transaction(() => {
        for (const step of MIGRATIONS.slice(versionOf())) {
          if (typeof step === 'string') db.exec(step);
          else step(db);
        }
        db.pragma(`user_version = ${MIGRATIONS.length}`);
      }).immediate();
    }
    return db;
  });
}

/** Runs one access to SQLite. Errors: an AppError passes, all else becomes STORE_FAILED. */
export function guarded<T>(access: () => T): T {
  try {
    return access();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('STORE_FAILED', { why: error instanceof Error ? error.message : String(error) }, error);
  }
}
