/**
 * The contract of a move: everything that a store holds, as rows of tables, from one kind of store into an empty one of
 * another kind. Values stay sealed: the data keys go with them, and the master key stays the same.
 */
import type { AppError } from '../core/errors.js';
import type { Tally, Totals } from '../core/tally.js';
import type { AuditEvent, AuditHead } from './audit-contract.js';
import type { Head } from './ledger-chain.js';
import type { Fold } from './ledger-fold.js';

type Cell = null | number | string | Uint8Array;
export type MovedRow = Readonly<Record<string, Cell>>;

/**
 * Tables in the order in which they are moved, with their columns: what others are derived from comes first. What is of the processes alone (replicas, shares, notes) and
 * what can be made again (index files, pages of an interrupted sync) stays behind.
 *
 * `held`: parts of the sealed file of a held version. `removal.generation`: the one that made it. `webhook.after`: it gets the
 * news of events after this one. `event.seq`: the place in the chain of events; `hit.evidence_seq`: of the event with its evidence.
 */
export const MOVED = {
  data_key: 'id wrapped created_at',
  list: 'id name kind enabled radius_bits match_low_quality version imported_at rejected duplicates checksum counts terms detail source',
  entry: 'id list_id algorithm value entry_id attributes notes disabled quarantined since',
  past_entry: 'entry_key list_id algorithm value entry_id attributes notes since until',
  generation: 'number token entry_key',
  removal: 'entry_key algorithm generation',
  removed_list: 'list_id first_key last_key',
  disabled_entry: 'list_id algorithm value entry_id',
  withdrawal: 'list_id entry_id at_ms version',
  list_version: 'list_id version is_held imported_at origin facts checksum',
  held: 'list_id part bytes',
  feedback: 'list_id service entry_id algorithm verdict sent at state status',
  event: 'seq at kind tenant hit body body_hash',
  hit: 'id tenant key reference kind first_seen last_seen times_seen after_removal status quarantined list category started stopped evidence_seq md5_mark sha1_mark sha256_mark marked assignee disputed',
  news: 'seq',
  tally: 'tenant level start checked exact near suppressed not_checked cells',
  answered: 'tenant key at fingerprint',
  tenant: 'name created_at disabled limits alarm',
  tenant_usage: 'tenant day checks bytes hashes',
  api_key: 'id line sha256 tenant name scopes created_at expires_at revoked_at last_used_at',
  webhook: 'id tenant url secret_env created_at after',
  webhook_event: 'id webhook_id kind subject body created_at attempts last_error state claims done_ms',
  duty: 'name fence lease_ms ended_ms',
  import_job: 'id list state facts',
  audit: 'seq at actor action tenant target details hash outcome ends',
} as const satisfies Record<string, string>;
export type MovedTable = keyof typeof MOVED;
export const MOVED_TABLES = Object.keys(MOVED) as readonly MovedTable[];

/**
 * Columns that are compared at the end, in both stores by statements of their own. A list's source is compared apart; a held
 * version by the SHA-256 of all of it; what a webhook has had, by the news that are left.
 */
export const COMPARED = {
  ...MOVED,
  list: MOVED.list.replace(' source', ''),
  list_source: 'list_id source',
  removal: 'entry_key algorithm',
  held: 'list_id sha256',
  webhook: MOVED.webhook.replace(' after', ''),
} as const satisfies Record<string, string>;
export type ComparedTable = keyof typeof COMPARED;
export const COMPARED_TABLES = Object.keys(COMPARED) as readonly ComparedTable[];

/** Rows of a table, and a sum over their cells that does not depend on their order. */
export interface TableSum {
  readonly rows: number;
  /** Hex. */
  readonly sum: string;
}

/** The source, as it stands: it is not in use, so nothing of it changes while it is open. */
export interface MoveFacts {
  readonly storeId: number;
  /** Of all that is moved: a source that was used between two runs has another one. */
  readonly fingerprint: string;
  readonly generation: number;
  readonly lastEntryKey: number;
  readonly lastListKey: number;
  readonly usageSeed: number;
  readonly audit: AuditHead;
  readonly ledger: LedgerFacts;
}

/** Where a store was moved: a database on the hosts of its URL, without credentials, or a folder of a machine. */
export type MovePlace =
  | { readonly host: string; readonly database: string }
  | { readonly host: string; readonly folder: string };

/** On the source from the end of a move on: no process opens it. */
export type MoveMark = MovePlace & {
  /** Of the move, also in the target. */
  readonly token: string;
  /** ISO 8601. */
  readonly at: string;
};

interface LedgerFacts {
  readonly head: Pick<Head, 'groupSeq' | 'groupHash' | 'eventSeq' | 'eventHash'>;
  /** The last fold. */
  readonly fold: Fold;
  /** Counts that no fold has yet. */
  readonly open: readonly Tally[];
  readonly news: { readonly rows: number; readonly lost: number };
  readonly verified: VerifiedLedger;
}

/** What a ledger says of itself, in every store. */
interface VerifiedLedger {
  readonly hits: number;
  readonly events: number;
  readonly totals: Totals;
}

export interface MoveSource {
  /** Kind of the store, for the audit log of the target. */
  readonly kind: 'SQLite' | 'PostgreSQL';
  readonly facts: MoveFacts;
  /** Of a move of this source that has ended, or was about to. */
  readonly mark: MoveMark | null;
  count(table: MovedTable): Promise<number>;
  /** Read a table in an order that stays the same, from a row on. Errors STORE_FAILED; SEALED_DAMAGED: a held version. */
  rows(table: MovedTable, from: number): AsyncIterable<MovedRow>;
  /** Read a table again, in the order of its pages. */
  sum(table: ComparedTable): Promise<TableSum>;
  /** Mark the source, durably. Errors STORE_FAILED. */
  setMark(mark: MoveMark): Promise<void>;
  /** The refusal of a source that is marked. */
  moved(mark: MoveMark): AppError;
  close(): Promise<void>;
}

/** How a move begins, and the token that names it. */
export interface Begun {
  /**
   * `resumed`: the target holds a part of this move; `again`: of the same source, which has changed since, so the part was thrown
   * away; `ended`: this move has ended before, and nothing is left to do in the target.
   */
  readonly how: 'new' | 'resumed' | 'again' | 'ended';
  readonly token: string;
}

export interface MoveTarget {
  /** Return the token of the move that has begun or ended in it, or null. */
  token(): Promise<string | null>;
  /** Mark the target as unfinished, unless this move has ended. Errors STORE_NOT_EMPTY: it holds anything else. */
  begin(facts: MoveFacts): Promise<Begun>;
  /** Rows of a table that it has. */
  count(table: MovedTable): Promise<number>;
  /** Add rows, the first of which is number `from`. Errors STORE_IN_USE: another process adds them. */
  put(table: MovedTable, from: number, rows: readonly MovedRow[]): Promise<void>;
  /** Write what is derived from the rows. */
  derive(facts: MoveFacts): Promise<void>;
  sum(table: ComparedTable): Promise<TableSum>;
  /** Return what is not as it should be, one line each: of lists, the audit log and the ledger by their own checks. */
  problems(facts: MoveFacts): Promise<readonly string[]>;
  place(): Promise<MovePlace>;
  /** Put the record of an ended move in place of the mark, with a row of the audit log. Killed in between, the same move resumes. */
  finish(event: Omit<AuditEvent, 'outcome' | 'ends'>): Promise<void>;
  close(): Promise<void>;
}
