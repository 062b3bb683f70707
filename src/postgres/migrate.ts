/** Migration of the schema: one transaction, by one process at a time. */
import { createHash } from 'node:crypto';
import { AppError } from '../core/errors.js';
import type { Database, Patience, Sql } from './database.js';

/** "ZEEF": the advisory lock of a migration. Held to the end of the transaction, so a pooler may be in between. */
const LOCK = 0x5a454546;

/**
 * Longest wait for the tables, in which all others wait behind the migration. Shorter than the wait after which a server looks for
 * deadlocks (1 s, `deadlock_timeout`): it is the migration that gives way, and no answer.
 */
const TABLES_MS_MAX = 500;
/** Others get two thirds of the time; reports that last longer than this must end, or the migration be started again. */
const PATIENCE: Patience = { ms: 60_000, pauseMs: 1_000 };

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** How a migration begins after which code of the version before still works: it adds what that code does not name. */
const ADDITIVE = /^-- additive\n/;

interface Applied {
  readonly version: number;
  readonly sha256: string;
  readonly additive: boolean;
}

async function appliedTo(sql: Sql): Promise<Applied[]> {
  const [found] = await sql<{ table: string | null }>(`SELECT to_regclass('migration')::text AS table`);
  if (found?.table === null) return [];
  // A database that an earlier build made has no such column.
  return sql<Applied>(
    `SELECT version, encode(sha256, 'hex') AS sha256,
       coalesce((to_jsonb(migration) ->> 'additive')::bool, false) AS additive FROM migration ORDER BY version`,
  );
}

/** Errors DATA_VERSION: of a newer version that is not additive, or not by these texts. */
function requireKnown(applied: readonly Applied[], migrations: readonly string[]): void {
  const schema = applied.length;
  if (applied.slice(migrations.length).some(({ additive }) => !additive)) {
    const action = 'use the Zeef version that wrote it, or a newer one';
    throw new AppError('DATA_VERSION', { file: 'PostgreSQL', schema, reads: `up to ${migrations.length}`, action });
  }
  for (const [at, { version, sha256: found }] of applied.slice(0, migrations.length).entries()) {
    if (version === at + 1 && found === sha256(migrations[at]!)) continue;
    const action = 'written by a build that was not released: start with an empty database';
    throw new AppError('DATA_VERSION', { file: 'PostgreSQL', schema: version, action });
  }
}

/**
 * Lock the tables that the texts name, in the order in which they were made. Transactions use them in that order too, so those
 * that are under way end while the first table is waited for, and none of them has one that comes later.
 */
async function lockTables(sql: Sql, texts: readonly string[]): Promise<void> {
  const tables = await sql<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = current_schema()::text::regnamespace
       AND pg_has_role(relowner, 'USAGE') ORDER BY oid`,
  );
  const named = tables.filter(({ name }) => texts.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
  if (named.length === 0) return;
  await sql(`SET LOCAL lock_timeout = ${TABLES_MS_MAX}`);
  await sql(`LOCK TABLE ${named.map(({ name }) => name).join(', ')} IN ACCESS EXCLUSIVE MODE`);
}

/**
 * Bring the schema to the newest version; an up-to-date one is only read, so the role needs no further rights. So is one that
 * a newer version has only added to: processes of both work on it while they are replaced one after the other.
 * Errors DATA_VERSION: changed by a newer version, or by other texts; nothing changed. STORE_FAILED.
 */
export async function migrate(database: Database, migrations: readonly string[]): Promise<void> {
  const applied = await database.snapshot(appliedTo);
  requireKnown(applied, migrations);
  if (applied.length >= migrations.length) return;
  // What an earlier try has committed, its reply lost, is read again under the lock.
  // A migration that changes rows changes those of all tenants.
  await database.forAll().writeLong(async (sql) => {
    await sql('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    // Read again under the lock: another process may have migrated meanwhile.
    const before = await appliedTo(sql);
    requireKnown(before, migrations);
    await sql(
      `CREATE TABLE IF NOT EXISTS migration (
         version int4 PRIMARY KEY, sha256 bytea NOT NULL, at timestamptz NOT NULL DEFAULT now()
       )`,
    );
    await sql('ALTER TABLE migration ADD COLUMN IF NOT EXISTS additive bool NOT NULL DEFAULT false');
    await lockTables(sql, migrations.slice(before.length));
    for (const [at, text] of [...migrations.entries()].slice(before.length)) {
      await sql(text);
      await sql(`INSERT INTO migration (version, sha256, additive) VALUES ($1, decode($2, 'hex'), $3)`, [
        at + 1,
        sha256(text),
        ADDITIVE.test(text),
      ]);
    }
  }, PATIENCE);
}
