/** Migration of the schema: one transaction, by one process at a time. */
import { createHash } from 'node:crypto';
import { AppError } from '../core/errors.js';
import type { Database, Patience, Sql } from './database.js';

/** "ZEEF": the advisory lock of a migration. Held to the end of the transaction, so a pooler may be in between. */
const LOCK = 0x5a454546;

/**
 * Longest wait for the tables, in which others wait behind the migration. Shorter than the wait after which a server looks for deadlocks
 * (1 s, `deadlock_timeout`): it is the migration that gives way, and no answer.
 */
const TABLES_MS_MAX = 500;
/** Others get two thirds of the time. What holds a table for longer than this must end, or the migration be started again. */
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

const CREATED = /\bCREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\w+)/g;
/** Changes of a table that reads wait for, too. The locks of others are weaker, and their own statements take them. */
const CHANGED = /\b(?:ALTER|DROP) TABLE (?:IF EXISTS )?(?:ONLY )?(\w+)/g;

const namesIn = (texts: readonly string[], pattern: RegExp) =>
  texts.flatMap((text) => [...text.replaceAll(/--.*/g, '').matchAll(pattern)].map(([, name]) => name!));

/**
 * Lock the tables that `texts` change, each once it is free of an autovacuum, in the order in which `migrations` make them. Most transactions
 * use them in that order too: those that are under way end while the first table is waited for. Whatever comes in another order waits for half a
 * second at most, and the migration is repeated.
 */
async function lockTables(sql: Sql, texts: readonly string[], migrations: readonly string[]): Promise<void> {
  const changed = new Set(namesIn(texts, CHANGED));
  const named = [...new Set(namesIn(migrations, CREATED))].filter((name) => changed.has(name));
  const tables = await sql<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) WITH ORDINALITY AS named (name, at)
     WHERE to_regclass(name) IS NOT NULL ORDER BY at`,
    [named],
  );
  // Only an autovacuum waits for this lock, or is waited for. The server ends it after a second, and begins none while the lock is held.
  for (const { name } of tables) await sql(`LOCK TABLE ${name} IN SHARE UPDATE EXCLUSIVE MODE`);
  const untilMs = performance.now() + TABLES_MS_MAX;
  for (const { name } of tables) {
    await sql(`SET LOCAL lock_timeout = ${Math.max(1, Math.ceil(untilMs - performance.now()))}`);
    await sql(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
  }
  await sql(`SET LOCAL lock_timeout = ${TABLES_MS_MAX}`);
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
    await lockTables(sql, migrations.slice(before.length), migrations);
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
