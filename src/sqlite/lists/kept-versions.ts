/**
 * How long earlier versions of a list are kept: the last ten whatever they changed, since a daily list is rolled back by a week and
 * a half; and beyond them as long as they are cheap, since single additions and removals make a version each, and must not push the
 * last import out.
 */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { prepared } from '../statements.js';

const VERSIONS_MIN = 10;
/** Versions of a list: a row each, all of which are read with each import. */
const VERSIONS_MAX = 1_000;
/** Earlier forms of entries that versions beyond the first ten may keep: some twenty megabytes. */
const PAST_ENTRIES_MAX = 100_000;
/** Fact of a version that was made by these rules; before them the last ten were kept. */
export const KEPT_BY_SIZE = 'keptBySize';

interface Change {
  readonly version: number;
  /** Earlier forms that the version keeps of entries. */
  readonly changed: number;
  readonly isBySize: number;
}

/** The oldest version of a list that can be restored after `version`. A damaged row of a version keeps none beyond the first ten. */
export function oldestKept(db: Sqlite, listId: number, version: number): number {
  const fact = (name: string) => `coalesce(iif(json_valid(facts), json_extract(facts, '$.${name}'), NULL), 0)`;
  const changes = prepared<[number, number, number], Change>(
    db,
    `SELECT version, ${fact('removed')} + ${fact('updated')} AS changed, ${fact(KEPT_BY_SIZE)} AS isBySize FROM list_version
     WHERE list_id = ? AND version <= ? AND is_held = 0 ORDER BY version DESC LIMIT ?`,
  ).all(listId, version, VERSIONS_MAX);
  let oldest = Math.max(1, version - VERSIONS_MIN);
  let kept = 0;
  for (const change of changes) {
    kept += change.changed;
    if (change.version > oldest) continue;
    // What this one changed is needed to restore the one before it.
    if (change.version < oldest || change.isBySize === 0 || kept > PAST_ENTRIES_MAX) break;
    oldest = Math.max(1, change.version - 1);
  }
  return oldest;
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
