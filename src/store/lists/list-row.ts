/** The row of a list, in every store. */
import { type Algorithm, type ListInfo, type ListTerms, NO_TERMS } from '../../core/vocabulary.js';
import type { Detail } from '../../core/window.js';

export interface ListRow {
  readonly id: number;
  readonly name: string;
  readonly kind: ListInfo['kind'];
  readonly enabled: number;
  readonly radius_bits: number;
  readonly match_low_quality: number;
  readonly version: number;
  readonly imported_at: string | null;
  readonly rejected: number;
  readonly duplicates: number;
  readonly checksum: string;
  readonly counts: string;
  readonly terms: string;
  readonly detail: Detail;
}

export function toInfo(row: ListRow): ListInfo {
  const entriesByAlgorithm = JSON.parse(row.counts) as Partial<Record<Algorithm, number>>;
  return {
    list: row.name,
    kind: row.kind,
    enabled: row.enabled === 1,
    radiusBits: row.radius_bits,
    matchLowQuality: row.match_low_quality === 1,
    detail: row.detail,
    version: row.version,
    importedAt: row.imported_at,
    entryCount: Object.values(entriesByAlgorithm).reduce((sum, count) => sum + count, 0),
    rejectedCount: row.rejected,
    duplicateCount: row.duplicates,
    entriesByAlgorithm,
    ...NO_TERMS,
    ...(JSON.parse(row.terms) as Partial<ListTerms>),
  };
}

/** The part of a list that is stored in one column. */
export function toTerms({ categoryMap, severityMap, expiresAt, entryDaysMax }: ListTerms): string {
  return JSON.stringify({ categoryMap, severityMap, expiresAt, entryDaysMax });
}
