/**
 * What an import makes of its rows, the same whatever store they go to: accepted, duplicate or rejected, counted with
 * their reasons; and which entries a list has withdrawn.
 */
import type { ParsedRow, RejectReason } from '../core/parsed-row.js';
import type { Draft, ImportReport } from './lists-contract.js';

/** Rejected rows that are kept with their line; a person looks at a few, and all are counted. */
const REJECTED_KEPT_MAX = 100;
/** Distinct values that came more than once; a value that many rows carry is met again soon. */
const REPEATED_VALUES_KEPT_MAX = 100_000;

export type ImportMode = 'replace' | 'add';

/** Whether a row whose value the list holds already adds nothing: `heldVersion` is the last version that brought it. */
export function isDuplicate(mode: ImportMode, heldVersion: number, version: number): boolean {
  return mode === 'add' || heldVersion === version;
}

/** Rows of one import, counted by what became of them. */
export class ImportCounts {
  accepted = 0;
  /** Entries that the rows named as gone, and that were there. */
  deleted = 0;
  /** Entries that were not there before, and that no row brought again. */
  added = 0;
  removed = 0;
  duplicates = 0;
  rejected = 0;
  readonly #rejectedByReason: Partial<Record<RejectReason, number>> = {};
  readonly #firstRejected: { line: number; reason: RejectReason }[] = [];
  /** Of values that came more than once; only those are remembered, and not without bound. */
  readonly #rowsOfValue = new Map<string, number>();
  #mostRowsOfOneValue = 1;

  reject({ line, reason }: Pick<Extract<ParsedRow, { ok: false }>, 'line' | 'reason'>): void {
    this.rejected++;
    this.#rejectedByReason[reason] = (this.#rejectedByReason[reason] ?? 0) + 1;
    if (this.#firstRejected.length < REJECTED_KEPT_MAX) this.#firstRejected.push({ line, reason });
  }

  /** `name`: the algorithm and the value, as they look in this store. */
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

/** Entries that one import withdrew, and when, by the list's own clock. */
export class Withdrawals {
  readonly #atMs = new Map<string, number>();

  /** `at`: RFC 3339, where the list says; without a time the entry is withdrawn now and whenever it was last updated. */
  withdraw(entryId: string, at: string | undefined): { covers(updatedAt: string | null): boolean } {
    const atMs = at === undefined ? Number.NaN : Date.parse(at);
    if (Number.isNaN(atMs)) return { covers: () => true };
    this.#atMs.set(entryId, Math.max(atMs, this.#atMs.get(entryId) ?? atMs));
    return { covers: (updatedAt) => this.isWithdrawn(entryId, updatedAt) };
  }

  /** Withdrawn by this import, after the entry was last updated. */
  isWithdrawn(entryId: string, updatedAt: string | null): boolean {
    const atMs = this.#atMs.get(entryId);
    return atMs !== undefined && !(updatedAt !== null && Date.parse(updatedAt) > atMs);
  }
}
