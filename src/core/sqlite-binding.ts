/**
 * The only place that loads a native SQLite binding, chosen by the version of Node.
 *
 * better-sqlite3 13 is built on Node-API and ships its binaries, but crashes on Node 20. better-sqlite3 12 runs on Node 20,
 * is compiled at installation, and aborts on Node 24.19 and newer when a statement is collected. Both have the same
 * interface (`docs/decisions/`).
 */
import { createRequire } from 'node:module';
import type BetterSqlite3 from 'better-sqlite3';
import { AppError } from './errors.js';

const NODE_API_SINCE = 22;

/** Package that this Node loads; `scripts/check-install.mjs` makes the same choice before any build. */
export const SQLITE_PACKAGE =
  Number.parseInt(process.versions.node, 10) >= NODE_API_SINCE ? 'better-sqlite3' : 'better-sqlite3-node20';

function load(): typeof BetterSqlite3 {
  try {
    const binding = createRequire(import.meta.url)(SQLITE_PACKAGE);
    // Without its compiled part the package loads, but cannot open a database.
    new binding(':memory:').close();
    return binding;
  } catch (error) {
    throw new AppError('INSTALL_INCOMPLETE', { package: SQLITE_PACKAGE, node: process.version }, error);
  }
}

/** Errors  INSTALL_INCOMPLETE, when this module is loaded: the package is missing or not compiled. */
export const Database = load();
export type Sqlite = BetterSqlite3.Database;
export type Statement<Args extends unknown[] = unknown[], Row = unknown> = BetterSqlite3.Statement<Args, Row>;
