/**
 * How long earlier versions of a list are kept: the last ten whatever they changed, since a daily list is rolled back by a week and
 * a half; and beyond them as long as they are cheap, since single additions and removals make a version each, and must not push the
 * last import out.
 */
import { AppError } from '../../core/errors.js';
import type { HoldReason, ImportMode, ImportReport, VersionInfo, WriteOptions } from '../lists-contract.js';
import type { ListRow } from './list-row.js';

const VERSIONS_MIN = 10;
/** Versions of a list: a row each, all of which are read with each import. */
export const VERSIONS_MAX = 1_000;
/** Earlier forms of entries that versions beyond the first ten may keep: some twenty megabytes. */
const PAST_ENTRIES_MAX = 100_000;

/** What a version changed, as it is stored. */
type VersionFacts = Pick<
  ImportReport,
  'accepted' | 'duplicates' | 'rejected' | 'rejectedByReason' | 'added' | 'removed' | 'updated'
> & {
  readonly held: readonly HoldReason[];
  readonly mode: ImportMode;
};

/** The text of a version's facts. `keptBySize`: of a version that was made by these rules; before them the last ten were kept. */
export function versionFacts(report: ImportReport, mode: ImportMode): string {
  const { accepted, duplicates, rejected, rejectedByReason, added, removed, updated, held } = report;
  const facts: VersionFacts = { accepted, duplicates, rejected, rejectedByReason, added, removed, updated, held, mode };
  return JSON.stringify({ ...facts, keptBySize: 1 });
}

/** Earlier versions have fewer facts: no entry was updated, and those that were held were whole lists. */
function factsOf(text: string): VersionFacts {
  const { keptBySize: _, ...facts } = JSON.parse(text) as Omit<VersionFacts, 'updated' | 'mode'> & {
    keptBySize?: number;
  };
  return { updated: 0, mode: 'replace', ...facts };
}

/** The row of a version, in every store. */
export interface VersionRow {
  readonly list_id: number;
  readonly version: number;
  readonly is_held: number;
  readonly imported_at: string;
  readonly origin: string | null;
  readonly facts: string;
  readonly checksum: string;
}

/** `list`: as it is now. */
export function toVersionInfo(list: ListRow, row: VersionRow): VersionInfo {
  return {
    list: list.name,
    version: row.version,
    state: row.is_held === 1 ? 'held' : row.version === list.version ? 'active' : 'past',
    importedAt: row.imported_at,
    origin: row.origin,
    ...factsOf(row.facts),
    checksum: row.checksum,
  };
}

/**
 * Return whether a version that is held stays so beside a write that becomes active: one that adds to the list does not have its rows. A
 * later file of the same name, or a later sync, has.
 */
export const staysHeld = (
  held: Pick<VersionInfo, 'origin'>,
  mode: ImportMode,
  { origin = null, approves = false }: Pick<WriteOptions, 'origin' | 'approves'>,
): boolean => mode === 'add' && !approves && held.origin !== origin;

/**
 * Return the version that is held. `importedAt`: only that of this time, as a person has seen it; an import that is held later takes its
 * place, under the same number. Errors NOT_FOUND: none, or another one, is held.
 */
export function heldOf(versions: readonly VersionInfo[], list: string, importedAt?: string): VersionInfo {
  const held = versions.find(({ state }) => state === 'held');
  if (held && (importedAt === undefined || held.importedAt === importedAt)) return held;
  throw new AppError('NOT_FOUND', { list, state: 'held', ...(importedAt === undefined ? {} : { importedAt }) });
}

/** A version that was active, the newest first. */
export interface VersionChange {
  readonly version: number;
  readonly facts: string;
}

/** The oldest version of a list that can be restored after `version`. Damaged facts keep none beyond the first ten. */
export function oldestOf(changes: Iterable<VersionChange>, version: number): number {
  let oldest = Math.max(1, version - VERSIONS_MIN);
  let kept = 0;
  for (const change of changes) {
    const { changed, isBySize } = sizeOf(change.facts);
    kept += changed;
    if (change.version > oldest) continue;
    // What this one changed is needed to restore the one before it.
    if (change.version < oldest || !isBySize || kept > PAST_ENTRIES_MAX) break;
    oldest = Math.max(1, change.version - 1);
  }
  return oldest;
}

/** Earlier forms that a version keeps of entries. */
function sizeOf(text: string): { readonly changed: number; readonly isBySize: boolean } {
  try {
    const {
      removed = 0,
      updated = 0,
      keptBySize,
    } = JSON.parse(text) as Partial<VersionFacts> & { keptBySize?: number };
    return { changed: removed + updated, isBySize: keptBySize === 1 };
  } catch {
    return { changed: 0, isBySize: false };
  }
}
