/**
 * What the lists say now of files that a scan has hashed before, from the inventory alone: no file is opened, none is
 * looked at.
 */
import { AppError } from '../../core/errors.js';
import type { OrientationChoice } from '../../core/vocabulary.js';
import type { FileRowWithFolder, Inventory } from '../../store/inventory-contract.js';
import { verdictOf } from '../check-image.js';
import type { FileBatch } from '../file-batch.js';
import { type Decision, NOTHING_FOUND } from '../policy.js';
import { type FileFacts, packFacts, unpackFacts } from './file-facts.js';
import { type FileResult, hasQuery, queryOf, recordable, resultOf } from './file-result.js';
import type { Matcher, MatcherOptions } from './matcher.js';
import { pathOf } from './settle.js';
import type { Tally } from './tally.js';

export interface RematchParts {
  readonly inventory: Inventory;
  readonly matcher: Matcher;
  readonly tally: Tally;
  readonly orientations: OrientationChoice;
  readonly shouldStop: () => boolean;
  readonly onResult: (result: FileResult) => void;
  /** Only what came into the lists since the inventory was last matched is asked; the rest stands as it was. */
  readonly newEntries: { readonly batch: FileBatch; readonly asking: MatcherOptions } | null;
}

/** Files whose hashes are in memory at once, twice: one batch is searched while the next is read. */
const FILES_TOGETHER = 8_192;

async function* together(rows: AsyncIterable<readonly FileRowWithFolder[]>): AsyncGenerator<FileRowWithFolder[]> {
  let held: FileRowWithFolder[] = [];
  for await (const batch of rows) {
    held.push(...batch);
    if (held.length < FILES_TOGETHER) continue;
    yield held;
    held = [];
  }
  if (held.length > 0) yield held;
}

interface Known {
  readonly row: FileRowWithFolder;
  readonly facts: FileFacts;
}

/**
 * Errors  STORE_FAILED; REQUEST_INVALID: no scan was finished in this inventory, or (new entries) it was matched with
 *         another store, or so long ago that the store no longer remembers what came since.
 */
export async function rematch(parts: RematchParts): Promise<{ readonly interrupted: boolean }> {
  const { inventory, matcher, shouldStop, newEntries } = parts;
  const { matchedAt } = inventory.state;
  if (!inventory.state.isFinished || inventory.state.scan === 0) {
    throw new AppError('REQUEST_INVALID', { field: 'rematch', expected: 'an inventory whose scan was finished' });
  }
  const among = newEntries === null || matchedAt === null ? null : await newEntries.batch.entriesSince(matchedAt);
  if (newEntries !== null && among === null) {
    throw new AppError('REQUEST_INVALID', {
      field: 'new-entries',
      expected: 'lists that remember; rematch with all entries',
    });
  }
  const ask = async (files: readonly Known[]): Promise<readonly Decision[]> => {
    const queries = files.map(({ facts }) => queryOf(facts, parts.orientations));
    if (newEntries === null || among === null) return matcher.match(queries);
    const news = await newEntries.batch.match(queries, newEntries.asking, among);
    // What a new entry is near to is decided anew, against all that is in force: a fresh scan would say the same.
    const touched = queries.flatMap((_, at) => (news[at] === NOTHING_FOUND ? [] : [at]));
    const decided = touched.length > 0 ? await matcher.match(touched.map((at) => queries[at]!)) : [];
    const answers = queries.map(() => NOTHING_FOUND);
    for (const [n, at] of touched.entries()) answers[at] = decided[n]!;
    return answers;
  };
  let inTurn: Promise<void> = Promise.resolve();
  let waiting = 0;
  for await (const rows of together(inventory.files('done'))) {
    if (shouldStop()) break;
    const files = rows.map((row): Known => ({ row, facts: unpackFacts(row.facts) }));
    const asked = files.filter(({ facts }) => hasQuery(facts));
    const answers = ask(asked);
    waiting++;
    const before = inTurn;
    inTurn = (async () => {
      const decisions = await answers;
      await before;
      await tellAll(parts, files, decisions, among !== null);
      waiting--;
    })();
    if (waiting > 1) await before;
  }
  await inTurn;
  const interrupted = shouldStop();
  if (!interrupted && matcher.matchedAt !== null) await inventory.setMatchedAt(matcher.matchedAt);
  return { interrupted };
}

async function tellAll(
  { inventory, matcher, tally, onResult }: RematchParts,
  files: readonly Known[],
  decisions: readonly Decision[],
  isPartial: boolean,
): Promise<void> {
  const { generation, exact } = matcher;
  const changed: { spot: number; name: string; facts: Uint8Array }[] = [];
  const results: FileResult[] = [];
  let unmatched = 0;
  let at = 0;
  for (const { row, facts } of files) {
    const decision = hasQuery(facts) ? decisions[at++]! : NOTHING_FOUND;
    // Untouched by a new entry: it stands as it was said, and is not said again.
    if (isPartial && decision === NOTHING_FOUND) {
      tally.takeOther(facts.kind, false);
      continue;
    }
    const { verdict, reason } = verdictOf(decision, facts);
    if (reason === 'not_an_image' && verdict === 'not_checked') tally.takeOther(facts.kind, false);
    else if (verdict === 'no_match') {
      unmatched++;
      tally.takeUnmatched(facts.size, false);
    } else results.push(resultOf(pathOf(row), facts, { generation, exact, decision }, false));
    if (verdict === facts.verdict) continue;
    changed.push({ spot: row.spot, name: row.name, facts: packFacts({ ...facts, verdict, generation }) });
  }
  await matcher.record(results.map(recordable), unmatched);
  if (changed.length > 0) await inventory.apply({ files: changed });
  for (const result of results) {
    tally.take(result);
    onResult(result);
  }
}
