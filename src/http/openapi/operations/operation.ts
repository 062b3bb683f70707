/** What the document says of one route beside its schema. */
import type { ErrorCode } from '../../../core/errors.js';
import type { Tag } from '../tags.js';

export interface Operation {
  readonly tag: Tag;
  /** Unique and stable: generated clients name their functions by it. */
  readonly id: string;
  /** CommonMark; beside the summary of the route. */
  readonly about: string;
  /** Answers that are no problem documents, by status. */
  readonly answers: Readonly<Record<number, string>>;
  readonly errors?: readonly ErrorCode[];
  /** Answers without a key, and says more with one. */
  readonly isKeyOptional?: true;
  /** The key is in the path; no scheme of the document describes that. */
  readonly keyInPath?: true;
  /** Answered by any name of the service. */
  readonly isProbe?: true;
}

/** Of an answer without a body. */
export const EMPTY = 'Done. The answer has no body.';
/** Errors of every route that reads the ledger. */
export const LEDGER = ['LEDGER_FAILED'] as const;
