/** Opens the ledger's file, which its own thread writes, independent of the other files. */

import { AppError } from '../../core/errors.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { FIRST_HEAD } from '../../store/ledger-chain.js';
import { openSqliteFile, type SqliteFile } from '../file.js';
import { isOfThisChain } from './chain.js';
import { addNewsTable } from './news.js';

export const LEDGER_FILE = 'ledger.sqlite';
/** Another process's group takes milliseconds; a longer wait is answered with 503. */
const BUSY_MS = 5_000;
/** Cache for the pages that a group touches: current hours, and the index of hits. */
const CACHE_KIB = 65_536;

export const LEDGER_SQLITE: SqliteFile = {
  name: LEDGER_FILE,
  busyMs: BUSY_MS,
  isReadable: isOfThisChain,
  shape: '117609cf9559adbd',
  migrations: [
    `CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL) STRICT;
   INSERT INTO head VALUES (1, '${JSON.stringify(FIRST_HEAD)}');
   CREATE TABLE group_link (
     seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, hash BLOB NOT NULL
   ) STRICT;
   CREATE TABLE event_link (
     seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, tenant TEXT NOT NULL, hit TEXT NOT NULL,
     body TEXT, body_hash BLOB NOT NULL, hash BLOB NOT NULL
   ) STRICT;
   CREATE INDEX event_of_hit ON event_link (hit);
   CREATE TABLE tally (
     tenant TEXT NOT NULL, level INTEGER NOT NULL, start INTEGER NOT NULL, checked INTEGER NOT NULL,
     exact INTEGER NOT NULL, near INTEGER NOT NULL, suppressed INTEGER NOT NULL, not_checked INTEGER NOT NULL,
     cells TEXT NOT NULL, PRIMARY KEY (tenant, level, start)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE hit (
     id TEXT PRIMARY KEY, tenant TEXT NOT NULL, key BLOB NOT NULL, reference TEXT, kind TEXT NOT NULL,
     first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, times_seen INTEGER NOT NULL,
     after_removal INTEGER NOT NULL, status TEXT NOT NULL, quarantined INTEGER NOT NULL, list TEXT NOT NULL,
     category TEXT, started INTEGER NOT NULL, stopped INTEGER, evidence_seq INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE UNIQUE INDEX hit_key ON hit (tenant, key);
   CREATE INDEX hit_newest ON hit (tenant, id);
   CREATE INDEX hit_cases ON hit (tenant, first_seen, status, started, stopped, after_removal, quarantined);
   CREATE INDEX hit_reference ON hit (tenant, reference) WHERE reference IS NOT NULL;
   CREATE INDEX hit_running ON hit (tenant, started) WHERE stopped IS NULL;
   CREATE INDEX hit_stopped ON hit (stopped) WHERE stopped IS NOT NULL;
   CREATE TABLE answered (
     tenant TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, fingerprint TEXT NOT NULL,
     PRIMARY KEY (tenant, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX answered_at ON answered (at);`,
    addNewsTable,
    // The index of unmarked hits has all of an earlier version at first, and none once their marks are added.
    `ALTER TABLE hit ADD COLUMN md5_mark BLOB;
   ALTER TABLE hit ADD COLUMN sha1_mark BLOB;
   ALTER TABLE hit ADD COLUMN sha256_mark BLOB;
   ALTER TABLE hit ADD COLUMN marked INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE hit ADD COLUMN assignee TEXT;
   ALTER TABLE hit ADD COLUMN disputed INTEGER NOT NULL DEFAULT 0;
   CREATE INDEX hit_assignee ON hit (tenant, assignee) WHERE assignee IS NOT NULL;
   CREATE INDEX hit_disputed ON hit (tenant, id) WHERE disputed = 1;
   CREATE INDEX hit_md5 ON hit (md5_mark, tenant) WHERE md5_mark IS NOT NULL;
   CREATE INDEX hit_sha1 ON hit (sha1_mark, tenant) WHERE sha1_mark IS NOT NULL;
   CREATE INDEX hit_sha256 ON hit (sha256_mark, tenant) WHERE sha256_mark IS NOT NULL;
   CREATE INDEX hit_unmarked ON hit (id) WHERE marked = 0;`,
  ],
};

/** Open a connection. Errors  LEDGER_FAILED; LEDGER_INVALID: written by a newer version, or not a ledger. */
export function openLedgerDatabase(dataDir: string): Sqlite {
  return ledgerGuarded(() => {
    const db = openSqliteFile(dataDir, LEDGER_SQLITE);
    db.pragma(`cache_size = -${CACHE_KIB}`);
    return db;
  });
}

/** Run one access. Errors: an AppError passes; a foreign or damaged file is LEDGER_INVALID; all else LEDGER_FAILED. */
export function ledgerGuarded<T>(access: () => T): T {
  try {
    return access();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const { code = '', message } = error as Error & { code?: string };
    const isDamage = code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT') || error instanceof SyntaxError;
    throw new AppError(isDamage ? 'LEDGER_INVALID' : 'LEDGER_FAILED', { why: `${code} ${message}`.trim() }, error);
  }
}
