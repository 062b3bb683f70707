/**
 * Import rules, the same for every store: rows are accepted, duplicate or rejected, counted by reason; and entries
 * withdrawn by a list.
 */
import type { ParsedRow, RejectReason } from '../core/parsed-row.js';
import type { Draft, ImportReport } from './lists-contract.js';

/** Rejected rows reported with their line; all are counted. */
const REJECTED_KEPT_MAX = 100;
/** Distinct repeated values remembered; a value that many rows carry recurs soon. */
const REPEATED_VALUES_KEPT_MAX = 100_000;

export type ImportMode = 'replace' | 'add';

/** Return whether a row with a known value is a duplicate: `heldVersion` is the last version with that value. */
export function isDuplicate(mode: ImportMode, heldVersion: number, version: number): boolean {
  return mode === 'add' || heldVersion === version;
}

/** Counts of one import's rows by their result. */
export class ImportCounts {
  accepted = 0;
  /** Existing entries that the rows withdrew. */
  deleted = 0;
  /** New entries, and earlier entries that no row repeated. */
  added = 0;
  removed = 0;
  duplicates = 0;
  rejected = 0;
  readonly #rejectedByReason: Partial<Record<RejectReason, number>> = {};
  readonly #firstRejected: { line: number; reason: RejectReason }[] = [];
  /** Counts of repeated values, a bounded number of them. */
  readonly #rowsOfValue = new Map<string, number>();
  #mostRowsOfOneValue = 1;

  reject({ line, reason }: Pick<Extract<ParsedRow, { ok: false }>, 'line' | 'reason'>): void {
    this.rejected++;
    this.#rejectedByReason[reason] = (this.#rejectedByReason[reason] ?? 0) + 1;
    if (this.#firstRejected.length < REJECTED_KEPT_MAX) this.#firstRejected.push({ line, reason });
  }

  /** `name`: the algorithm and the value in the form of this store. */
  duplicate(name: string): void {
    this.duplicates++;
    const rows = (this.#rowsOfValue.get(name) ?? 1) + 1;
    if (this.#rowsOfValue.size < REPEATED_VALUES_KEPT_MAX || this.#rowsOfValue.has(name))
      this.#rowsOfValue.set(name, rows);
    this.#mostRowsOfOneValue = Math.max(this.#mostRowsOfOneValue, rows);
  }

  report(list: string, version: number): ImportReport {
    const { accepted, duplicates, rejected, deleted, added } = this;
    const counted = { list, version, accepted, duplicates, rejected, deleted, added, removed: this.removed + deleted };
    return { ...counted, rejectedByReason: this.#rejectedByReason, held: [], firstRejected: this.#firstRejected };
  }

  /** `knownGood`: digests of the list that a suppression list has too. */
  draft(entriesBefore: number, entriesAfter: number, knownGood: number): Draft {
    const { accepted, duplicates, rejected, deleted, added } = this;
    return {
      entriesBefore,
      entriesAfter,
      added,
      removed: this.removed + deleted,
      rows: accepted + duplicates + rejected,
      rejectedByReason: this.#rejectedByReason,
      knownGood,
      mostRowsOfOneValue: this.#mostRowsOfOneValue,
    };
  }
}

/** Entries withdrawn by one import, with their times by the list's own clock. */
export class Withdrawals {
  readonly #atMs = new Map<string, number>();

  /** `at`: RFC 3339, if given; without it the entry is withdrawn regardless of its last update. */
  withdraw(entryId: string, at: string | undefined): { covers(updatedAt: string | null): boolean } {
    const atMs = at === undefined ? Number.NaN : Date.parse(at);
    if (Number.isNaN(atMs)) return { covers: () => true };
    this.#atMs.set(entryId, Math.max(atMs, this.#atMs.get(entryId) ?? atMs));
    return { covers: (updatedAt) => this.isWithdrawn(entryId, updatedAt) };
  }

  /** Return whether this import withdrew the entry after its last update. */
  isWithdrawn(entryId: string, updatedAt: string | null): boolean {
    const atMs = this.#atMs.get(entryId);
    return atMs !== undefined && !(updatedAt !== null && Date.parse(updatedAt) > atMs);
  }
}
