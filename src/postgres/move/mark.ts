/** The mark of a move that has not ended. */
import { AppError } from '../../core/errors.js';
import type { Sql } from '../database.js';

/** Errors STORE_UNFINISHED: a part of the store is missing. */
export async function requireWhole(sql: Sql): Promise<void> {
  const [moving] = await sql<{ since: string }>('SELECT begun_at::text AS since FROM moving');
  if (moving === undefined) return;
  throw new AppError('STORE_UNFINISHED', { since: moving.since, action: 'run the same zeef migrate again' });
}
