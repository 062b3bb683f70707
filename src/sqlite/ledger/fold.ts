/**
 * Folding: the counts of the groups since the last fold are added to their hours, days, months and years, the groups are
 * deleted, and one link holds the total of all counts. A commit costs one small link; a quarter of a year of commits
 * leaves one link an hour, each naming the one before.
 */
import { endOf } from '../../core/period.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { Tally } from '../../core/tally.js';
import type { GroupLink } from '../../store/ledger-chain.js';
import { addPeriods, FIRST_FOLD, type Fold, sumByPeriod, type TallyRow } from '../../store/ledger-fold.js';
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

/** Fold inside the caller's transaction. `also`: further fields of the fold. */
export function fold(db: Sqlite, chains: Chains, atMs: number, also: Partial<Fold> = {}): void {
  const { head } = chains;
  const last = lastFold(db, head.foldSeq);
  const before = { ...last.fold, ...also };
  const find = db.prepare<[string, number, number], TallyRow>(
    `SELECT ${TALLY_COLUMNS} FROM tally WHERE tenant = ? AND level = ? AND start = ?`,
  );
  const { facts, written } = addPeriods(before, sumByPeriod(openTallies(db, head.foldSeq)), (key) =>
    find.get(key.tenant, key.level, key.start),
  );
  const names = TALLY_COLUMNS.replaceAll(/\w+/g, '@$&');
  const write = db.prepare(`INSERT OR REPLACE INTO tally (${TALLY_COLUMNS}) VALUES (${names})`);
  for (const row of written) write.run(row);
  db.prepare('DELETE FROM group_link WHERE seq > ?').run(head.foldSeq);
  const isAnchor = last.link !== null && atMs >= endOf('hour', last.link.at);
  if (last.link !== null && !isAnchor) db.prepare('DELETE FROM group_link WHERE seq = ?').run(last.link.seq);
  const fold: Fold = {
    ...before,
    before: head.groupHash,
    anchor: isAnchor ? last.link!.hash.toString('hex') : last.fold.anchor,
    anchors: last.fold.anchors + (isAnchor ? 1 : 0),
    ...facts,
    events: { ...before.events, seq: head.eventSeq, hash: head.eventHash },
  };
  chains.appendGroup(atMs, 'fold', JSON.stringify(fold));
}
