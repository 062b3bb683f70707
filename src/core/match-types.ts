/** One entry that matched, as it is told to the caller and kept as evidence. Holds no value of a list. */
import type { Algorithm, Background, Family, Orientation } from './vocabulary.js';

export interface Match {
  readonly list: string;
  readonly entryId: string;
  readonly algorithm: Algorithm;
  readonly matchType: 'exact' | 'near';
  readonly distance: number;
  readonly radius: number;
  readonly orientation: Orientation | null;
  readonly family: Family | null;
  /** Which frame or page of the file matched, 0 the first; null for a digest, or where only a hash was asked. */
  readonly frame: number | null;
  readonly background: Background;
  readonly category: string | null;
  readonly severity: string | null;
  readonly source: string | null;
  /** Not counted: the provider declared the value or the file good, or the entry is in quarantine. */
  readonly suppressed: boolean;
  readonly quarantined: boolean;
}
