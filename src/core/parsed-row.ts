/** Result of parsing one row or record of a hash list; shared by the importers and the store. */
import type { Algorithm, Entry } from './vocabulary.js';

export const REJECT_REASONS = [
  'malformed',
  'unknown_algorithm',
  'ambiguous_algorithm',
  'weight',
  'low_quality',
  'known_good',
  'not_active',
  'line_too_long',
  'not_a_value',
  'meaningless',
  'text_invalid',
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

/**
 * A withdrawal: of all values of one entry, or of one value in any entry. With `at`, the list's own time, it applies to
 * older entries in any order, and otherwise to the entries before it.
 */
export type Tombstone =
  | { readonly entryId: string; readonly at?: string }
  | { readonly algorithm: Algorithm; readonly value: string };

export type ParsedRow =
  | {
      readonly ok: true;
      /** Line number, or record number if the format has no lines; from 1. */
      readonly line: number;
      /** With an empty `entryId` where the list gave none: the store makes one from the value. */
      readonly entry: Omit<Entry, 'list'>;
      /** True if the list gave the id, so that the list may later delete it by that id. */
      readonly hasOwnId?: boolean;
    }
  | { readonly ok: false; readonly line: number; readonly reason: RejectReason; readonly gone?: Tombstone };
