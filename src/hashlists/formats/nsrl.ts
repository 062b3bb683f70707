/**
 * NSRL's Reference Data Set as SQLite: all tables with a digest column (`md5`, `sha1`, `sha256`). Its files are known good,
 * so they are accepted only on suppression lists. Source: NIST, RDS version 3 (SQLite).
 */

import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { DIGEST_ALGORITHMS, type DigestAlgorithm } from '../../core/vocabulary.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';

interface Column {
  readonly table: string;
  readonly column: string;
  readonly algorithm: DigestAlgorithm;
}

function digestColumns(db: Sqlite): Column[] {
  return db
    .prepare<[], { table: string; column: string }>(
      `SELECT m.name AS "table", c.name AS "column" FROM sqlite_master m JOIN pragma_table_info(m.name) c
       WHERE m.type = 'table' ORDER BY m.name, c.cid`,
    )
    .all()
    .flatMap(({ table, column }) => {
      const algorithm = DIGEST_ALGORITHMS.find((one) => one === column.toLowerCase().replace(/[-_]/g, ''));
      return algorithm ? [{ table, column, algorithm }] : [];
    });
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Read all digests of the database. Errors HASHLIST_INVALID: not such a database. */
export async function* parseNsrl({ path, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  if (path === undefined) throw new AppError('HASHLIST_INVALID', { why: 'expected a database file, not a stream' });
  let db: Sqlite | null = null;
  let line = 0;
  // Not before: most processes on PostgreSQL never need this driver.
  const { Database } = await import('../../core/sqlite-binding.js');
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    // A schema may call functions: those of a foreign file only harmless ones.
    db.pragma('trusted_schema = OFF');
    const columns = digestColumns(db);
    if (columns.length === 0) throw new AppError('HASHLIST_INVALID', { why: 'no digest column' });
    for (const { table, column, algorithm } of columns) {
      const read = db.prepare<[], { value: unknown }>(
        `SELECT DISTINCT ${quoted(column)} AS value FROM ${quoted(table)} WHERE ${quoted(column)} <> ''`,
      );
      for (const { value } of read.iterate()) {
        line++;
        if (options.kind === 'match') yield { ok: false, line, reason: 'known_good' };
        else yield normalise({ value: String(value), algorithm, source: 'NSRL' }, line, options);
      }
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    // SQLite's message may quote the file.
    const { code } = error as { code?: unknown };
    throw new AppError('HASHLIST_INVALID', { why: typeof code === 'string' ? code : 'invalid database', row: line });
  } finally {
    db?.close();
  }
}
