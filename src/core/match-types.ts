/** One matched entry, as returned to the caller and kept as evidence. Holds no list value. */
import type { DerivedKind } from './derived.js';
import type { Algorithm, Entry, Family, Orientation, ViewName } from './vocabulary.js';
import type { WindowMatch } from './window.js';

export interface Match extends ViewName {
  readonly list: string;
  readonly entryId: string;
  readonly algorithm: Algorithm;
  readonly matchType: 'exact' | 'near';
  readonly distance: number;
  readonly radius: number;
  readonly orientation: Orientation | null;
  readonly family: Family | null;
  /** Part of the image that matched; null for the image itself. */
  readonly window: WindowMatch | null;
  /** The value that matched is one of a part of the listed image; null for the image itself. */
  readonly derived: DerivedKind | null;
  readonly category: string | null;
  readonly severity: string | null;
  readonly source: string | null;
  /** Not counted: the provider declared the value or the file benign, or the entry is in quarantine. */
  readonly suppressed: boolean;
  readonly quarantined: boolean;
  /** The list counts in a share of the checks, and this is none of them. */
  readonly notSampled?: true;
}

/** What an entry says of itself besides, as its matches say it. */
export type EntryWords = Pick<Entry, 'mediaType' | 'updatedAt' | 'tags' | 'notes'>;

/** A match in an answer; a service of an earlier release gives none of the words. Evidence does not keep them: an entry may say other things later. */
export type AnswerMatch = Match & Partial<EntryWords>;

export function withoutWords(match: AnswerMatch): Match {
  const { mediaType: _m, updatedAt: _u, tags: _t, notes: _n, ...kept } = match;
  return kept;
}
