/**
 * Retention, in small portions so that requests need not wait. The text of an erased hit's events is deleted, their links
 * stay until they are the oldest; hours are deleted, their days stay. A fold records the deletions.
 */
import { startOf } from '../../core/period.js';
import { RowSum } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { addTotals } from '../../core/tally.js';
import type { EventLink } from '../../store/ledger-chain.js';
import type { Retention } from '../../store/ledger-contract.js';
import { type Fold, rowDigest, type TallyRow, totalsOf } from '../../store/ledger-fold.js';
import { Chains } from './chain.js';
import { fold, lastFold, TALLY_COLUMNS } from './fold.js';
import { eraseNews } from './news.js';

/** Rows per transaction: some tens of milliseconds. */
const HITS_AT_A_TIME = 500;
const HOURS_AT_A_TIME = 5_000;

/** Erase one portion; `more` if another may be left. */
export function retain(db: Sqlite, retention: Retention): { hits: number; hours: number; more: boolean } {
  const { hitsStoppedBeforeMs, hoursBeforeMs, atMs } = retention;
  const hits = hitsStoppedBeforeMs === null ? 0 : eraseHits(db, hitsStoppedBeforeMs, atMs);
  const hours = hoursBeforeMs === null ? 0 : dropHours(db, startOf('day', hoursBeforeMs), atMs);
  return { hits, hours, more: hits === HITS_AT_A_TIME || hours === HOURS_AT_A_TIME };
}

function eraseHits(db: Sqlite, stoppedBeforeMs: number, atMs: number): number {
  return db
    .transaction(() => {
      const gone = db
        .prepare<[number, number], { id: string; tenant: string }>(
          'SELECT id, tenant FROM hit WHERE stopped IS NOT NULL AND stopped < ? LIMIT ?',
        )
        .all(stoppedBeforeMs, HITS_AT_A_TIME);
      if (gone.length === 0) return 0;
      const chains = new Chains(db);
      const { events } = lastFold(db, chains.head.foldSeq).fold;
      const sum = new RowSum(events.erasedSum);
      let { erased } = events;
      const links = db.prepare<[string, string], EventLink>('SELECT * FROM event_link WHERE hit = ? AND tenant = ?');
      const erase = db.prepare('UPDATE event_link SET body = NULL WHERE hit = ? AND tenant = ?');
      const remove = db.prepare('DELETE FROM hit WHERE id = ? AND tenant = ?');
      for (const { id, tenant } of gone) {
        eraseNews(db, chains, { id, tenant });
        for (const link of links.all(id, tenant)) {
          sum.change(link.hash, 1);
          erased++;
        }
        erase.run(id, tenant);
        remove.run(id, tenant);
      }
      const cut = cutErased(db, { ...events, erased, erasedSum: sum.toHex() });
      fold(db, chains, atMs, { events: cut });
      chains.writeHead();
      return gone.length;
    })
    .immediate();
}

/** Delete the links of erased events at the beginning of the chain; the hash of the last one is kept for its successor. */
function cutErased(db: Sqlite, events: Fold['events']): Fold['events'] {
  const sum = new RowSum(events.erasedSum);
  let { erased, cutSeq, cutHash } = events;
  for (const link of db.prepare<[], EventLink>('SELECT * FROM event_link ORDER BY seq').iterate()) {
    if (link.body !== null) break;
    sum.change(link.hash, -1);
    erased--;
    cutSeq = link.seq;
    cutHash = link.hash.toString('hex');
  }
  db.prepare('DELETE FROM event_link WHERE seq <= ?').run(cutSeq);
  return { ...events, erased, erasedSum: sum.toHex(), cutSeq, cutHash };
}

function dropHours(db: Sqlite, beforeMs: number, atMs: number): number {
  return db
    .transaction(() => {
      const chains = new Chains(db);
      // Open groups may be as old.
      if (chains.head.openGroups > 0) fold(db, chains, atMs);
      const rows = db
        .prepare<[number, number], TallyRow>(`SELECT ${TALLY_COLUMNS} FROM tally WHERE level = 0 AND start < ? LIMIT ?`)
        .all(beforeMs, HOURS_AT_A_TIME);
      if (rows.length === 0) {
        chains.writeHead();
        return 0;
      }
      const before = lastFold(db, chains.head.foldSeq).fold;
      const sum = new RowSum(before.sum);
      let { dropped } = before;
      const remove = db.prepare('DELETE FROM tally WHERE tenant = ? AND level = 0 AND start = ?');
      for (const row of rows) {
        sum.change(rowDigest(row), -1);
        dropped = addTotals(dropped, totalsOf(row));
        remove.run(row.tenant, row.start);
      }
      const hoursFromMs = Math.max(before.hoursFromMs, beforeMs);
      fold(db, chains, atMs, { sum: sum.toHex(), rows: before.rows - rows.length, dropped, hoursFromMs });
      chains.writeHead();
      return rows.length;
    })
    .immediate();
}
