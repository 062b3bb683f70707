/**
 * Folding: the counts of the groups since the last fold are added to their hours, days, months and years, the groups are
 * deleted, and one link holds the total of all counts. A commit costs one small link; a quarter of a year of commits
 * leaves one link an hour, each naming the one before.
 */
import { endOf, startOf } from '../../core/period.js';
import { RowSum } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { addTotals, type Tally, TallySum } from '../../core/tally.js';
import type { GroupLink } from '../../store/ledger-chain.js';
import {
  cellsOf,
  FIRST_FOLD,
  type Fold,
  HOUR,
  LEVELS,
  rowDigest,
  type TallyRow,
  totalsOf,
} from '../../store/ledger-fold.js';
import type { Chains } from './chain.js';

export const TALLY_COLUMNS = 'tenant, level, start, checked, exact, near, suppressed, not_checked, cells';

export function lastFold(db: Sqlite, foldSeq: number): { link: GroupLink | null; fold: Fold } {
  if (foldSeq === 0) return { link: null, fold: FIRST_FOLD };
  const link = db.prepare<[number], GroupLink>('SELECT * FROM group_link WHERE seq = ?').get(foldSeq);
  if (!link) throw new SyntaxError('last fold not found');
  return { link, fold: JSON.parse(link.body) as Fold };
}

/** Return the tallies of the groups since the last fold, as appended. */
export function* openTallies(db: Sqlite, foldSeq: number): Generator<Tally> {
  const links = db.prepare<[number], { body: string }>('SELECT body FROM group_link WHERE seq > ? ORDER BY seq');
  for (const { body } of links.iterate(foldSeq)) yield* JSON.parse(body) as Tally[];
}

/** Sum the open tallies by the periods of every level. */
function sumsByPeriod(
  db: Sqlite,
  foldSeq: number,
): Map<string, { tenant: string; level: number; start: number; sum: TallySum }> {
  const sums = new Map<string, { tenant: string; level: number; start: number; sum: TallySum }>();
  for (const tally of openTallies(db, foldSeq)) {
    for (const [level, interval] of LEVELS.entries()) {
      const start = startOf(interval, tally.startMs);
      const key = JSON.stringify([tally.tenant, level, start]);
      let held = sums.get(key);
      if (!held) {
        held = { tenant: tally.tenant, level, start, sum: new TallySum() };
        sums.set(key, held);
      }
      held.sum.add(tally);
    }
  }
  return sums;
}

/** Fold inside the caller's transaction. `also`: further fields of the fold. */
export function fold(db: Sqlite, chains: Chains, atMs: number, also: Partial<Fold> = {}): void {
  const { head } = chains;
  const last = lastFold(db, head.foldSeq);
  const before = { ...last.fold, ...also };
  const rowSum = new RowSum(before.sum);
  let { rows, totals } = before;
  const find = db.prepare<[string, number, number], TallyRow>(
    `SELECT ${TALLY_COLUMNS} FROM tally WHERE tenant = ? AND level = ? AND start = ?`,
  );
  const write = db.prepare(`INSERT OR REPLACE INTO tally (${TALLY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  for (const { tenant, level, start, sum } of sumsByPeriod(db, head.foldSeq).values()) {
    if (level === HOUR) totals = addTotals(totals, sum.totals);
    const held = find.get(tenant, level, start);
    if (held) {
      rowSum.change(rowDigest(held), -1);
      sum.add({ totals: totalsOf(held), cells: cellsOf(held) });
    } else rows++;
    const { checked, exact, near, suppressed, notChecked } = sum.totals;
    const row: TallyRow = {
      tenant,
      level,
      start,
      checked,
      exact,
      near,
      suppressed,
      not_checked: notChecked,
      cells: JSON.stringify(sum.cells),
    };
    rowSum.change(rowDigest(row), 1);
    write.run(tenant, level, start, checked, exact, near, suppressed, notChecked, row.cells);
  }
  db.prepare('DELETE FROM group_link WHERE seq > ?').run(head.foldSeq);
  const isAnchor = last.link !== null && atMs >= endOf('hour', last.link.at);
  if (last.link !== null && !isAnchor) db.prepare('DELETE FROM group_link WHERE seq = ?').run(last.link.seq);
  const fold: Fold = {
    ...before,
    before: head.groupHash,
    anchor: isAnchor ? last.link!.hash.toString('hex') : last.fold.anchor,
    anchors: last.fold.anchors + (isAnchor ? 1 : 0),
    sum: rowSum.toHex(),
    rows,
    totals,
    events: { ...before.events, seq: head.eventSeq, hash: head.eventHash },
  };
  chains.appendGroup(atMs, 'fold', JSON.stringify(fold));
}
