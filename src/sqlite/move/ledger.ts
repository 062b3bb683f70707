/**
 * The ledger of a move. The events keep their numbers and get a chain of this ledger; its first link is a fold that names the heads of
 * the chains that the source had, and follows the one of its counts.
 */
import { RowSum } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { type EventLink, eventHash, FIRST_HASH, newsHead } from '../../store/ledger-chain.js';
import type { MovedRow, MoveFacts } from '../../store/move-contract.js';
import { hashBeforeEvents, movedFold } from '../../store/moved-fold.js';
import { Chains } from '../ledger/chain.js';
import { prepared } from '../statements.js';
import { insertSql } from './tables.js';

type Facts = MoveFacts['ledger'];

const lastHash = (db: Sqlite): string | undefined =>
  prepared<[], { hash: Buffer }>(db, 'SELECT hash FROM event_link ORDER BY seq DESC LIMIT 1')
    .get()
    ?.hash.toString('hex');

export function putEvents(db: Sqlite, facts: Facts, rows: readonly MovedRow[]): void {
  let before = lastHash(db) ?? hashBeforeEvents(facts);
  const insert = prepared(db, insertSql('event'));
  for (const row of rows) {
    const hash = eventHash(before, row as unknown as EventLink);
    insert.run({ ...row, hash });
    before = hash.toString('hex');
  }
}

/** Return the mark of a webhook that gets the news of events after this one. */
export function markAfter(db: Sqlite, after: number): string {
  const found = prepared<[number], { hash: Buffer }>(db, 'SELECT hash FROM event_link WHERE seq = ?').get(after);
  // The mark of an event that was cut is before all that are left.
  return found ? `${after} ${found.hash.toString('hex')}` : `0 ${FIRST_HASH}`;
}

function sumOfHashes(db: Sqlite, statement: string): string {
  const sum = new RowSum();
  for (const { hash } of db.prepare<[], { hash: Buffer }>(statement).iterate()) sum.change(hash, 1);
  return sum.toHex();
}

/** Write the fold and the head. Once. */
export function writeFold(db: Sqlite, facts: Facts, nowMs: number): void {
  const chains = new Chains(db);
  if (chains.head.groupSeq > 0) return;
  const { head: source, news, open } = facts;
  const hash = lastHash(db) ?? hashBeforeEvents(facts);
  const erasedSum = sumOfHashes(db, 'SELECT hash FROM event_link WHERE body IS NULL');
  const sum = sumOfHashes(db, 'SELECT hash FROM hit_news JOIN event_link USING (seq)');
  chains.head = {
    ...chains.head,
    groupHash: source.groupHash,
    eventSeq: source.eventSeq,
    eventHash: hash,
    news: newsHead({ rows: news.rows, sum, lost: news.lost, since: 0 }),
  };
  chains.appendGroup(nowMs, 'fold', JSON.stringify(movedFold(facts, { hash, erasedSum })));
  if (open.length > 0) chains.appendGroup(nowMs, 'group', JSON.stringify(open));
  chains.writeHead();
}
