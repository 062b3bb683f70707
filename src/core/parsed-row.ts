/** What an importer makes of one row or record of a hash list; shared by the importers and the store. */
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
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

/**
 * What is gone from a list: all values of one of its entries, or one value whoever listed it. `at`, where the list says
 * when: it then holds against older entries in whatever order they come, and otherwise against those before it.
 */
export type Tombstone =
  | { readonly entryId: string; readonly at?: string }
  | { readonly algorithm: Algorithm; readonly value: string };

export type ParsedRow =
  | {
      readonly ok: true;
      /** Of the line, or of the record where the format has no lines; from 1. */
      readonly line: number;
      readonly entry: Omit<Entry, 'list'>;
      /** The list gave the id, so the list may later name it as deleted. */
      readonly hasOwnId?: boolean;
    }
  | { readonly ok: false; readonly line: number; readonly reason: RejectReason; readonly gone?: Tombstone };
