/** Lists are made, and their settings changed, inside the caller's transaction. */
import { AppError } from '../../core/errors.js';
import { LIST_KEY_MAX } from '../../core/limits.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { ListInfo } from '../../core/vocabulary.js';
import { nameTaken, requireListName } from '../../store/list-name.js';
import { type ListRow, renamedTerms, requireBankFree, toInfo, toTerms } from '../../store/lists/list-row.js';
import type { ListChange, NewList } from '../../store/lists-contract.js';
import { wholeTable } from '../sums.js';
import { LIST, metaOf } from './database.js';
import { raiseGeneration } from './generations.js';
import { rowOf } from './list-rows.js';

/** Result: whether the list was added; false: one of this name exists, and stays as it is. Errors REQUEST_INVALID: its name; INDEX_FULL. */
export function addList(db: Sqlite, { list, kind, ...settings }: NewList): boolean {
  requireListName(list);
  const { changes, lastInsertRowid } = db
    .prepare(
      `INSERT OR IGNORE INTO list
         (name, kind, enabled, radius_bits, match_low_quality, detail, version, rejected, duplicates, checksum, counts)
       VALUES (?, ?, 1, ?, ?, ?, 0, 0, 0, '', '{}')`,
    )
    .run(list, kind, settings.radiusBits, settings.matchLowQuality ? 1 : 0, settings.detail ?? 'plain');
  if (changes === 0) return false;
  const listKey = Number(lastInsertRowid);
  if (listKey > LIST_KEY_MAX) throw new AppError('INDEX_FULL', { listKey, listKeyMax: LIST_KEY_MAX });
  setList(db, list, settings);
  return true;
}

/** Errors LIST_NOT_FOUND. */
export function setList(db: Sqlite, name: string, change: ListChange): ListInfo {
  const now = { ...toInfo(rowOf(db, name)), ...change };
  if (now.bank !== null) requireBankFree(now, wholeTable<ListRow>(db, LIST).map(toInfo));
  db.prepare(
    'UPDATE list SET enabled = ?, radius_bits = ?, match_low_quality = ?, detail = ?, terms = ? WHERE name = ?',
  ).run(now.enabled ? 1 : 0, now.radiusBits, now.matchLowQuality ? 1 : 0, now.detail, toTerms(now), name);
  return toInfo(rowOf(db, name));
}

/** Before the generation is raised. Errors LIST_NOT_FOUND; REQUEST_INVALID: the name is taken or invalid. */
export function setName(db: Sqlite, name: string, to: string): ListInfo {
  requireListName(to);
  const row = rowOf(db, name);
  if (db.prepare('SELECT 1 FROM list WHERE name = ?').get(to) !== undefined) throw nameTaken();
  const terms = renamedTerms(row, metaOf(db, 'generation') + 1);
  db.prepare('UPDATE list SET name = ?, terms = ? WHERE id = ?').run(to, terms, row.id);
  return toInfo(rowOf(db, to));
}

/** Make a list for an import that found none. Errors REQUEST_INVALID: another process has made one of other settings. */
export function makeMissing(db: Sqlite, list: NewList): void {
  if (addList(db, list)) {
    raiseGeneration(db);
    return;
  }
  const { kind, radiusBits } = toInfo(rowOf(db, list.list));
  // The rows were read, and reviewed, for these.
  if (kind !== list.kind || radiusBits !== list.radiusBits)
    throw new AppError('REQUEST_INVALID', {
      field: 'list',
      why: 'another process has made this list',
      kind,
      radiusBits,
    });
}
