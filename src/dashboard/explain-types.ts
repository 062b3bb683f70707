/** The answer fields of `POST /v1/explain` that this page reads; compared with the service's as those of `types.ts`. Never a value of a list. */
import type { WindowFacts } from './types.js';

export interface ExplainedEntry {
  readonly list: string;
  readonly entryId: string | null;
  readonly algorithm: string;
  readonly matchType: 'exact' | 'near';
  readonly distance: number;
  readonly outcome: 'match' | 'suppressed' | 'possible' | 'no_match';
  readonly why: readonly string[];
  readonly orientation: string | null;
  readonly family: string | null;
  readonly window: WindowFacts | null;
  readonly derived: string | null;
  readonly frame: number | null;
  readonly background: string | null;
  readonly part: string | null;
  readonly category: string | null;
  readonly source: string | null;
  readonly quarantined: boolean;
  readonly flooded: boolean;
}

export interface ExplainedList {
  readonly list: string;
  readonly kind: 'match' | 'suppression';
  readonly enabled: boolean;
  readonly radiusBits: number;
  readonly detail: string;
  readonly matchLowQuality: boolean;
  readonly sampleRatio: number;
  readonly inForce: boolean;
  readonly reached: number;
  readonly admitted: number;
  readonly entries: readonly ExplainedEntry[];
  readonly truncated: boolean;
}

export interface Hashed {
  readonly hash: string;
  readonly quality: number;
}

export interface Explanation {
  readonly verdict: 'match' | 'no_match' | 'suppressed' | 'not_checked';
  readonly reason: string | null;
  readonly code: string | null;
  readonly says: string | null;
  readonly generation: number;
  readonly exact: boolean;
  /** Null for an image. */
  readonly algorithm: string | null;
  readonly image: { readonly format: string; readonly width: number | null; readonly height: number | null } | null;
  readonly bytes: number | null;
  /** Of what the reader gave. */
  readonly digests: { readonly md5?: string; readonly sha1?: string; readonly sha256?: string };
  readonly pdq: Hashed | null;
  readonly pdqFull: Hashed | null;
  readonly blockhash: string | null;
  readonly lowQuality: boolean;
  readonly degenerate: boolean;
  readonly oneDimensional: boolean;
  readonly degraded: boolean;
  readonly matchCount: number;
  readonly searched: {
    readonly views: number;
    readonly hashes: number;
    readonly digests: number;
    readonly detail: string;
    readonly windows: Readonly<Record<string, number>>;
    readonly beyondBits: number;
    readonly windowRadiusBits: number;
    readonly windowWrongBitsMax: number;
  };
  readonly lists: readonly ExplainedList[];
}

/** The answer of the check that records. */
export interface Recorded {
  readonly verdict: string;
}
