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
  'outdated',
  'other_category',
  'swallowed_lines',
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

/** A statement of a source about one of its entries, at a time of the source's own clock (RFC 3339), if it gives one. */
export interface EntryStamp {
  readonly entryId: string;
  readonly at?: string;
}

/**
 * A withdrawal: of all values of one entry, or of one value in any entry. With `at`, the source's own time, it applies to
 * what the source said before, in whatever order it arrives; without, to what arrived before it.
 */
export type Tombstone = EntryStamp | { readonly algorithm: Algorithm; readonly value: string; readonly at?: string };

/**
 * Rows of one id form one entry: those with the source's latest time. Across imports, an entry that comes again replaces
 * what it held.
 */
export type ParsedRow =
  | {
      readonly ok: true;
      /** Line number, or record number if the format has no lines; from 1. */
      readonly line: number;
      /** With an empty `entryId` where the list gave none: the store makes one from the value. */
      readonly entry: Omit<Entry, 'list'>;
    }
  | {
      readonly ok: false;
      readonly line: number;
      readonly reason: RejectReason;
      /** The row says that an entry, or a value, is listed no more. */
      readonly gone?: Tombstone;
      /** The entry of a value that cannot be taken: it replaces what the entry held all the same. */
      readonly of?: EntryStamp;
    };
