/** Import rules, the same for every store: rows are accepted, duplicate or rejected, counted by reason. */
import type { ParsedRow, RejectReason } from '../core/parsed-row.js';
import type { Draft, ImportMode, ImportReport } from './lists-contract.js';

/** Rejected rows reported with their line; all are counted. */
const REJECTED_KEPT_MAX = 100;
/** Distinct repeated values remembered; a value that many rows carry recurs soon. */
const REPEATED_VALUES_KEPT_MAX = 100_000;
/** Places for values that came once, by four bytes of their seals, which are as good as random. */
const ONCE_PLACES = 2 ** 24;
/** Where these bytes begin: after the number of the key. */
const ONCE_AT = 2;

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
  /** Entries with other attributes than before. */
  updated = 0;
  readonly #rejectedByReason: Partial<Record<RejectReason, number>> = {};
  readonly #firstRejected: { line: number; reason: RejectReason }[] = [];
  readonly #once = new Uint8Array(ONCE_PLACES / 8);
  /** Rows of values that came again, a bounded number of them. */
  readonly #rowsOfValue = new Map<string, number>();
  #mostRowsOfOneValue = 1;

  reject({ line, reason }: Pick<Extract<ParsedRow, { ok: false }>, 'line' | 'reason'>): void {
    this.rejected++;
    this.#rejectedByReason[reason] = (this.#rejectedByReason[reason] ?? 0) + 1;
    if (this.#firstRejected.length < REJECTED_KEPT_MAX) this.#firstRejected.push({ line, reason });
  }

  /** Count rows of one value; a value that shares a place with another counts one too many. */
  value({ algorithm, value }: { readonly algorithm: number; readonly value: Buffer }): void {
    const place = value.readUInt32LE(ONCE_AT) % ONCE_PLACES;
    const bit = 1 << (place & 7);
    if ((this.#once[place >> 3]! & bit) === 0) {
      this.#once[place >> 3]! |= bit;
      return;
    }
    const name = `${algorithm} ${value.toString('latin1')}`;
    const rows = (this.#rowsOfValue.get(name) ?? 1) + 1;
    if (this.#rowsOfValue.size < REPEATED_VALUES_KEPT_MAX || this.#rowsOfValue.has(name))
      this.#rowsOfValue.set(name, rows);
    this.#mostRowsOfOneValue = Math.max(this.#mostRowsOfOneValue, rows);
  }

  report(list: string, version: number): ImportReport {
    const { accepted, duplicates, rejected, deleted, added, updated } = this;
    const counted = {
      list,
      version,
      accepted,
      duplicates,
      rejected,
      deleted,
      added,
      updated,
      removed: this.removed + deleted,
    };
    return { ...counted, rejectedByReason: this.#rejectedByReason, held: [], firstRejected: this.#firstRejected };
  }

  /** `knownGood`: digests of the list that a suppression list has too. */
  draft(mode: ImportMode, facts: Pick<Draft, 'entriesBefore' | 'entriesAfter' | 'knownGood' | 'isNew'>): Draft {
    const { accepted, duplicates, rejected, deleted, added } = this;
    return {
      ...facts,
      mode,
      added,
      removed: this.removed + deleted,
      rows: accepted + duplicates + rejected,
      rejectedByReason: this.#rejectedByReason,
      mostRowsOfOneValue: this.#mostRowsOfOneValue,
    };
  }
}
