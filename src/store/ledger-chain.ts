/**
 * The two hash chains of a ledger, the same in every store. Each link has the SHA-256 of the one before and of
 * itself: the chain of groups carries counts, the chain of events carries hits and their changes.
 */
import { hash } from 'node:crypto';

/** The cases that are news: no webhook has them as events yet. */
interface NewsHead {
  readonly rows: number;
  /** `RowSum` of their links' hashes. */
  readonly sum: string;
  /** News that were given up, since too many waited. */
  readonly lost: number;
  /** The newest event when the ledger got news; 0 in a new one. */
  readonly since: number;
  /** Of the fields before it. Hex. */
  readonly hash: string;
}

export function newsHead({ rows, sum, lost, since }: Omit<NewsHead, 'hash'>): NewsHead {
  return { rows, sum, lost, since, hash: hash('sha256', JSON.stringify([rows, sum, lost, since]), 'hex') };
}

export interface Head {
  readonly groupSeq: number;
  /** Hex. */
  readonly groupHash: string;
  readonly eventSeq: number;
  readonly eventHash: string;
  /** The newest fold in the chain of groups; 0 before the first. */
  readonly foldSeq: number;
  /** Groups after it, and the length of their bodies. */
  readonly openGroups: number;
  readonly openChars: number;
  readonly news: NewsHead;
}

/** The predecessor hash of a chain's first link. */
export const FIRST_HASH = hash('sha256', 'zeef ledger', 'hex');

export const FIRST_HEAD: Head = {
  groupSeq: 0,
  groupHash: FIRST_HASH,
  eventSeq: 0,
  eventHash: FIRST_HASH,
  foldSeq: 0,
  openGroups: 0,
  openChars: 0,
  news: newsHead({ rows: 0, sum: '', lost: 0, since: 0 }),
};

export interface GroupLink {
  readonly seq: number;
  readonly at: number;
  readonly kind: 'group' | 'fold';
  readonly body: string;
  readonly hash: Buffer;
}

export interface EventLink {
  readonly seq: number;
  readonly at: number;
  readonly kind: 'hit' | 'seen' | 'status' | 'handled' | 'marks';
  readonly tenant: string;
  readonly hit: string;
  /** Null if its hit was erased; the hash stays, which keeps the chain intact. */
  readonly body: string | null;
  readonly body_hash: Buffer;
  readonly hash: Buffer;
}

export const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer');

export function groupHash(before: string, { seq, at, kind, body }: Omit<GroupLink, 'hash'>): Buffer {
  return sha256(JSON.stringify([before, seq, at, kind, hash('sha256', body, 'hex')]));
}

export function eventHash(before: string, link: Omit<EventLink, 'hash' | 'body'>): Buffer {
  const { seq, at, kind, tenant, hit, body_hash } = link;
  return sha256(JSON.stringify([before, seq, at, kind, tenant, hit, body_hash.toString('hex')]));
}
