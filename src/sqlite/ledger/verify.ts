/**
 * Verifies the whole ledger: no link was changed, removed or moved, the counts equal those of the folds, and every hit
 * equals the replay of its events, and every piece of news is one of them. Runs in one read transaction, beside a writer.
 */

import { RowSum } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { addTotals, NO_TOTALS, type Totals } from '../../core/tally.js';
import {
  type EventLink,
  eventHash,
  FIRST_HEAD,
  type GroupLink,
  groupHash,
  type Head,
  newsHead,
  sha256,
} from '../../store/ledger-chain.js';
import { isOfEvents, Problems, type Report, TallyCheck } from '../../store/ledger-check.js';
import type { LedgerCheck } from '../../store/ledger-contract.js';
import type { HitRow } from '../../store/ledger-events.js';
import { type Fold, movedHeads, type TallyRow } from '../../store/ledger-fold.js';
import { Chains } from './chain.js';
import { lastFold, openTallies, TALLY_COLUMNS } from './fold.js';

export function verify(db: Sqlite): LedgerCheck {
  return db.transaction(() => verifySnapshot(db))();
}

function verifySnapshot(db: Sqlite): LedgerCheck {
  const { all: problems, report } = new Problems();
  /** Run one part. An unreadable row is reported, and the other parts are still read. */
  const part = <T>(name: string, read: () => T): T | null => {
    try {
      return read();
    } catch (error) {
      report(`${name}: ${(error as Error).message}`);
      return null;
    }
  };
  part('head', () => {
    const [state] = db.prepare<[], string>('SELECT state FROM head').pluck().all();
    if (state !== JSON.stringify(JSON.parse(state!))) report('head: changed');
  });
  part('file', () => {
    const found = db.pragma('integrity_check(1)', { simple: true });
    if (found !== 'ok') report(`file: ${String(found)}`);
  });
  const head = part('head', () => new Chains(db).head) ?? FIRST_HEAD;
  const fold = part('last fold', () => lastFold(db, head.foldSeq).fold);
  part('groups', () => verifyGroups(db, head, report));
  const events = fold && part('events', () => verifyEvents(db, head, fold, report));
  const totals = fold && part('counts', () => verifyTallies(db, head, fold, report));
  const hits = part('hits', () => verifyHits(db, report));
  part('news', () => verifyNews(db, head, report));
  return {
    ok: problems.length === 0,
    problems,
    hits: hits ?? 0,
    events: events ?? 0,
    totals: totals ?? NO_TOTALS,
    heads: { counts: head.groupHash, events: head.eventHash, ...movedHeads(fold ?? {}) },
  };
}

function verifyGroups(db: Sqlite, head: Head, report: Report): void {
  let before = FIRST_HEAD.groupHash;
  let lastSeq = 0;
  let anchor = '';
  let anchors = 0;
  let openGroups = 0;
  let openChars = 0;
  for (const link of db.prepare<[], GroupLink>('SELECT * FROM group_link ORDER BY seq').iterate()) {
    if (link.kind === 'fold') {
      const stored = JSON.parse(link.body) as Fold;
      if (stored.anchor !== anchor || stored.anchors !== anchors)
        report(`link ${link.seq}: wrong reference to the folds before it`);
      before = stored.before;
      anchor = link.hash.toString('hex');
      anchors++;
      if (link.seq > head.foldSeq) report(`link ${link.seq}: fold after the last fold`);
    } else {
      if (link.seq !== lastSeq + 1 || link.seq <= head.foldSeq)
        report(`link ${link.seq}: expected link ${lastSeq + 1}`);
      openGroups++;
      openChars += link.body.length;
    }
    if (!groupHash(before, link).equals(link.hash)) report(`link ${link.seq}: changed or moved`);
    before = link.hash.toString('hex');
    lastSeq = link.seq;
  }
  if (lastSeq !== head.groupSeq || before !== head.groupHash)
    report(`groups: the chain ends at ${lastSeq}, expected ${head.groupSeq}`);
  if (openGroups !== head.openGroups || openChars !== head.openChars)
    report('groups: count or length differs from the head');
}

/** Result: the number of events. */
function verifyEvents(db: Sqlite, head: Head, { events: stored }: Fold, report: Report): number {
  let before = stored.cutHash ?? FIRST_HEAD.eventHash;
  let lastSeq = stored.cutSeq;
  let count = 0;
  let erased = 0;
  const erasedSum = new RowSum();
  for (const link of db.prepare<[], EventLink>('SELECT * FROM event_link ORDER BY seq').iterate()) {
    if (link.seq !== lastSeq + 1) report(`event ${link.seq}: expected event ${lastSeq + 1}`);
    if (link.body === null) {
      erased++;
      erasedSum.change(link.hash, 1);
    } else if (!sha256(link.body).equals(link.body_hash)) report(`event ${link.seq}: its body was changed`);
    if (!eventHash(before, link).equals(link.hash)) report(`event ${link.seq}: changed or moved`);
    before = link.hash.toString('hex');
    lastSeq = link.seq;
    if (link.seq === stored.seq && before !== stored.hash)
      report(`event ${link.seq}: differs from the last fold's reference`);
    count++;
  }
  if (lastSeq !== head.eventSeq || before !== head.eventHash)
    report(`events: the chain ends at ${lastSeq}, expected ${head.eventSeq}`);
  if (erased !== stored.erased || erasedSum.toHex() !== stored.erasedSum)
    report('events: erased events differ from the last fold');
  return count;
}

function verifyNews(db: Sqlite, { news }: Head, report: Report): void {
  const sum = new RowSum();
  let rows = 0;
  const links = db.prepare<[], { seq: number; hash: Buffer | null }>(
    'SELECT hit_news.seq, hash FROM hit_news LEFT JOIN event_link USING (seq)',
  );
  for (const { seq, hash } of links.iterate()) {
    rows++;
    if (hash) sum.change(hash, 1);
    else report(`news ${seq}: no such event`);
  }
  if (rows !== news.rows || sum.toHex() !== new RowSum(news.sum).toHex() || newsHead(news).hash !== news.hash)
    report(`news: ${rows} rows, which differ from the head`);
}

/** Result: the total of all counts. */
function verifyTallies(db: Sqlite, { foldSeq }: Head, stored: Fold, report: Report): Totals {
  const check = new TallyCheck(stored);
  for (const row of db.prepare<[], TallyRow>(`SELECT ${TALLY_COLUMNS} FROM tally`).iterate()) check.add(row);
  check.end(report);
  let totals = stored.totals;
  for (const tally of openTallies(db, foldSeq)) totals = addTotals(totals, tally.totals);
  return totals;
}

/** Result: the number of hits. */
function verifyHits(db: Sqlite, report: Report): number {
  const eventsOf = db.prepare<[string], EventLink>('SELECT * FROM event_link WHERE hit = ? ORDER BY seq');
  let count = 0;
  for (const row of db.prepare<[], HitRow>('SELECT * FROM hit ORDER BY id').iterate()) {
    count++;
    if (!isOfEvents(row, eventsOf.all(row.id))) report(`hit ${row.id}: differs from its events`);
  }
  const [firsts] = db
    .prepare<[], number>(`SELECT count(*) FROM event_link WHERE kind = 'hit' AND body IS NOT NULL`)
    .pluck()
    .all();
  if (firsts !== count) report(`hits: ${count}, but ${firsts} in the chain of events`);
  return count;
}
