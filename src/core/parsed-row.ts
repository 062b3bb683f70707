/** What an importer makes of one row or record of a hash list; shared by the importers and the store. */
import type { Entry } from './vocabulary.js';

export const REJECT_REASONS = [
  'malformed',
  'unknown_algorithm',
  'ambiguous_algorithm',
  'weight',
  'low_quality',
  'known_good',
  'not_active',
  'line_too_long',
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

export type ParsedRow =
  | { readonly ok: true; readonly line: number; readonly entry: Omit<Entry, 'list'> }
  | { readonly ok: false; readonly line: number; readonly reason: RejectReason };
