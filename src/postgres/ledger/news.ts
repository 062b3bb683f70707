/**
 * News: the cases that are new or reopened and that no webhook has as an event yet. A row is the key of an event; all else is
 * in the event. Their count and the sum of their events' digests are in the checkpoint, and in the open links.
 *
 * A mark is the end of the chain of events after a fold. What is on record at that time has a number up to it; a link that is
 * committed later is folded later, whatever the clocks and the order of the writers are.
 */
import type { News, NewsPage } from '../../store/ledger-contract.js';
import type { Sql } from '../database.js';
import { arraysOf, type Columns, unnested } from '../rows.js';
import { type Checkpoint, type EventRow, FIRST_CHECKPOINT } from './chain.js';
import { lastCheckpoint, withoutNews } from './fold.js';

interface NewsKey {
  readonly hit: string;
  readonly version: number;
}
const NEWS_KEY: Columns<NewsKey> = { hit: 'text', version: 'int4' };

const idOf = ({ hit, version }: NewsKey) => `${version} ${hit}`;

function keyOf(id: string): NewsKey {
  const [version = '', ...hit] = id.split(' ');
  return { hit: hit.join(' '), version: Number(version) };
}

/** Return the oldest news. */
export async function news(sql: Sql, limit: number): Promise<NewsPage> {
  const rows = await sql<EventRow>(
    `SELECT hit_event.* FROM hit_news JOIN hit_event USING (hit, version)
       LEFT JOIN ledger_link AS link ON hit_news.number IS NULL AND link.writer = hit_event.writer AND link.seq = hit_event.seq
     ORDER BY hit_news.number, link.at, hit_event.writer, hit_event.seq, hit_event.place LIMIT $1`,
    [limit],
  );
  const { last } = await lastCheckpoint(sql);
  return {
    news: rows.map(
      (row): News => ({
        id: idOf(row),
        kind: row.kind === 'status' ? 'reopened' : 'new',
        tenant: row.tenant,
        hitId: row.hit,
        atMs: row.at,
      }),
    ),
    lost: last.news.lost,
  };
}

/** Forget news that are there, and `lost` ones that were reported; a change of a fold. */
export const forgetNews = (sql: Sql, ids: readonly string[], lost: number) => async (before: Checkpoint) => {
  const gone = await sql<{ digest: Buffer }>(
    `WITH gone AS (
       DELETE FROM hit_news USING ${unnested(NEWS_KEY)}
       WHERE hit_news.hit = given.hit AND hit_news.version = given.version RETURNING hit_news.hit, hit_news.version
     )
     SELECT digest FROM gone JOIN hit_event USING (hit, version)`,
    arraysOf(NEWS_KEY, ids.map(keyOf)),
  );
  const reported = Math.min(lost, before.news.lost);
  return gone.length === 0 && reported === 0 ? before : withoutNews(before, gone, -reported);
};

/** The newest event of the chain, with its hash: a ledger that was restored from an earlier copy has another one there. */
export async function newsMark(sql: Sql): Promise<string> {
  const { events } = (await lastCheckpoint(sql)).last;
  return `${events.seq} ${events.hash}`;
}

/** Return those of the news that are younger than the mark. */
export async function newsAfter(sql: Sql, mark: string, ids: readonly string[]): Promise<string[]> {
  const [number, hash] = mark.split(' ');
  const [found] = await sql<{ hash: string }>(`SELECT encode(hash, 'hex') AS hash FROM hit_event WHERE number = $1`, [
    Number(number),
  ]);
  const { seq, hash: first } = FIRST_CHECKPOINT.events;
  const isKnown = (Number(number) === seq && hash === first) || found?.hash === hash;
  // One that is not there was erased, so it is no news for anyone.
  const rows = await sql<NewsKey>(
    `SELECT hit, version FROM ${unnested(NEWS_KEY, 2)} JOIN hit_event USING (hit, version)
     WHERE number IS NULL OR number > $1`,
    [isKnown ? Number(number) : 0, ...arraysOf(NEWS_KEY, ids.map(keyOf))],
  );
  const after = new Set(rows.map(idOf));
  return ids.filter((id) => after.has(id));
}
