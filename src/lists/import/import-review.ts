/**
 * Review rules for a new version of a list: a version is held for approval where an error in the list would cause
 * mistaken takedowns. A canary is a certainly harmless image: a set ships with Zeef, and the entries of every suppression
 * list count too. One-dimensional hashes are those of slides, forms and calendars (`pdq-shape.ts`); crowds, those of images on one
 * template (`crowds.ts`).
 */
import type { ParsedRow, RejectReason } from '../../core/parsed-row.js';
import type { Entry } from '../../core/vocabulary.js';
import type { Draft, HeldRow, HoldReason, ListReader, NearRow, Review } from '../../store/lists-contract.js';
import { OwnCanaries, shownId } from './canaries.js';
import { CROWD_OTHERS_MAX, type Crowded, HashSample } from './crowds.js';
import { PDQ_PER_BATCH, type PdqFindings, PdqGate, type PdqRow } from './pdq-gate.js';

/** Share of the last version's entries: a list that changes more overnight is another list, or was truncated. */
const CHANGE_SHARE_MAX = 0.2;
/** Entries that any list may add or remove: a provider's own list of ten doubles in a day. */
const CHANGE_COUNT_MIN = 20;
/** One broken exporter wrote the same value for every image it could not read. */
const ROWS_OF_ONE_VALUE_MAX = 20;
/** Share of all rows: a list with more malformed rows was read in the wrong format, or is damaged. */
const REJECTED_SHARE_MAX = 0.05;
/** Malformed rows allowed in any list: each is reported with its line. */
const REJECTED_COUNT_MIN = 10;
/** Share of the PDQ rows: three times that of photographs (3 of 1,844), which are one-dimensional by chance. */
const ONE_DIMENSIONAL_SHARE_MAX = 0.005;
/** One-dimensional rows allowed in any list: an update of fifty rows has one now and then, and hardly ever four. */
const ONE_DIMENSIONAL_COUNT_MIN = 3;
/** Share of the hashes compared: a large list has some images with many copies. */
const CROWDED_SHARE_MAX = 0.005;
/** Rows named for each rule: enough to see the pattern. */
const ROWS_NAMED_MAX = 100;
/** Rejections in a healthy list: withdrawn entries, and kinds that are not matched. */
const HEALTHY = new Set(['not_active', 'known_good', 'not_a_value', 'unknown_algorithm', 'other_category']);
/** And in an update, which may repeat what the list knows. Of a whole list it means that its ids are none of its entries'. */
const HEALTHY_UPDATE = new Set([...HEALTHY, 'outdated']);

/** Rows that may have others within them: each holds the import. */
const SWALLOWING: ReadonlySet<RejectReason> = new Set(['swallowed_lines', 'line_too_long']);

export interface ImportReview {
  /** Pass the rows through and inspect them. */
  watch(batches: AsyncIterable<readonly ParsedRow[]>): AsyncIterable<readonly ParsedRow[]>;
  readonly review: Review;
}

/** Rows that a rule counted; the first ones are named. */
class CountedRows {
  count = 0;
  readonly #first: HeldRow[] = [];

  /** `nearest`: what it is near. */
  add({ line, entryId }: Pick<PdqRow, 'line' | 'entryId'>, nearest?: () => NearRow): void {
    this.count++;
    if (this.#first.length < ROWS_NAMED_MAX)
      this.#first.push({ line, entryId: shownId(entryId), ...(nearest ? { near: nearest() } : {}) });
  }
  get firstRows(): Pick<HoldReason, 'firstRows'> {
    return this.#first.length === 0 ? {} : { firstRows: this.#first };
  }
}

/** What the rows of an import hold, beside the facts of the draft. */
export class WatchedRows {
  pdqRows = 0;
  readonly canaries = new CountedRows();
  readonly oneDimensional = new CountedRows();
  readonly swallowed = new CountedRows();
  readonly hashes = new HashSample();
}

interface ReviewOptions {
  /** Of the list; null: it is everyone's. */
  readonly tenant?: string | null;
  /** Rows that neither the rule of changes nor that of crowds counts: variants of images that other rows are of. */
  readonly isAside?: (entry: Pick<Entry, 'tags'>) => boolean;
}

/** Open the review of one import into a match list with the radius `radiusBits`. */
export async function openReview(
  store: ListReader,
  radiusBits: number,
  { tenant = null, isAside = () => false }: ReviewOptions = {},
): Promise<ImportReview> {
  const own = await OwnCanaries.of(store, tenant);
  const gate = new PdqGate({ radiusBits, canaries: own.hashes });
  const watched = new WatchedRows();
  const aside = new Set<number>();
  const note = (rows: readonly PdqRow[], { canaries, oneDimensional }: PdqFindings) => {
    watched.pdqRows += rows.length;
    for (const { row, canary } of canaries) watched.canaries.add(rows[row]!, () => own.nameOf(canary));
    for (const at of oneDimensional) watched.oneDimensional.add(rows[at]!);
    for (const row of rows) if (!aside.has(row.position)) watched.hashes.add(row);
  };
  return {
    async *watch(batches) {
      let waiting: PdqRow[] = [];
      let position = -1;
      try {
        for await (const batch of batches) {
          for (const row of batch) {
            position++;
            if (!row.ok) {
              if (SWALLOWING.has(row.reason)) watched.swallowed.add({ line: row.line, entryId: '' });
            } else if (row.entry.algorithm === 'pdq') {
              if (isAside(row.entry)) aside.add(position);
              waiting.push({ position, line: row.line, entryId: row.entry.entryId, value: row.entry.value });
              if (waiting.length === PDQ_PER_BATCH) {
                await gate.checkLater(waiting, note);
                waiting = [];
              }
            }
          }
          yield batch;
        }
        await gate.settle();
        note(waiting, gate.check(waiting));
      } finally {
        await gate.close();
      }
    },
    review: (draft) => {
      const added = draft.added - [...aside].filter((at) => draft.isNew(at)).length;
      return reasonsToHold({ ...draft, added }, watched, watched.hashes.crowded(radiusBits, draft.isNew));
    },
  };
}

/** Pure. Unit: counts of entries and rows. */
export function reasonsToHold(draft: Draft, watched: WatchedRows, crowded: Crowded): readonly HoldReason[] {
  const healthy = draft.mode === 'add' ? HEALTHY_UPDATE : HEALTHY;
  const { entriesBefore, added, removed, rows, rejectedByReason, mostRowsOfOneValue, knownGood } = draft;
  const { canaries, oneDimensional, swallowed, pdqRows } = watched;
  const changeLimit = Math.max(CHANGE_COUNT_MIN, Math.floor(entriesBefore * CHANGE_SHARE_MAX));
  const shapeLimit = Math.max(ONE_DIMENSIONAL_COUNT_MIN, Math.floor(pdqRows * ONE_DIMENSIONAL_SHARE_MAX));
  const crowdLimit = Math.max(CROWD_OTHERS_MAX, Math.floor(crowded.compared * CROWDED_SHARE_MAX));
  const crowdRows = crowded.lines.slice(0, ROWS_NAMED_MAX).map((_, at) => crowded.rowAt(at));
  const unhealthy = Object.entries(rejectedByReason)
    .filter(([reason]) => !healthy.has(reason))
    .reduce((sum, [, count]) => sum + count, 0);
  const swallowedRows = [...SWALLOWING].reduce((sum, reason) => sum + (rejectedByReason[reason] ?? 0), 0);
  const rules: HoldReason[] = [
    { rule: 'canary', count: canaries.count + knownGood, limit: 0, ...canaries.firstRows },
    { rule: 'shape', count: oneDimensional.count, limit: shapeLimit, ...oneDimensional.firstRows },
    { rule: 'crowded', count: crowded.lines.length, limit: crowdLimit, firstRows: crowdRows },
    { rule: 'change', count: entriesBefore === 0 ? 0 : added + removed, limit: changeLimit },
    { rule: 'repeated_value', count: mostRowsOfOneValue, limit: ROWS_OF_ONE_VALUE_MAX },
    { rule: 'rejected', count: unhealthy, limit: Math.max(REJECTED_COUNT_MIN, Math.floor(rows * REJECTED_SHARE_MAX)) },
    { rule: 'swallowed', count: swallowedRows, limit: 0, ...swallowed.firstRows },
  ];
  return rules.filter(({ count, limit }) => count > limit);
}
