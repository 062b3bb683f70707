/** Statements of every request, compiled once per connection. */
import type { Sqlite, Statement } from '../core/sqlite-binding.js';

const cache = new WeakMap<Sqlite, Map<string, Statement>>();

export function prepared<Args extends unknown[] = unknown[], Row = unknown>(
  db: Sqlite,
  sql: string,
): Statement<Args, Row> {
  let statements = cache.get(db);
  if (!statements) {
    statements = new Map();
    cache.set(db, statements);
  }
  let statement = statements.get(sql);
  if (!statement) {
    statement = db.prepare(sql);
    statements.set(sql, statement);
  }
  return statement as unknown as Statement<Args, Row>;
}
