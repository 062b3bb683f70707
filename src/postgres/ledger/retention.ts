/**
 * Retention, in portions, each a change of a fold: what was on record before is in the chain of events. The text of an erased
 * hit's events is deleted, the events stay until they are the oldest; hours are deleted, their days stay.
 */
import { startOf } from '../../core/period.js';
import { RowSum } from '../../core/row-sum.js';
import { addTotals } from '../../core/tally.js';
import { HOUR, rowDigest, type TallyRow, totalsOf } from '../../store/ledger-fold.js';
import type { Sql } from '../database.js';
import type { Checkpoint } from './chain.js';
import { TALLY_COLUMNS, withoutNews } from './fold.js';

/** Rows per transaction: some tens of milliseconds. */
export const HITS_AT_A_TIME = 500;
export const HOURS_AT_A_TIME = 5_000;
/** Events of erased hits at the beginning of the chain; the others are deleted with the next portion. */
const EVENTS_AT_A_TIME = 10_000;

/** Erase a portion of the hits; `count` has their number. A hit that another process changes at the moment is passed over. */
export async function eraseHits(
  sql: Sql,
  before: Checkpoint,
  stoppedBeforeMs: number,
): Promise<{ readonly checkpoint: Checkpoint; readonly count: number }> {
  const hits = await sql<{ id: string }>('SELECT id FROM hit WHERE stopped < $1 LIMIT $2 FOR UPDATE SKIP LOCKED', [
    stoppedBeforeMs,
    HITS_AT_A_TIME,
  ]);
  if (hits.length === 0) return { checkpoint: before, count: 0 };
  const ids = [hits.map(({ id }) => id)];
  const news = await sql<{ digest: Buffer }>(
    `WITH gone AS (DELETE FROM hit_news WHERE hit = ANY ($1) RETURNING hit, version)
     SELECT digest FROM gone JOIN hit_event USING (hit, version)`,
    ids,
  );
  const erased = await sql<{ digest: Buffer }>(
    'UPDATE hit_event SET body = NULL WHERE hit = ANY ($1) RETURNING digest',
    ids,
  );
  await sql('DELETE FROM hit WHERE id = ANY ($1)', ids);
  const sum = new RowSum(before.events.erasedSum);
  for (const { digest } of erased) sum.change(digest, 1);
  const events = { ...before.events, erased: before.events.erased + erased.length, erasedSum: sum.toHex() };
  return {
    checkpoint: await cutErased(sql, { ...withoutNews(before, news, 0), events }),
    count: hits.length,
  };
}

/** Delete erased events at the beginning of the chain; the hash of the last one is kept for its successor. */
async function cutErased(sql: Sql, before: Checkpoint): Promise<Checkpoint> {
  const { cutSeq } = before.events;
  const end = cutSeq + EVENTS_AT_A_TIME;
  // In a statement of its own: under row-level security `coalesce()` is no condition of an index, and each portion would read up to `end`.
  const [kept] = await sql<{ number: number | null }>(
    'SELECT min(number) AS number FROM hit_event WHERE number > $1 AND number <= $2 AND body IS NOT NULL',
    [cutSeq, end],
  );
  const cut = await sql<{ number: number; digest: Buffer; hash: Buffer }>(
    'DELETE FROM hit_event WHERE number <= $1 RETURNING number, digest, hash',
    [kept!.number === null ? end : kept!.number - 1],
  );
  if (cut.length === 0) return before;
  const sum = new RowSum(before.events.erasedSum);
  for (const { digest } of cut) sum.change(digest, -1);
  const last = cut.reduce((one, other) => (other.number > one.number ? other : one));
  return {
    ...before,
    events: {
      ...before.events,
      erased: before.events.erased - cut.length,
      erasedSum: sum.toHex(),
      cutSeq: last.number,
      cutHash: last.hash.toString('hex'),
    },
  };
}

/** Delete a portion of the hours; `count` has their number. */
export async function dropHours(
  sql: Sql,
  before: Checkpoint,
  hoursBeforeMs: number,
): Promise<{ readonly checkpoint: Checkpoint; readonly count: number }> {
  const beforeMs = startOf('day', hoursBeforeMs);
  // By their places, which only a fold changes.
  const rows = await sql<TallyRow>(
    `DELETE FROM tally WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM tally WHERE level = ${HOUR} AND start < $1 LIMIT $2
     )) RETURNING ${TALLY_COLUMNS}`,
    [beforeMs, HOURS_AT_A_TIME],
  );
  if (rows.length === 0) return { checkpoint: before, count: 0 };
  const sum = new RowSum(before.sum);
  let { dropped } = before;
  for (const row of rows) {
    sum.change(rowDigest(row), -1);
    dropped = addTotals(dropped, totalsOf(row));
  }
  const hoursFromMs = Math.max(before.hoursFromMs, beforeMs);
  return {
    checkpoint: { ...before, sum: sum.toHex(), rows: before.rows - rows.length, dropped, hoursFromMs },
    count: rows.length,
  };
}
