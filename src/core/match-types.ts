/** One matched entry, as returned to the caller and kept as evidence. Holds no list value. */
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
  /** Frame or page of the file that matched, from 0; null for a digest, or if the query was a bare hash. */
  readonly frame: number | null;
  readonly background: Background;
  readonly category: string | null;
  readonly severity: string | null;
  readonly source: string | null;
  /** Not counted: the provider declared the value or the file benign, or the entry is in quarantine. */
  readonly suppressed: boolean;
  readonly quarantined: boolean;
}
