/**
 * Rematch: decides the files of an inventory against the current lists, from the stored hashes alone. No file is opened
 * or inspected.
 */

import { verdictOf } from '../check/check-image.js';
import type { FileBatch } from '../check/file-batch.js';
import { QueryBatch, queryBatchOf } from '../check/file-queries.js';
import { PIECE_VALUES } from '../check/match-files.js';
import { type Decision, NEAR_LEFT_OUT, NOTHING_FOUND } from '../check/policy.js';
import { AppError } from '../core/errors.js';
import { ORIENTATIONS, type OrientationChoice } from '../core/vocabulary.js';
import type { FileRow, FileRowWithFolder, Inventory } from '../store/inventory-contract.js';
import { unpackFacts } from './facts/file-facts.js';
import { type FileResult, recordable, resultOf } from './facts/file-result.js';
import { fileRow } from './facts/file-row.js';
import { addQueriesFromRow, type RowHead } from './facts/queries-from-rows.js';
import type { Matcher, MatcherOptions } from './matcher.js';
import { pathOf } from './settle.js';
import type { ScanTally } from './tally.js';

interface RematchParts {
  readonly inventory: Inventory;
  readonly matcher: Matcher;
  readonly tally: ScanTally;
  readonly orientations: OrientationChoice;
  readonly shouldStop: () => boolean;
  readonly onResult: (result: FileResult) => void;
  /** Query only entries that were added since the inventory was last matched; other verdicts stay. */
  readonly newEntries: { readonly batch: FileBatch; readonly options: MatcherOptions } | null;
}

/** Files per batch. Three batches are in memory: two are searched while the next is read. */
const FILES_TOGETHER = 16_384;
const BATCHES_ASKED = 2;
/** Hashes of an image over 512 pixels: a batch that has no room for one more is full. */
const HASHES_A_FILE = 2 * ORIENTATIONS.length;

interface Known {
  readonly row: FileRowWithFolder;
  readonly head: RowHead;
}

class Together {
  readonly queries = new QueryBatch();
  readonly files: Known[] = [];

  get isFull(): boolean {
    const { pdq } = this.queries.columns;
    return this.files.length >= FILES_TOGETHER || pdq.count + HASHES_A_FILE > PIECE_VALUES;
  }
}

async function* together(
  rows: AsyncIterable<readonly FileRowWithFolder[]>,
  orientations: OrientationChoice,
): AsyncGenerator<Together> {
  let held = new Together();
  for await (const batch of rows) {
    for (const row of batch) {
      held.files.push({ row, head: addQueriesFromRow(held.queries, row.facts, orientations) });
      if (!held.isFull) continue;
      yield held;
      held = new Together();
    }
  }
  if (held.files.length > 0) yield held;
}

/**
 * Match an inventory and report the results.
 * Errors  STORE_FAILED; REQUEST_INVALID: no scan was finished in this inventory, its scan matched windows, which are not stored, or (new entries) it was matched with
 *         another store, or before the start of the store's change log; STORE_DAMAGED: rows of the inventory are damaged,
 *         and all others are reported.
 */
export async function rematch(parts: RematchParts): Promise<{ readonly interrupted: boolean }> {
  const { inventory, matcher, shouldStop, newEntries } = parts;
  const { matchedAt } = inventory.state;
  if (matcher.detail !== 'plain') throw noWindows(`detail ${matcher.detail}`);
  if (inventory.state.hasWindows) throw noWindows('an inventory of a scan with windows');
  if (!inventory.state.isFinished || inventory.state.scan === 0) {
    throw new AppError('REQUEST_INVALID', { field: 'rematch', expected: 'an inventory with a finished scan' });
  }
  const among = newEntries === null || matchedAt === null ? null : await newEntries.batch.entriesSince(matchedAt);
  if (newEntries !== null && among === null) {
    throw new AppError('REQUEST_INVALID', {
      field: 'new-entries',
      expected: 'an inventory matched within the change log of this store; rematch all entries',
    });
  }
  const ask = async (queries: QueryBatch): Promise<readonly Decision[]> => {
    if (newEntries === null || among === null) return matcher.match(queries);
    const news = await newEntries.batch.match(queries, newEntries.options, among);
    // A file near a new entry is decided against all active lists, as in a fresh scan.
    const touched = news.flatMap((decision, file) => (isUntouched(decision) ? [] : [file]));
    const decided = await matcher.match(queryBatchOf(touched.map((file) => queries.queryOf(file))));
    const answers = [...news];
    for (const [n, file] of touched.entries()) answers[file] = decided[n]!;
    return answers;
  };
  let inTurn: Promise<void> = Promise.resolve();
  const inFlight: Promise<void>[] = [];
  for await (const { queries, files } of together(inventory.files('all'), parts.orientations)) {
    if (shouldStop()) break;
    const answers = ask(queries);
    const before = inTurn;
    inTurn = (async () => {
      const decisions = await answers;
      await before;
      await reportAll(parts, files, decisions, among !== null);
    })();
    // Awaited below, or by the next batch: until then a rejection is not unhandled.
    inTurn.catch(() => {});
    inFlight.push(inTurn);
    // Only the oldest is awaited: the others are searched while the next is read.
    if (inFlight.length > BATCHES_ASKED) await inFlight.shift();
  }
  await inTurn;
  const interrupted = shouldStop();
  if (!interrupted) await requireUndamaged(inventory);
  if (!interrupted && matcher.matchedAt !== null) await inventory.setMatchedAt(matcher.matchedAt);
  return { interrupted };
}

/** An inventory has no windows: what they found would be answered as `no_match`. */
const noWindows = (got: string) =>
  new AppError('REQUEST_INVALID', { field: 'rematch', got, expected: 'scan the paths again: windows are not stored' });

/**
 * After all other files are reported: the next scan reads these again.
 * Errors  STORE_DAMAGED.
 */
async function requireUndamaged(inventory: Inventory): Promise<void> {
  const rows = await inventory.requeueDamaged();
  if (rows === 0) return;
  const action = 'their files were not matched: scan the same paths into this inventory again';
  throw new AppError('STORE_DAMAGED', { rows, action });
}

/** Return whether no new entry counts for the file. */
const isUntouched = (decision: Decision) => decision === NOTHING_FOUND || decision === NEAR_LEFT_OUT;

async function reportAll(
  { inventory, matcher, tally, onResult }: RematchParts,
  files: readonly Known[],
  decisions: readonly Decision[],
  isPartial: boolean,
): Promise<void> {
  const { generation, exact } = matcher;
  const changed: FileRow[] = [];
  const results: FileResult[] = [];
  let unmatched = 0;
  let at = 0;
  for (const { row, head } of files) {
    // A named file was seen, and its folder not walked.
    const isMissing = head.isMissing || (row.isUnseen && head.scan !== inventory.state.scan);
    if (isMissing) tally.missing++;
    const decision = head.isQueried ? decisions[at++]! : NOTHING_FOUND;
    const { verdict, reason } = verdictOf(decision, head);
    const isOther = reason === 'not_an_image' && verdict === 'not_checked';
    if (!isOther && isPartial && isUntouched(decision)) {
      tally.takeKept(head.size, decision === NEAR_LEFT_OUT);
      continue;
    }
    const isReported = !isOther && verdict !== 'no_match';
    if (isOther) tally.takeOther(head.kind, null);
    else if (!isReported) {
      unmatched++;
      tally.takeUnmatched(head.size, null, {
        isNearLeftOut: decision === NEAR_LEFT_OUT,
        degraded: head.degraded,
        isPossible: false,
      });
    }
    if (!isReported && verdict === head.verdict) continue;
    const facts = unpackFacts(row.facts);
    const answered = { generation, exact, decision };
    if (isReported) results.push(resultOf(pathOf(row), { ...facts, isMissing }, answered, null));
    if (verdict !== head.verdict) changed.push(fileRow(row, facts, { ...facts, verdict, generation }));
  }
  await matcher.record(
    results.map((result) => recordable(result)),
    unmatched,
  );
  if (changed.length > 0) await inventory.apply({ files: changed });
  for (const result of results) {
    tally.take(result);
    onResult(result);
  }
}
