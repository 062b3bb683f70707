/** Makes a ledger file one of an earlier version. */
import type { Sqlite } from '../../src/core/sqlite-binding.js';

/** Of schema 2: before hits had marks. Its hits were recorded by `unmarked` sightings. */
export function withoutMarks(db: Sqlite): void {
  const columns = ['md5_mark', 'sha1_mark', 'sha256_mark', 'marked', 'assignee', 'disputed'];
  db.exec(`DROP INDEX hit_md5; DROP INDEX hit_sha1; DROP INDEX hit_sha256; DROP INDEX hit_unmarked;
    DROP INDEX hit_assignee; DROP INDEX hit_disputed;
    ${columns.map((name) => `ALTER TABLE hit DROP COLUMN ${name};`).join('\n')}
    PRAGMA user_version = 2`);
}
