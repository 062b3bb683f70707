/**
 * The file for short transactions: keys, tenants, the audit log, webhooks, import jobs. Separate from the lists' file: an
 * import holds that file's write lock while it runs, and keys must be revocable meanwhile.
 */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { guarded, openSqliteFile, type SqliteFile } from '../file.js';
import { prepared } from '../statements.js';
import { addSum, createTotals, type SummedTable } from '../sums.js';

export const SERVICE_FILE = 'service.sqlite';
/** Several times the slowest transaction on a disk that is busy with an import. */
const BUSY_MS = 10_000;

const table = (name: string, label: string, columns: string): SummedTable => ({
  name,
  label,
  columns: columns.split(' '),
});

export const API_KEY = table(
  'api_key',
  'id',
  'id line sha256 tenant name scopes created_at expires_at revoked_at last_used_at',
);
export const TENANT = table('tenant', 'name', 'name created_at disabled limits alarm');
export const TENANT_USAGE = table('tenant_usage', 'tenant', 'tenant day checks bytes hashes');
export const WEBHOOK = table('webhook', 'id', 'id tenant url secret_env created_at mark');
export const WEBHOOK_EVENT = table(
  'webhook_event',
  'id',
  'id webhook_id kind subject body created_at attempts last_error state claims until_ms length_ms done_ms',
);
export const DUTY = table('duty', 'name', 'name fence until_ms lease_ms ended_ms');
export const REPLICA = table('replica', 'id', 'id host kind code_version generation seen_ms');
export const IMPORT_JOB = table('import_job', 'id', 'id list state facts');
/** The audit log has a chain of its own. */
export const SERVICE_TABLES: readonly SummedTable[] = [
  API_KEY,
  TENANT,
  TENANT_USAGE,
  WEBHOOK,
  WEBHOOK_EVENT,
  IMPORT_JOB,
  DUTY,
  REPLICA,
];

/** The tables that the third version had; of a released migration. */
const FIRST_SUMMED = ['api_key', 'tenant', 'tenant_usage', 'webhook', 'webhook_event', 'import_job', 'duty'];

/** Leases of duties and of events. Times of leases are of the machine's monotonic clock, the others of the day. */
function addLeases(db: Sqlite): void {
  db.exec(
    `CREATE TABLE duty (
       name TEXT PRIMARY KEY, fence INTEGER NOT NULL, until_ms INTEGER NOT NULL, lease_ms INTEGER NOT NULL,
       ended_ms INTEGER
     ) STRICT, WITHOUT ROWID;
     ALTER TABLE webhook_event ADD COLUMN claims INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE webhook_event ADD COLUMN lease_until_ms INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE webhook_event ADD COLUMN failed_ms INTEGER NOT NULL DEFAULT 0;
     DROP INDEX webhook_event_due;
     CREATE INDEX webhook_event_due ON webhook_event (webhook_id, state, due_ms);`,
  );
}

/** Hits were read again for this long before a webhook's position in time. */
const OVERLAP_MS = 120_000;

/**
 * The mark of a webhook that had a position in time: the ledger reads it as the time from which on old hits are news, and the
 * one for reopened cases, which were not found by the position.
 */
function markSince({ created_at, position_ms }: { readonly created_at: string; readonly position_ms: number }): string {
  const createdMs = Date.parse(created_at) || 0;
  return `since ${Math.max(createdMs, position_ms - OVERLAP_MS)} ${createdMs}`;
}

/** Marks in the ledger in place of times, and one end of leases and pauses, by the store's clock: all is due at once. */
function addMarks(db: Sqlite): void {
  const hooks = db.prepare<[], { id: string; created_at: string; position_ms: number }>('SELECT * FROM webhook').all();
  db.exec(
    `CREATE TABLE new_webhook (
       id TEXT PRIMARY KEY, tenant TEXT, url TEXT NOT NULL, secret_env TEXT NOT NULL, created_at TEXT NOT NULL,
       mark TEXT NOT NULL
     ) STRICT;
     INSERT INTO new_webhook SELECT id, tenant, url, secret_env, created_at, '' FROM webhook ORDER BY rowid;
     CREATE TABLE new_webhook_event (
       id TEXT PRIMARY KEY, webhook_id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,
       created_at TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT, state TEXT NOT NULL,
       claims INTEGER NOT NULL DEFAULT 0, until_ms INTEGER NOT NULL DEFAULT 0, length_ms INTEGER NOT NULL DEFAULT 0,
       done_ms INTEGER NOT NULL DEFAULT 0, UNIQUE (webhook_id, kind, subject)
     ) STRICT;
     INSERT INTO new_webhook_event
       SELECT id, webhook_id, kind, subject, body, created_at, attempts, last_error, state, claims, 0, 0,
         iif(state = 'done', due_ms, 0)
       FROM webhook_event ORDER BY rowid;
     DROP TABLE webhook; DROP TABLE webhook_event;
     DELETE FROM total WHERE name IN ('webhook', 'webhook_event');
     ALTER TABLE new_webhook RENAME TO webhook;
     ALTER TABLE new_webhook_event RENAME TO webhook_event;
     CREATE INDEX webhook_event_due ON webhook_event (webhook_id, state, until_ms);`,
  );
  const setMark = db.prepare('UPDATE webhook SET mark = ? WHERE id = ?');
  for (const hook of hooks) setMark.run(markSince(hook), hook.id);
  for (const name of ['webhook', 'webhook_event']) addSum(db, name);
}

/** The processes that use the store. Times are of the day, by this machine. */
function addReplicas(db: Sqlite): void {
  db.exec(
    `CREATE TABLE replica (
       id TEXT PRIMARY KEY, host TEXT NOT NULL, kind TEXT NOT NULL, code_version TEXT NOT NULL,
       generation INTEGER NOT NULL, seen_ms INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;`,
  );
  addSum(db, 'replica');
}

export const SERVICE_SQLITE: SqliteFile = {
  name: SERVICE_FILE,
  busyMs: BUSY_MS,
  shape: 'debc96d159908a50',
  schema: '1bb45b8c3ee0204b',
  migrations: [
    `CREATE TABLE api_key (
       id TEXT PRIMARY KEY, line TEXT NOT NULL, sha256 BLOB NOT NULL UNIQUE, tenant TEXT NOT NULL, name TEXT,
       scopes TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT, revoked_at TEXT, last_used_at TEXT
     ) STRICT;
     CREATE TABLE tenant (
       name TEXT PRIMARY KEY, created_at TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0,
       limits TEXT NOT NULL DEFAULT '{}', alarm TEXT
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE tenant_usage (
       tenant TEXT NOT NULL, day TEXT NOT NULL, checks INTEGER NOT NULL, bytes INTEGER NOT NULL, hashes BLOB,
       PRIMARY KEY (tenant, day)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE audit (
       seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, tenant TEXT, target TEXT,
       details TEXT NOT NULL, hash TEXT NOT NULL, outcome TEXT, ends INTEGER
     ) STRICT;
     CREATE INDEX audit_ends ON audit (ends) WHERE ends IS NOT NULL;
     CREATE TABLE audit_head (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
     CREATE TABLE webhook (
       id TEXT PRIMARY KEY, tenant TEXT, url TEXT NOT NULL, secret_env TEXT NOT NULL, created_at TEXT NOT NULL,
       position_ms INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE webhook_event (
       id TEXT PRIMARY KEY, webhook_id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,
       created_at TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT, due_ms INTEGER NOT NULL,
       state TEXT NOT NULL, UNIQUE (webhook_id, kind, subject)
     ) STRICT;
     CREATE INDEX webhook_event_due ON webhook_event (state, due_ms);
     CREATE TABLE import_job (
       id TEXT PRIMARY KEY, list TEXT NOT NULL, state TEXT NOT NULL, facts TEXT NOT NULL
     ) STRICT;`,
    addLeases,
    // Each row has a sum of its cells, each table a total of them.
    (db) => {
      createTotals(db);
      for (const name of FIRST_SUMMED) addSum(db, name);
    },
    addMarks,
    // Shares of processes in tenants' limits, and notes between processes: they last for seconds, so they have no sums.
    `CREATE TABLE share_holder (
       holder TEXT PRIMARY KEY, until_ms INTEGER NOT NULL, length_ms INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE share (
       tenant TEXT NOT NULL, holder TEXT NOT NULL, use_checks REAL NOT NULL, use_requests REAL NOT NULL,
       claim_checks REAL NOT NULL, claim_requests REAL NOT NULL, PRIMARY KEY (tenant, holder)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE note (
       writer TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, until_ms INTEGER NOT NULL,
       length_ms INTEGER NOT NULL, PRIMARY KEY (writer, number)
     ) STRICT;`,
    addReplicas,
  ],
};

/** Tables that an earlier version kept in the lists' file, and the order in which their rows are moved. */
const MOVED: Readonly<Record<string, string>> = {
  api_key: 'rowid',
  tenant: 'name',
  tenant_usage: 'tenant, day',
  audit: 'seq',
  audit_head: 'id',
  webhook: 'rowid',
  webhook_event: 'rowid',
  import_job: 'rowid',
};

type MovedRow = Readonly<Record<string, unknown>>;

/** Columns that later versions hold in another form; the others are moved as they are. */
const CHANGED: Readonly<Record<string, (row: MovedRow) => MovedRow>> = {
  webhook: ({ position_ms, ...row }) => ({
    ...row,
    mark: markSince({ created_at: row.created_at as string, position_ms: position_ms as number }),
  }),
  webhook_event: ({ due_ms, ...row }) => ({ ...row, done_ms: row.state === 'done' ? due_ms : 0 }),
};

/** Open a connection to the file in `dataDir`. Errors STORE_FAILED. */
export function openServiceDatabase(dataDir: string): Sqlite {
  return guarded(() => openSqliteFile(dataDir, SERVICE_SQLITE));
}

/**
 * Move an earlier version's tables, inside a transaction on the lists' file. The rows are synced here before they are
 * deleted there; if the process ends in between, the next run skips the rows already moved.
 */
export function moveServiceTables(lists: Sqlite, dataDir: string): void {
  const service = openServiceDatabase(dataDir);
  try {
    service
      .transaction(() => {
        for (const [table, order] of Object.entries(MOVED)) {
          const change = CHANGED[table] ?? ((row) => row);
          for (const row of lists.prepare<[], MovedRow>(`SELECT * FROM ${table} ORDER BY ${order}`).iterate()) {
            const moved = change(row);
            const columns = Object.keys(moved);
            const places = columns.map((column) => `@${column}`);
            prepared(service, `INSERT OR IGNORE INTO ${table} (${columns}) VALUES (${places})`).run(moved);
          }
        }
      })
      .immediate();
  } finally {
    service.close();
  }
  for (const table of Object.keys(MOVED)) lists.exec(`DROP TABLE ${table}`);
}
