/**
 * News: the cases that are new or reopened and that no webhook has as an event yet. A row is the number of a link of the
 * events; all else is in the link. The head holds their count and the sum of their links' hashes, so that a row that is
 * lost, added or changed is found.
 */
import { RowSum } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { type EventLink, type Head, newsHead } from '../../store/ledger-chain.js';
import type { News, NewsPage } from '../../store/ledger-contract.js';
import { prepared } from '../statements.js';
import { Chains } from './chain.js';

/** Rows: some ten megabytes. As many hits wait where scans find them and no service runs that reads them. */
export const NEWS_MAX = 1_000_000;

type NewsLink = Pick<EventLink, 'seq' | 'at' | 'kind' | 'tenant' | 'hit' | 'hash'>;
const LINKS = 'SELECT seq, at, kind, tenant, hit, hash FROM hit_news JOIN event_link USING (seq)';

/** The schema's second version. Cases that are on record are news too: a webhook with a position in time skips old ones. */
export function addNewsTable(db: Sqlite): void {
  db.exec('CREATE TABLE hit_news (seq INTEGER PRIMARY KEY) STRICT');
  db.prepare(
    `INSERT INTO hit_news SELECT seq FROM event_link JOIN hit ON hit.id = event_link.hit
     WHERE quarantined = 0 AND (event_link.kind = 'hit' OR (event_link.kind = 'status' AND stopped IS NULL
       AND CASE WHEN json_valid(body) THEN json_extract(body, '$.status') END = 'open'))
     ORDER BY seq DESC LIMIT ?`,
  ).run(NEWS_MAX);
  const sum = new RowSum();
  let rows = 0;
  for (const { hash } of db.prepare<[], NewsLink>(LINKS).iterate()) {
    sum.change(hash, 1);
    rows++;
  }
  const since = db.prepare<[], number>('SELECT coalesce(max(seq), 0) FROM event_link').pluck().get()!;
  const news = newsHead({ rows, sum: sum.toHex(), lost: 0, since });
  db.prepare(`UPDATE head SET state = json_set(state, '$.news', json(?)) WHERE json_valid(state)`).run(
    JSON.stringify(news),
  );
}

/** Make the newest event news. Beyond `max` the oldest news are lost, and counted. */
export function addNews(db: Sqlite, chains: Chains, max: number): void {
  const { eventSeq, eventHash } = chains.head;
  prepared(db, 'INSERT INTO hit_news VALUES (?)').run(eventSeq);
  chains.changeNews(Buffer.from(eventHash, 'hex'), 1);
  if (chains.news.rows <= max) return;
  const oldest = prepared<[], NewsLink>(db, `${LINKS} ORDER BY seq LIMIT 1`).all();
  removeNews(db, chains, oldest, oldest.length);
}

/** Remove rows that are news. `lost`: the number of them that no process has read; below 0 where it was reported. */
function removeNews(db: Sqlite, chains: Chains, links: readonly NewsLink[], lost: number): void {
  for (const { seq, hash } of links) {
    prepared(db, 'DELETE FROM hit_news WHERE seq = ?').run(seq);
    chains.changeNews(hash, -1);
  }
  chains.loseNews(lost);
}

/** Remove the news of a hit that is erased, inside the caller's transaction. */
export function eraseNews(
  db: Sqlite,
  chains: Chains,
  { id, tenant }: { readonly id: string; readonly tenant: string },
) {
  const links = prepared<[string, string], NewsLink>(db, `${LINKS} WHERE hit = ? AND tenant = ?`).all(id, tenant);
  if (links.length > 0) removeNews(db, chains, links, 0);
}

/** Return the oldest news. */
export function news(db: Sqlite, limit: number): NewsPage {
  const links = prepared<[number], NewsLink>(db, `${LINKS} ORDER BY seq LIMIT ?`).all(limit);
  return {
    news: links.map(
      ({ seq, at, kind, tenant, hit }): News => ({
        id: String(seq),
        kind: kind === 'status' ? 'reopened' : 'new',
        tenant,
        hitId: hit,
        atMs: at,
      }),
    ),
    lost: new Chains(db).head.news.lost,
  };
}

/** Forget news that are there, and `lost` ones that were reported. */
export function forgetNews(db: Sqlite, ids: readonly string[], lost: number): void {
  db.transaction(() => {
    const chains = new Chains(db);
    const find = prepared<[number], NewsLink>(db, `${LINKS} WHERE seq = ?`);
    const links = ids.flatMap((id) => find.all(Number(id)));
    const reported = Math.min(lost, chains.news.lost);
    if (links.length === 0 && reported === 0) return;
    removeNews(db, chains, links, -reported);
    chains.writeHead();
  }).immediate();
}

/** The newest event, with its hash: a ledger that was restored from an earlier copy has other events of that number. */
export function newsMark(db: Sqlite): string {
  const { eventSeq, eventHash }: Head = new Chains(db).head;
  return `${eventSeq} ${eventHash}`;
}

/** Return those of the news that are younger than the mark. */
export function newsAfter(db: Sqlite, mark: string, ids: readonly string[]): string[] {
  const { since } = new Chains(db).head.news;
  const old = /^since (\d+) (\d+)$/.exec(mark);
  if (old) {
    // Of a webhook from before there were news: the cases that were on record then are compared by their times.
    const [hitsMs, reopenedMs] = [Number(old[1]), Number(old[2])];
    const find = prepared<[number], NewsLink>(db, 'SELECT at, kind FROM event_link WHERE seq = ?');
    const isRecent = (link: NewsLink | undefined) =>
      link !== undefined && link.at >= (link.kind === 'status' ? reopenedMs : hitsMs);
    return ids.filter((id) => Number(id) > since || isRecent(find.get(Number(id))));
  }
  const [seq, hash] = mark.split(' ');
  const at = prepared<[number], NewsLink>(db, 'SELECT hash FROM event_link WHERE seq = ?').get(Number(seq));
  const afterSeq = at?.hash.toString('hex') === hash ? Math.max(since, Number(seq)) : since;
  return ids.filter((id) => Number(id) > afterSeq);
}
