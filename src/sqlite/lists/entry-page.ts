/** A page of a list's entries by their ids. Each is found by a look-up in the index of ids: however many values share an id, they are not counted. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { ENTRY_VALUES_READ_MAX, lineOf } from '../../store/lists/entry-line.js';
import type { EntryLine, EntryPage } from '../../store/lists-contract.js';
import { prepared } from '../statements.js';
import { sound } from '../sums.js';
import type { HeldRow } from './checksum.js';
import { ENTRY } from './database.js';

/** Errors STORE_DAMAGED. */
export function entryPage(db: Sqlite, listId: number, { after, limit }: EntryPage): readonly EntryLine[] {
  const idOf = (condition: string) =>
    `SELECT entry_id FROM entry WHERE list_id = ?${condition} ORDER BY entry_id LIMIT 1`;
  const first = db.prepare<[number], { entry_id: string }>(idOf(''));
  const next = db.prepare<[number, string], { entry_id: string }>(idOf(' AND entry_id > ?'));
  const values = db.prepare<[number, string, number], HeldRow>(
    'SELECT * FROM entry WHERE list_id = ? AND entry_id = ? ORDER BY id LIMIT ?',
  );
  const lines: EntryLine[] = [];
  let row = after === null ? first.get(listId) : next.get(listId, after);
  while (row !== undefined && lines.length < limit) {
    const { entry_id } = row;
    const rows = values.all(listId, entry_id, ENTRY_VALUES_READ_MAX).map((one) => sound(ENTRY, one));
    lines.push(lineOf(entry_id, rows));
    row = next.get(listId, entry_id);
  }
  return lines;
}

/** Return the lowest key of the values of each of these entries, by its id. */
export function entryKeys(db: Sqlite, listId: number, entryIds: readonly string[]): ReadonlyMap<string, number> {
  const read = prepared<[number, string], { entry_id: string; key: number }>(
    db,
    `SELECT entry_id, min(id) AS key FROM entry
     WHERE list_id = ? AND entry_id IN (SELECT value FROM json_each(?)) GROUP BY entry_id`,
  );
  return new Map(read.all(listId, JSON.stringify(entryIds)).map(({ entry_id, key }) => [entry_id, key]));
}
