/** The marks of a move that has not ended, and of one that has ended elsewhere. */
import { AppError } from '../../core/errors.js';
import type { MoveMark, MovePlace } from '../../store/move-contract.js';
import type { Sql } from '../database.js';
import { MOVED_STATE } from '../guarded.js';
import { TABLES } from './tables.js';

/** Errors STORE_UNFINISHED: a part of the store is missing. */
export async function requireFinished(sql: Sql): Promise<void> {
  const [moving] = await sql<{ since: string }>('SELECT begun_at::text AS since FROM moving');
  if (moving === undefined) return;
  throw new AppError('STORE_UNFINISHED', { since: moving.since, action: 'run the same zeef migrate again' });
}

/** Errors  STORE_UNFINISHED: a part of the store is missing. STORE_MOVED: all of it has another place. */
export async function requireWhole(sql: Sql): Promise<void> {
  await requireFinished(sql);
  const mark = await movedAway(sql);
  if (mark !== null) throw storeMovedAway(mark);
}

/** Return the mark of a store that was moved into a data folder, or null. */
export async function movedAway(sql: Sql): Promise<MoveMark | null> {
  const [row] = await sql<{ token: string; place: string; at: string }>('SELECT token, place, at FROM moved_away');
  return row === undefined ? null : { ...(JSON.parse(row.place) as MovePlace), token: row.token, at: row.at };
}

export function storeMovedAway({ token: _, ...where }: MoveMark): AppError {
  const action =
    'use the data folder, and run the same zeef migrate again if it says STORE_UNFINISHED; to use this database again, without all that the folder recorded, see Moving back in docs/scale.md';
  return new AppError('STORE_MOVED', { ...where, action });
}

/**
 * Mark the store as moved, while nothing else writes it. A process that has it open, or code of an earlier version, would not
 * look: so each statement that changes a table is refused by the database itself.
 */
export async function markMovedAway(sql: Sql, { token, at, ...place }: MoveMark): Promise<void> {
  await sql('INSERT INTO moved_away (id, token, place, at) VALUES (1, $1, $2, $3)', [token, JSON.stringify(place), at]);
  await sql(
    `CREATE OR REPLACE FUNCTION refuse_moved() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the store was moved' USING ERRCODE = '${MOVED_STATE}'; END $$`,
  );
  for (const table of TABLES)
    await sql(
      `CREATE TRIGGER moved_away BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_moved()`,
    );
}
