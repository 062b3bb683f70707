/**
 * Cases as CSV, one a row: RFC 4180, UTF-8. Formulas in names from outside are defused. It has no digest, which is, or leads to,
 * a value of a list where the file is listed, and no entry id that may be one.
 */
import { looksLikeValue } from '../core/value-like.js';
import { csvOf } from './csv.js';
import type { Hit } from './report.js';

/** Fields that need the scope `details`: their cells are empty without it. */
type Detail = 'entryId' | 'algorithm' | 'distance' | 'radius' | 'orientation' | 'category' | 'severity' | 'source';
/** A hit as its reader may see it. */
export type SeenHit = Omit<Hit, Detail | 'family' | 'matches'> &
  Partial<Pick<Hit, Detail>> & { readonly matches: readonly object[]; readonly referenceUrl: string | null };

type Cell = string | number | null | undefined;

const COLUMNS: Readonly<Record<string, (hit: SeenHit) => Cell>> = {
  case: ({ id }) => id,
  tenant: ({ tenant }) => tenant,
  reference: ({ reference }) => reference,
  kind: ({ kind }) => kind,
  status: ({ status }) => status,
  list: ({ list }) => list,
  matchType: ({ matchType }) => matchType,
  entryId: ({ entryId }) => (entryId === undefined || looksLikeValue(entryId) ? null : entryId),
  algorithm: ({ algorithm }) => algorithm,
  distance: ({ distance }) => distance,
  radius: ({ radius }) => radius,
  orientation: ({ orientation }) => orientation,
  category: ({ category }) => category,
  severity: ({ severity }) => severity,
  source: ({ source }) => source,
  quarantined: ({ quarantined }) => (quarantined ? 'yes' : 'no'),
  firstSeenAt: ({ firstSeenAt }) => firstSeenAt,
  lastSeenAt: ({ lastSeenAt }) => lastSeenAt,
  timesSeen: ({ timesSeen }) => timesSeen,
  seenAfterRemoval: ({ seenAfterRemoval }) => seenAfterRemoval,
  foundAt: ({ clock }) => clock.foundAt,
  clockStartedAt: ({ clock }) => clock.startedAt,
  clockStoppedAt: ({ clock }) => clock.stoppedAt,
  clockSeconds: ({ clock }) => clock.seconds,
  lastDeadlineAt: ({ clock }) => clock.deadlines.at(-1)?.dueAt,
  decidedAt: ({ history }) => history.at(-1)?.at,
  decidedBy: ({ history }) => history.at(-1)?.by,
  decidedByKey: ({ history }) => history.at(-1)?.key?.id,
  decidedByKeyName: ({ history }) => history.at(-1)?.key?.name,
  note: ({ history }) => history.at(-1)?.note,
  assignee: ({ assignee }) => assignee,
  disputed: ({ disputed }) => (disputed ? 'yes' : 'no'),
};

/** `header`: with the row of names; later pages have none, so that pages can be joined. */
export function casesCsv(hits: readonly SeenHit[], { header }: { readonly header: boolean }): string {
  const cells = Object.values(COLUMNS);
  return csvOf(
    hits.map((hit) => cells.map((cell) => cell(hit) ?? null)),
    Object.keys(COLUMNS),
    { header },
  );
}
