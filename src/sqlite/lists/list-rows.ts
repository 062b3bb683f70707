/** Rows of the table `list`, and the keys of entries. */
import { AppError } from '../../core/errors.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { ListRow } from '../../store/lists/list-row.js';
import { sound } from '../sums.js';
import { LIST, metaOf } from './database.js';

/** Errors LIST_NOT_FOUND, STORE_DAMAGED. */
export function rowOf(db: Sqlite, name: string): ListRow {
  const row = db.prepare<[string], ListRow>('SELECT * FROM list WHERE name = ?').get(name);
  if (!row) throw new AppError('LIST_NOT_FOUND', { list: name });
  return sound(LIST, row);
}

/** Key of the next entry; never one that was used before. */
export function nextEntryKey(db: Sqlite): number {
  const most = db.prepare<[], number | null>('SELECT max(id) FROM entry').pluck().get() ?? 0;
  return 1 + Math.max(metaOf(db, 'last_entry_key'), most);
}

/** After entries were added, up to this key: no key is given twice. SQLite counts too, but without a sum. */
export function noteEntryKey(db: Sqlite, key: number): void {
  db.prepare(`UPDATE meta SET value = max(value, ?) WHERE name = 'last_entry_key'`).run(key);
}
