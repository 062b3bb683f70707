/** Statements of every request, compiled once per connection. */
import type { Sqlite, Statement } from '../core/sqlite-binding.js';

const kept = new WeakMap<Sqlite, Map<string, Statement>>();

export function prepared<Args extends unknown[] = unknown[], Row = unknown>(
  db: Sqlite,
  sql: string,
): Statement<Args, Row> {
  let statements = kept.get(db);
  if (!statements) {
    statements = new Map();
    kept.set(db, statements);
  }
  let statement = statements.get(sql);
  if (!statement) {
    statement = db.prepare(sql);
    statements.set(sql, statement);
  }
  return statement as unknown as Statement<Args, Row>;
}
