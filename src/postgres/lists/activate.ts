/** Makes staged changes of an import part of its list, under the locks of the list and of the store. */
import type { ImportMode, ImportReport } from '../../store/lists-contract.js';
import type { Sql } from '../database.js';
import { deleteInSteps } from '../rows.js';
import type { PostgresPlace } from './entry-place.js';
import { lockStore } from './generations.js';
import { type PostgresListRow, requireKeys } from './rows.js';
import { FIRST_NEW_KEY, STATES, type Staging } from './staging.js';

/** Rows of one statement: a second at most, so that none is ended for its length. */
const ROWS_PER_STATEMENT = 20_000;

interface Changes {
  readonly staging: Staging;
  readonly place: PostgresPlace;
  readonly report: ImportReport;
}

/** Result: the last key of an entry; null where none was added. Errors INDEX_FULL. */
export async function activateEntries(
  sql: Sql,
  list: PostgresListRow,
  { mode, restores }: { readonly mode: ImportMode; readonly restores: number },
  { staging, place, report }: Changes,
): Promise<number | null> {
  const { version } = report;
  if (staging.hasStagedHeld) {
    await forEachRange(sql, staging.id, 'id < $4', (range) => replaceHeld(sql, range, version));
    await writeChanged(sql, staging.id, list.id);
  }
  const lastKey = await addNew(sql, staging.id, list.id);
  // A list that is replaced holds what the file says.
  if (mode === 'replace') await deleteInSteps(sql, 'withdrawal', 'list_id = $1 AND version > $2', [list.id, restores]);
  if (staging.withdrawals > 0) await noteWithdrawals(sql, staging.id, list.id, version);
  for (const { algorithm, value, entry_id } of place.newlyDisabled)
    await sql(
      'INSERT INTO disabled_entry (list_id, algorithm, value, entry_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
      [list.id, algorithm, value, entry_id],
    );
  return lastKey;
}

/** An import, and the first and last key of a range. */
type Range = readonly [id: string, first: number, last: number];

/** Call `act` with ranges of staged keys, one after the other. `condition` on them; $4 is `FIRST_NEW_KEY`. */
async function forEachRange(
  sql: Sql,
  id: string,
  condition: string,
  act: (range: Range, rows: number) => Promise<void>,
): Promise<void> {
  for (let after = 0; ; ) {
    const [range] = await sql<{ last: number | null; rows: number }>(
      `SELECT max(id) AS last, count(*) AS rows FROM (
         SELECT id FROM staged_entry WHERE import = $1 AND id > $2 AND ${condition} ORDER BY id LIMIT $3) AS part`,
      [id, after, ROWS_PER_STATEMENT, FIRST_NEW_KEY],
    );
    if (range!.last === null) return;
    await act([id, after + 1, range!.last], range!.rows);
    after = range!.last;
  }
}

/** Earlier forms are kept, removals are on record for readers, and changed rows are written again under their keys. */
async function replaceHeld(sql: Sql, range: Range, version: number): Promise<void> {
  await sql(
    `INSERT INTO past_entry (entry_key, list_id, algorithm, value, entry_id, attributes, notes, since, until)
     SELECT held.id, held.list_id, held.algorithm, held.value, held.entry_id, held.attributes, held.notes, held.since, $4
     FROM entry AS held JOIN staged_entry AS staged USING (id)
     WHERE staged.import = $1 AND id BETWEEN $2 AND $3 AND held.disabled = 0 AND held.since < $4`,
    [...range, version],
  );
  await sql(
    `INSERT INTO removal (entry_key, generation, algorithm)
     SELECT held.id, store.generation + 1, held.algorithm
     FROM entry AS held JOIN staged_entry AS staged USING (id) CROSS JOIN store
     WHERE staged.import = $1 AND held.id BETWEEN $2 AND $3 AND held.disabled = 0
       AND (staged.state = ${STATES.removed} OR staged.disabled = 1)`,
    range,
  );
  // Written again, not updated: two rows of one value may exchange their ids.
  await sql(
    `DELETE FROM entry USING staged_entry AS staged
     WHERE staged.import = $1 AND staged.id BETWEEN $2 AND $3 AND entry.id = staged.id`,
    range,
  );
}

const COLUMNS = 'algorithm, value, entry_id, attributes, notes, disabled, quarantined, since';

async function writeChanged(sql: Sql, id: string, listId: number): Promise<void> {
  await forEachRange(sql, id, `id < $4 AND state = ${STATES.changed}`, async (range) => {
    await sql(
      `INSERT INTO entry (id, list_id, ${COLUMNS}) SELECT id, $4, ${COLUMNS} FROM staged_entry
       WHERE import = $1 AND id BETWEEN $2 AND $3 AND state = ${STATES.changed}`,
      [...range, listId],
    );
  });
}

/** Result: the last key; null where none was added. */
async function addNew(sql: Sql, id: string, listId: number): Promise<number | null> {
  const { last_entry_key: before } = await lockStore(sql);
  let lastKey = before;
  await forEachRange(sql, id, `id >= $4 AND state = ${STATES.added}`, async (range, rows) => {
    requireKeys(lastKey + rows);
    await sql(
      `INSERT INTO entry (id, list_id, ${COLUMNS})
       SELECT $5 + row_number() OVER (ORDER BY id), $4, ${COLUMNS} FROM staged_entry
       WHERE import = $1 AND id BETWEEN $2 AND $3 AND state = ${STATES.added}`,
      [...range, listId, lastKey],
    );
    lastKey += rows;
  });
  if (lastKey === before) return null;
  await sql(
    'UPDATE list SET last_key = $2, first_key = CASE first_key WHEN 0 THEN $3 ELSE first_key END WHERE id = $1',
    [listId, lastKey, before + 1],
  );
  return lastKey;
}

async function noteWithdrawals(sql: Sql, id: string, listId: number, version: number): Promise<void> {
  await sql(
    `INSERT INTO withdrawal (list_id, entry_id, at_ms, version)
     SELECT $2, entry_id, at_ms, $3 FROM staged_withdrawal WHERE import = $1
     ON CONFLICT (list_id, entry_id) DO UPDATE
       SET at_ms = greatest(withdrawal.at_ms, excluded.at_ms), version = excluded.version`,
    [id, listId, version],
  );
}
