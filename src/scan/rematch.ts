/**
 * Rematch: decides the files of an inventory against the current lists, from the stored hashes. A file is opened only where a stored window may match
 * and nothing else does.
 */

import { verdictOf } from '../check/check-image.js';
import type { FileBatch } from '../check/file-batch.js';
import { QueryBatch, queryBatchOf } from '../check/file-queries.js';
import { PIECE_VALUES } from '../check/match-files.js';
import { type Decision, NEAR_LEFT_OUT, NOTHING_FOUND } from '../check/policy.js';
import type { Answer } from '../check/recorder.js';
import { AppError } from '../core/errors.js';
import { ORIENTATIONS, type OrientationChoice } from '../core/vocabulary.js';
import { type Detail, isCovered } from '../core/window.js';
import { FOUND_MAX } from '../kernels/windows/find-windows.js';
import type { FileRow, FileRowWithFolder, Inventory } from '../store/inventory-contract.js';
import { type FileFacts, unreadNow } from './facts/file-facts.js';
import { type FileResult, type QueryWish, recordable, resultOf } from './facts/file-result.js';
import { fileRow } from './facts/file-row.js';
import { unpackFacts } from './facts/packed-facts.js';
import { addQueriesFromFacts } from './facts/queries-from-facts.js';
import { addQueriesFromRow, type RowHead } from './facts/queries-from-rows.js';
import { VIEW_WINDOWS_MAX } from './facts/stored-windows.js';
import type { Matcher, MatcherOptions } from './matcher.js';
import type { ReadAgain } from './second-look.js';
import { pathOf } from './settle.js';
import type { ScanTally } from './tally.js';

interface RematchParts {
  readonly inventory: Inventory;
  readonly matcher: Matcher;
  readonly tally: ScanTally;
  readonly orientations: OrientationChoice;
  readonly readAgain: ReadAgain;
  readonly shouldStop: () => boolean;
  readonly onResult: (result: FileResult) => void;
  /** Query only entries that were added since the inventory was last matched; other verdicts stay, but for those that may pass (`isPassing`). */
  readonly newEntries: { readonly batch: FileBatch; readonly options: MatcherOptions } | null;
}

/** Files per batch. Three batches are in memory: two are searched while the next is read. */
const FILES_TOGETHER = 16_384;
const BATCHES_ASKED = 2;
/** Hashes of an image over 512 pixels, with its windows: a batch that has no room for one more is full. */
const HASHES_A_FILE: Readonly<Record<Detail, number>> = {
  plain: 2 * ORIENTATIONS.length,
  standard: 2 * (ORIENTATIONS.length + 1 + FOUND_MAX),
  deep: 2 * (ORIENTATIONS.length + VIEW_WINDOWS_MAX),
};

interface Known {
  readonly row: FileRowWithFolder;
  readonly head: RowHead;
}

/** What became of one file. */
interface Outcome {
  readonly decision: Decision;
  /** Facts in place of those of its row, where it was read, or was to be; null: it was not. */
  readonly reading: { readonly facts: FileFacts; readonly bytesRead: number } | null;
  /** False where it could not be read: its row keeps what is known. */
  readonly isDecided: boolean;
  /** No new entry counts for it, and its verdict stays. */
  readonly isKept: boolean;
}

/** The answer to the query of a row. */
type RowAnswer = Pick<Outcome, 'decision' | 'isKept'>;

const byItsRow = (answer: RowAnswer): Outcome => ({ ...answer, reading: null, isDecided: true });

class Together {
  readonly queries = new QueryBatch();
  readonly files: Known[] = [];

  constructor(readonly wish: QueryWish) {}

  add(row: FileRowWithFolder): void {
    this.files.push({ row, head: addQueriesFromRow(this.queries, row.facts, this.wish) });
  }

  get isFull(): boolean {
    const { pdq } = this.queries.columns;
    return this.files.length >= FILES_TOGETHER || pdq.count + HASHES_A_FILE[this.wish.detail] > PIECE_VALUES;
  }
}

async function* together(rows: AsyncIterable<readonly FileRowWithFolder[]>, wish: QueryWish): AsyncGenerator<Together> {
  let held = new Together(wish);
  for await (const batch of rows) {
    for (const row of batch) {
      held.add(row);
      if (!held.isFull) continue;
      yield held;
      held = new Together(wish);
    }
  }
  if (held.files.length > 0) yield held;
}

/** Errors REQUEST_INVALID. */
function requireMatchable({ inventory, matcher, newEntries }: RematchParts): void {
  const { isFinished, scan, matchedDetail } = inventory.state;
  if (!isFinished || scan === 0)
    throw new AppError('REQUEST_INVALID', { field: 'rematch', expected: 'an inventory with a finished scan' });
  const { detail, takesStoredWindows } = matcher;
  if (detail !== 'plain' && !takesStoredWindows)
    throw new AppError('REQUEST_INVALID', {
      field: 'rematch',
      got: `detail ${detail}`,
      expected: 'scan the paths again: windows are not stored whole, as a service needs them',
    });
  if (newEntries !== null && !isCovered(detail, matchedDetail))
    throw new AppError('REQUEST_INVALID', {
      field: 'new-entries',
      got: `detail ${detail}`,
      expected: `an inventory matched at this detail, and it was at ${matchedDetail}; rematch all entries`,
    });
}

/** Return whether no new entry counts for the file. */
const isUntouched = (decision: Decision) => decision === NOTHING_FOUND || decision === NEAR_LEFT_OUT;

/**
 * Return whether a verdict rested on what changes without a new entry: a match that did not count, by the draw of a sampled list, a time that has not
 * come, a quarantine or a suppression; or no list was in force.
 */
const isPassing = ({ verdict, reason }: RowHead) =>
  verdict === 'suppressed' || (verdict === 'not_checked' && reason === null);

/** Return what answers the queries of a batch from the entries that count. Errors REQUEST_INVALID; STORE_FAILED. */
async function openAnswers({
  inventory,
  matcher,
  newEntries,
}: RematchParts): Promise<(batch: Together) => Promise<readonly RowAnswer[]>> {
  if (newEntries === null)
    return async ({ queries }) => (await matcher.match(queries)).map((decision) => ({ decision, isKept: false }));
  const { batch, options } = newEntries;
  const { matchedAt } = inventory.state;
  const among = matchedAt === null ? null : await batch.entriesSince(matchedAt);
  if (among === null) {
    throw new AppError('REQUEST_INVALID', {
      field: 'new-entries',
      expected: 'an inventory matched within the change log of this store; rematch all entries',
    });
  }
  return async ({ queries, files }) => {
    const news = await batch.match(queries, options, among);
    const heads = files.flatMap(({ head }) => (head.isQueried ? [head] : []));
    // A file near a new entry is decided against all active lists, as in a fresh scan.
    const again = news.flatMap((decision, at) => (isUntouched(decision) && !isPassing(heads[at]!) ? [] : [at]));
    const decided = await matcher.match(queryBatchOf(again.map((at) => queries.queryOf(at))));
    const answers = news.map((decision): RowAnswer => ({ decision, isKept: true }));
    for (const [n, at] of again.entries()) answers[at] = { decision: decided[n]!, isKept: false };
    return answers;
  };
}

/**
 * Match an inventory and report the results.
 * Errors  STORE_FAILED; REQUEST_INVALID: no scan was finished in this inventory, a service is asked for windows, or (new entries) it was matched with
 *         another store, at a narrower detail, or before the start of the store's change log; STORE_DAMAGED: rows of the inventory are damaged,
 *         and all others are reported.
 */
export async function rematch(parts: RematchParts): Promise<{ readonly interrupted: boolean }> {
  const { inventory, matcher, shouldStop, tally, orientations } = parts;
  requireMatchable(parts);
  const ask = await openAnswers(parts);
  const left = { lacking: 0, undecided: 0 };
  let inTurn: Promise<void> = Promise.resolve();
  const inFlight: Promise<void>[] = [];
  for await (const batch of together(inventory.files('all'), { orientations, detail: matcher.detail })) {
    if (shouldStop()) break;
    const answers = ask(batch).then((rowAnswers) => decideOpen(parts, batch.files, rowAnswers));
    const before = inTurn;
    inTurn = (async () => {
      const outcomes = await answers;
      await before;
      await reportAll(parts, batch.files, outcomes, left);
    })();
    // Awaited below, or by the next batch: until then a rejection is not unhandled.
    inTurn.catch(() => {});
    inFlight.push(inTurn);
    // Only the oldest is awaited: the others are searched while the next is read.
    if (inFlight.length > BATCHES_ASKED) await inFlight.shift();
  }
  await inTurn;
  if (left.lacking > 0) tally.warn('WINDOWS_LACKING', { files: left.lacking, detail: matcher.detail });
  const interrupted = shouldStop();
  if (!interrupted) await requireUndamaged(inventory);
  const isWhole = !interrupted && left.lacking + left.undecided === 0;
  if (isWhole && matcher.matchedAt !== null) await inventory.setMatchedAt(matcher.matchedAt, matcher.detail);
  return { interrupted };
}

/** Decide each file of a batch; those that their rows leave open are read. Result: null for one that the rematch was stopped before. */
async function decideOpen(
  { readAgain, matcher, orientations, newEntries }: RematchParts,
  files: readonly Known[],
  rowAnswers: readonly RowAnswer[],
): Promise<readonly (Outcome | null)[]> {
  let next = 0;
  const unasked = { decision: NOTHING_FOUND, isKept: newEntries !== null };
  const outcomes: (Outcome | null)[] = files.map(({ head }) =>
    byItsRow(head.isQueried ? rowAnswers[next++]! : unasked),
  );
  const open = outcomes.flatMap((outcome, at) => (outcome?.decision.isOpen ? [at] : []));
  if (open.length === 0) return outcomes;
  const known = open.map((at) => ({ ...files[at]!.row, facts: unpackFacts(files[at]!.row.facts) }));
  const readings = await readAgain(known);
  const queries = new QueryBatch();
  const wish = { orientations, detail: matcher.detail };
  const read: number[] = [];
  for (const [n, at] of open.entries()) {
    const [{ facts }, reading] = [known[n]!, readings[n]!];
    if (reading === null) outcomes[at] = null;
    else if (typeof reading === 'string') {
      // What else it matches, it matches; what nothing decides is not clean.
      if (outcomes[at]!.decision.verdict === 'match') continue;
      const unread = { facts: unreadNow(facts, reading), bytesRead: 0 };
      outcomes[at] = { decision: NOTHING_FOUND, reading: unread, isDecided: false, isKept: false };
    } else {
      const { scan, generation, isMissing, verdict } = facts;
      const now = { ...reading.facts, scan, generation, isMissing, verdict };
      outcomes[at] = {
        decision: NOTHING_FOUND,
        reading: { facts: now, bytesRead: reading.bytesRead ?? 0 },
        isDecided: true,
        isKept: false,
      };
      addQueriesFromFacts(queries, now, wish);
      read.push(at);
    }
  }
  const again = await matcher.match(queries);
  for (const [n, at] of read.entries()) outcomes[at] = { ...outcomes[at]!, decision: again[n]! };
  return outcomes;
}

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

async function reportAll(
  { inventory, matcher, tally, onResult }: RematchParts,
  files: readonly Known[],
  outcomes: readonly (Outcome | null)[],
  left: { lacking: number; undecided: number },
): Promise<void> {
  const { generation, exact } = matcher;
  const changed: FileRow[] = [];
  const results: { readonly result: FileResult; readonly isPossible: boolean }[] = [];
  const answers: Answer[] = [];
  let unmatched = 0;
  for (const [n, { row, head }] of files.entries()) {
    const outcome = outcomes[n]!;
    if (outcome === null) continue;
    const { decision, reading, isDecided, isKept } = outcome;
    // A named file was seen, and its folder not walked.
    const isMissing = head.isMissing || (row.isUnseen && head.scan !== inventory.state.scan);
    if (isMissing) tally.missing++;
    if (!isDecided) left.undecided++;
    const now = reading?.facts ?? head;
    const { verdict, reason } = verdictOf(decision, now);
    const isOther = reason === 'not_an_image' && verdict === 'not_checked';
    const isLacking = head.lacksWindows && (verdict === 'no_match' || verdict === 'suppressed');
    if (isLacking) left.lacking++;
    // A file that could not be examined has nothing that new entries were compared with.
    if (isLacking || (!isOther && isKept && verdict !== 'not_checked')) {
      tally.takeKept(head.size, decision === NEAR_LEFT_OUT);
      continue;
    }
    const bytesRead = reading?.bytesRead ?? null;
    const isReported = !isOther && verdict !== 'no_match';
    const isPossible = !isOther && decision.possible.length > 0;
    if (isOther) tally.takeOther(head.kind, bytesRead);
    else if (!isReported) {
      if (!isPossible) unmatched++;
      tally.takeUnmatched(head.size, bytesRead, {
        isNearLeftOut: decision === NEAR_LEFT_OUT,
        degraded: now.degraded,
        isPossible,
      });
    }
    if (!isReported && !isPossible && verdict === head.verdict) continue;
    const known = unpackFacts(row.facts);
    const facts = reading?.facts ?? known;
    const answered = { generation, exact, decision };
    if (isReported || isPossible) {
      const result = resultOf(pathOf(row), { ...facts, isMissing }, answered, bytesRead);
      if (isReported) results.push({ result, isPossible });
      answers.push(recordable(result, decision.possible));
    }
    if (verdict !== head.verdict)
      changed.push(fileRow(row, isDecided ? facts : known, { ...known, verdict, generation }));
  }
  await matcher.record(answers, unmatched);
  if (changed.length > 0) await inventory.apply({ files: changed });
  for (const { result, isPossible } of results) {
    tally.take(result, { isPossible });
    onResult(result);
  }
}
