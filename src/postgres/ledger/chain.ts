/**
 * The chains of a ledger with several writers.
 *
 * Each process life is a writer with a chain of links, one link a group of answers, whose body has the group's counts and
 * the digests of its events. The row of the writer has the newest link. A fold (`fold.ts`) takes the links of all writers:
 * their counts go to `tally`, their events get the next numbers of one chain of events, and the links are deleted. It
 * writes a checkpoint, which has the hash of the one before, the link at which each writer stands, the sums of `tally` and
 * of the news, and the end of the chain of events.
 *
 * So a digest survives its link: `hit_event.number` and `hash` say its place in the chain of events, as in SQLite. A writer's
 * open links begin where the last checkpoint says, or at the hash of the writer's own id, and end at its row.
 */
import { AppError } from '../../core/errors.js';
import type { Tally } from '../../core/tally.js';
import { type EventLink, FIRST_HASH, groupHash, sha256 } from '../../store/ledger-chain.js';
import { FIRST_FOLD, type Fold } from '../../store/ledger-fold.js';

/** A link by its place. */
export interface Position {
  readonly seq: number;
  /** Hex. */
  readonly hash: string;
}

export interface LinkRow {
  readonly writer: string;
  readonly seq: number;
  readonly at: number;
  readonly body: string;
  readonly hash: Buffer;
}

/** The body of a link. */
export interface Link {
  readonly tallies: readonly Tally[];
  /** Digests of its events, in order; hex. */
  readonly events: readonly string[];
  /** Those of them that are news, by their place. */
  readonly news: readonly number[];
}

/** An event as stored; the last two are null until it is folded. */
export interface EventRow extends Pick<EventLink, 'at' | 'kind' | 'tenant' | 'hit' | 'body' | 'body_hash'> {
  /** Rises by 1 within its hit, from 1. */
  readonly version: number;
  /** Its link, and the place there, from 0. */
  readonly writer: string;
  readonly seq: number;
  readonly place: number;
  readonly digest: Buffer;
  readonly number: number | null;
  readonly hash: Buffer | null;
}

/** A writer as the last checkpoint knows it. `sinceMs`: time of the first checkpoint at which it stood there. */
export type WriterHead = readonly [writer: string, seq: number, hash: string, sinceMs: number];

/** The body of a checkpoint. */
export interface Checkpoint extends Fold {
  readonly heads: readonly WriterHead[];
  /** Rows of `hit_news` and the sum of their events' digests; those that were given up since the last report. */
  readonly news: { readonly rows: number; readonly sum: string; readonly lost: number };
}

export const FIRST_CHECKPOINT: Checkpoint = {
  ...FIRST_FOLD,
  events: { ...FIRST_FOLD.events, hash: FIRST_HASH },
  heads: [],
  news: { rows: 0, sum: FIRST_FOLD.sum, lost: 0 },
};

const hex = (bytes: Buffer) => bytes.toString('hex');

/** Return where a writer begins. */
export const startOfWriter = (id: string): Position => ({ seq: 0, hash: hex(sha256(`zeef ledger writer ${id}`)) });

/** Return the hash of a link. `before`: of the writer's link before it. */
export function linkHash(before: string, { writer, seq, at, body }: Omit<LinkRow, 'hash'>): Buffer {
  return sha256(JSON.stringify([before, writer, seq, at, hex(sha256(body))]));
}

/** Return what a link binds of an event. */
export function eventDigest(event: Omit<EventRow, 'body' | 'digest' | 'number' | 'hash'>): Buffer {
  const { hit, version, writer, seq, place, at, kind, tenant, body_hash } = event;
  return sha256(JSON.stringify([hit, version, writer, seq, place, at, kind, tenant, hex(body_hash)]));
}

/** Return the hash of an event in the chain of events. `before`: of the one before it. */
export function chainedHash(before: string, number: number, digest: string): Buffer {
  return sha256(JSON.stringify([before, number, digest]));
}

export interface CheckpointRow {
  readonly no: number;
  readonly at: number;
  readonly body: string;
  readonly hash: Buffer;
}

export const checkpointHash = (before: string, { no, at, body }: Omit<CheckpointRow, 'hash'>): Buffer =>
  groupHash(before, { seq: no, at, kind: 'fold', body });

/** Parse a body. Errors LEDGER_INVALID. */
export function parsed<Body>(body: string): Body {
  try {
    return JSON.parse(body) as Body;
  } catch (error) {
    throw new AppError('LEDGER_INVALID', { why: (error as Error).message }, error);
  }
}

/**
 * Follow the open links of all writers from where the last checkpoint says. `links`: those of a writer in order. Result: where
 * each of their writers stands after them.
 */
export function follow(
  heads: readonly WriterHead[],
  links: readonly LinkRow[],
  report: (problem: string) => void,
): Map<string, Position> {
  const at = new Map<string, Position>(heads.map(([id, seq, hash]) => [id, { seq, hash }]));
  const reached = new Map<string, Position>();
  for (const link of links) {
    const { writer, seq } = link;
    const before = at.get(writer) ?? startOfWriter(writer);
    if (seq !== before.seq + 1) report(`link ${seq} of ${writer}: expected link ${before.seq + 1}`);
    if (!linkHash(before.hash, link).equals(link.hash)) report(`link ${seq} of ${writer}: changed or moved`);
    const position = { seq, hash: hex(link.hash) };
    at.set(writer, position);
    reached.set(writer, position);
  }
  return reached;
}
