/** Earlier versions of a list in SQLite: which are kept. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { oldestOf, VERSIONS_MAX, type VersionChange } from '../../store/lists/kept-versions.js';
import { prepared } from '../statements.js';

/** The oldest version of a list that can be restored after `version`. */
export function oldestKept(db: Sqlite, listId: number, version: number): number {
  const changes = prepared<[number, number, number], VersionChange>(
    db,
    `SELECT version, facts FROM list_version WHERE list_id = ? AND version <= ? AND is_held = 0
     ORDER BY version DESC LIMIT ?`,
  ).all(listId, version, VERSIONS_MAX);
  return oldestOf(changes, version);
}

/** Before `version` is noted. */
export function forgetOldVersions(db: Sqlite, listId: number, version: number): void {
  const oldest = oldestKept(db, listId, version - 1);
  prepared(db, 'DELETE FROM past_entry WHERE list_id = ? AND until <= ?').run(listId, oldest);
  prepared(db, 'DELETE FROM list_version WHERE list_id = ? AND version <= ? AND is_held = 0').run(
    listId,
    version - VERSIONS_MAX,
  );
}
