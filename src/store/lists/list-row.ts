/** The row of a list, in every store. */
import { AppError } from '../../core/errors.js';
import { type Algorithm, type FormerName, type ListInfo, type ListTerms, NO_TERMS } from '../../core/vocabulary.js';
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
    formerNames: [],
    ...NO_TERMS,
    ...(JSON.parse(row.terms) as Partial<ListTerms & Pick<ListInfo, 'formerNames'>>),
  };
}

/** The part of a list that is stored in one column. */
export function toTerms({ formerNames, ...terms }: ListTerms & Pick<ListInfo, 'formerNames'>): string {
  const { categoryMap, severityMap, expiresAt, entryDaysMax, tenant, bank, sampleRatio } = terms;
  const former = formerNames.length === 0 ? {} : { formerNames };
  return JSON.stringify({ categoryMap, severityMap, expiresAt, entryDaysMax, tenant, bank, sampleRatio, ...former });
}

/** Former names that a list keeps: a list is renamed a few times in its life. Hits by an older one are as those of a list that is gone. */
const FORMER_NAMES_MAX = 32;

/** Return the column of a list that is renamed. `until`: the generation that begins with its new name. */
export function renamedTerms(row: ListRow, until: number): string {
  const info = toInfo(row);
  const former: FormerName = { name: row.name, until };
  return toTerms({ ...info, formerNames: [...info.formerNames, former].slice(-FORMER_NAMES_MAX) });
}

const sharesTenant = (one: string | null, other: string | null) => one === null || other === null || one === other;

/** Require that a bank's name is that of one list, among those that a tenant sees. Errors BANK_EXISTS. */
export function requireBankFree(list: Pick<ListInfo, 'list' | 'bank' | 'tenant'>, all: readonly ListInfo[]): void {
  const { bank, tenant } = list;
  if (bank === null) return;
  const other = all.find((one) => one.list !== list.list && one.bank === bank && sharesTenant(one.tenant, tenant));
  if (other === undefined) return;
  // Of a tenant where it is asked for everyone: an administrator alone does that.
  throw new AppError('BANK_EXISTS', { field: 'bank', ...(other.tenant === null ? {} : { tenant: other.tenant }) });
}

/** Return the suppression lists beside a list that are everyone's, or of its own tenant. */
export function suppressionsFor<Row extends ListRow>(rows: readonly Row[], listId: number): readonly Row[] {
  const of = rows.find(({ id }) => id === listId);
  const tenant = of === undefined ? null : toInfo(of).tenant;
  return rows.filter((row) => {
    const owner = toInfo(row).tenant;
    return row.kind === 'suppression' && row.id !== listId && (owner === null || owner === tenant);
  });
}
