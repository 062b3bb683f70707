/**
 * Two chains of links, each with the SHA-256 of the one before and of itself. The chain of groups carries the counts of
 * every commit, until they are folded into hours (`fold.ts`); the chain of events carries hits and their
 * changes. Every transaction writes the newest links of both into `head`, which detects a chain cut at its end.
 */
import { RowSum } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import {
  type EventLink,
  eventHash,
  FIRST_HASH,
  FIRST_HEAD,
  type GroupLink,
  groupHash,
  type Head,
  newsHead,
  sha256,
} from '../../store/ledger-chain.js';
import { prepared } from '../statements.js';

/** Pairs of neighbours inspected at each end of a chain. */
const SAMPLE_LINKS = 100;

/**
 * Return false if a chain has links and none of the sample has the expected hash: another build used another hash. A
 * damaged ledger of this format still has intact links, and `verify` reports the damaged ones.
 */
export function isOfThisChain(db: Sqlite): boolean {
  const state = db.prepare<[], string>('SELECT state FROM head').pluck().get();
  if (state === undefined || Object.keys(JSON.parse(state)).join() !== Object.keys(FIRST_HEAD).join()) return false;
  const ends = (table: string) =>
    ['ASC', 'DESC'].map((order) =>
      db
        .prepare(`SELECT * FROM ${table} ORDER BY seq ${order} LIMIT ${SAMPLE_LINKS}`)
        .all()
        .sort((a, b) => (a as { seq: number }).seq - (b as { seq: number }).seq),
    );
  const groups = ends('group_link') as GroupLink[][];
  const events = ends('event_link') as EventLink[][];
  return hasNeighbours(groups, groupHash) && hasNeighbours(events, eventHash);
}

function hasNeighbours<L extends { readonly seq: number; readonly hash: Buffer }>(
  samples: readonly L[][],
  hashOf: (before: string, link: L) => Buffer,
): boolean {
  let pairs = 0;
  for (const links of samples) {
    for (const [at, link] of links.entries()) {
      const before = link.seq === 1 ? FIRST_HASH : links[at - 1]?.hash.toString('hex');
      if (before === undefined || (link.seq > 1 && links[at - 1]!.seq !== link.seq - 1)) continue;
      pairs++;
      if (hashOf(before, link).equals(link.hash)) return true;
    }
  }
  return pairs === 0;
}

/** Writer of both chains, inside one transaction: reads the head first, and writes it last. */
export class Chains {
  readonly #db: Sqlite;
  head: Head;
  /** The news as they are now; the head has them once it is written. Null: they have not changed. */
  #news: { rows: number; readonly sum: RowSum; lost: number } | null = null;

  constructor(db: Sqlite) {
    this.#db = db;
    const row = prepared<[], { state: string }>(db, 'SELECT state FROM head WHERE id = 1').get();
    this.head = JSON.parse(row!.state) as Head;
  }

  appendGroup(at: number, kind: GroupLink['kind'], body: string): void {
    const seq = this.head.groupSeq + 1;
    const linkHash = groupHash(this.head.groupHash, { seq, at, kind, body });
    prepared(this.#db, 'INSERT INTO group_link VALUES (?, ?, ?, ?, ?)').run(seq, at, kind, body, linkHash);
    const isFold = kind === 'fold';
    this.head = {
      ...this.head,
      groupSeq: seq,
      groupHash: linkHash.toString('hex'),
      foldSeq: isFold ? seq : this.head.foldSeq,
      openGroups: isFold ? 0 : this.head.openGroups + 1,
      openChars: isFold ? 0 : this.head.openChars + body.length,
    };
  }

  /** Result: the link's number. */
  appendEvent(at: number, kind: EventLink['kind'], tenant: string, hit: string, body: string): number {
    const seq = this.head.eventSeq + 1;
    const body_hash = sha256(body);
    const linkHash = eventHash(this.head.eventHash, { seq, at, kind, tenant, hit, body_hash });
    prepared(this.#db, 'INSERT INTO event_link VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      seq,
      at,
      kind,
      tenant,
      hit,
      body,
      body_hash,
      linkHash,
    );
    this.head = { ...this.head, eventSeq: seq, eventHash: linkHash.toString('hex') };
    return seq;
  }

  /** Rows of the news, and those that were lost. */
  get news(): { readonly rows: number; readonly lost: number } {
    return this.#news ?? this.head.news;
  }

  /** Add or remove a row of the news. */
  changeNews(linkHash: Buffer, sign: 1 | -1): void {
    const news = this.#changedNews();
    news.sum.change(linkHash, sign);
    news.rows += sign;
  }

  /** Add to the lost ones; below 0 where they were reported. */
  loseNews(count: number): void {
    this.#changedNews().lost += count;
  }

  #changedNews() {
    const { rows, sum, lost } = this.head.news;
    this.#news ??= { rows, sum: new RowSum(sum), lost };
    return this.#news;
  }

  writeHead(): void {
    if (this.#news) {
      const { rows, sum, lost } = this.#news;
      const news = newsHead({ ...this.head.news, rows, sum: sum.toHex(), lost });
      this.head = { ...this.head, news };
      this.#news = null;
    }
    prepared(this.#db, 'UPDATE head SET state = ? WHERE id = 1').run(JSON.stringify(this.head));
  }
}
