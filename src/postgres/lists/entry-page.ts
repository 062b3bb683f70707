/** A page of a list's entries by their ids. Each is found by a look-up in the index of ids: however many values share an id, they are not counted. */
import { ENTRY_VALUES_READ_MAX, lineOf } from '../../store/lists/entry-line.js';
import type { EntryLine, EntryPage } from '../../store/lists-contract.js';
import type { Sql } from '../database.js';
import type { HeldRow } from './rows.js';

type Line = Pick<HeldRow, 'entry_id' | 'algorithm' | 'disabled' | 'quarantined'>;

export async function entryPage(sql: Sql, listId: number, { after, limit }: EntryPage): Promise<readonly EntryLine[]> {
  const rows = await sql<Line>(
    `WITH RECURSIVE page (entry_id, at) AS (
       (SELECT entry_id, 1 FROM entry WHERE list_id = $1 AND ($2::text IS NULL OR entry_id > $2) ORDER BY entry_id LIMIT 1)
       UNION ALL
       SELECT (SELECT entry.entry_id FROM entry WHERE list_id = $1 AND entry.entry_id > page.entry_id
               ORDER BY entry.entry_id LIMIT 1), at + 1
       FROM page WHERE page.entry_id IS NOT NULL AND at < $3
     )
     SELECT page.entry_id, held.algorithm, held.disabled, held.quarantined
     FROM page CROSS JOIN LATERAL (
       SELECT algorithm, disabled, quarantined FROM entry
       WHERE list_id = $1 AND entry.entry_id = page.entry_id ORDER BY id LIMIT $4
     ) AS held
     WHERE page.entry_id IS NOT NULL ORDER BY page.at`,
    [listId, after, limit, ENTRY_VALUES_READ_MAX],
  );
  const byId = new Map<string, Line[]>();
  for (const row of rows) byId.set(row.entry_id, [...(byId.get(row.entry_id) ?? []), row]);
  return [...byId].map(([entryId, held]) => lineOf(entryId, held));
}
