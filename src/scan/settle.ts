/**
 * Last step of every file in a scan, whether it was read or known: files are matched in batches, recorded in the ledger,
 * written to the inventory, then counted and reported.
 */

import { verdictOf } from '../check/check-image.js';
import { QueryBatch } from '../check/file-queries.js';
import { type Decision, NEAR_LEFT_OUT, NOTHING_FOUND } from '../check/policy.js';
import type { Answer } from '../check/recorder.js';
import type { FileFault } from '../core/file-identity.js';
import { joinPath, type PathBytes } from '../core/path-bytes.js';
import type { OrientationChoice } from '../core/vocabulary.js';
import type { FileRow } from '../store/inventory-contract.js';
import { isBucketPath, shownObject, shownRow } from './bucket/bucket-paths.js';
import type { Committer } from './committer.js';
import { type FileFacts, unreadNow } from './facts/file-facts.js';
import { type FileResult, hasQuery, recordable, resultOf } from './facts/file-result.js';
import { FOLDER_ITSELF, fileRow } from './facts/file-row.js';
import { addQueriesFromFacts } from './facts/queries-from-facts.js';
import { storedCount } from './facts/stored-windows.js';
import type { Matcher } from './matcher.js';
import type { ReadAgain } from './second-look.js';
import type { ScanTally } from './tally.js';

export interface Settled {
  readonly folder: PathBytes;
  readonly isArchive: boolean;
  readonly fileKey: number;
  readonly name: PathBytes;
  readonly facts: FileFacts;
  /** Bytes that this scan read of it, so its row must be written; null: its facts came from the inventory. */
  readonly bytesRead: number | null;
  /** Its row is written although nothing was read: under a new name, or as seen by this scan. */
  readonly writesRow?: boolean;
  /** What was known of a file that could not be read this time: kept in its row, as missing. */
  readonly kept?: FileFacts | null;
  /** This scan has recorded the file in the ledger already. */
  readonly isRecorded: boolean;
}

interface SettlerParts {
  readonly matcher: Matcher;
  readonly committer: Committer;
  readonly tally: ScanTally;
  readonly scan: number;
  readonly orientations: OrientationChoice;
  /** Reads files of which the rows leave open whether they match. */
  readonly readAgain: ReadAgain;
  /** False for a temporary inventory: files have no rows. */
  readonly keepsFiles: boolean;
  /** True while more images wait for the decoder than it can take: those that are read can wait for others. */
  readonly isBusy: () => boolean;
  /** Called for every image except those without a match. */
  readonly onResult: (result: FileResult) => void;
  /** Called for every file that is not an image; null where such files are not listed. */
  readonly onOther: ((path: PathBytes, kind: FileFacts['kind']) => void) | null;
}

/** Files per batch: with 16 hashes each they are enough for a join with the index. */
export const TOGETHER_MAX = 2_048;
/** Windows per batch, each with two hashes: as many as a join takes. A file in `deep` has a hundred, and keeps them until it is settled. */
const WINDOWS_TOGETHER_MAX = 32_768;

const windowsOf = ({ facts }: Settled) =>
  facts.views.reduce(
    (sum, { windows, storedWindows }) => sum + windows.length + (storedWindows ? storedCount(storedWindows) : 0),
    0,
  );
/** Time that a file waits for others, where the decoder is not busy. */
const GATHER_MS = 15;

/** Return the path that reports show. */
export function pathOf({ folder, name, isArchive }: Pick<Settled, 'folder' | 'name' | 'isArchive'>): PathBytes {
  if (isBucketPath(folder)) {
    if (name === FOLDER_ITSELF) return shownRow(folder);
    return isArchive ? `${shownRow(folder)}!/${name}` : shownObject(folder, name);
  }
  if (name === FOLDER_ITSELF) return folder;
  return isArchive ? `${folder}!/${name}` : joinPath(folder, name);
}

/** Return the path of a folder, as reports show it. */
export const shownFolder = (folder: PathBytes): PathBytes => pathOf({ folder, name: FOLDER_ITSELF, isArchive: false });

/** A file as it is decided. */
interface Decided {
  readonly file: Settled;
  readonly decision: Decision;
}

interface Held {
  readonly files: readonly Settled[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class Settler {
  #held: Held[] = [];
  #heldSinceMs = 0;
  #count = 0;
  #windows = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(readonly parts: SettlerParts) {}

  /** Resolves when all files are written and reported. Errors: as the matcher and the inventory. */
  settle(files: readonly Settled[]): Promise<void> {
    if (files.length === 0) return Promise.resolve();
    return new Promise((done, failed) => {
      if (this.#count === 0) this.#heldSinceMs = performance.now();
      this.#held.push({ files, done, failed });
      this.#count += files.length;
      for (const file of files) this.#windows += windowsOf(file);
      if (this.#count >= TOGETHER_MAX || this.#windows >= WINDOWS_TOGETHER_MAX) this.#flush();
      else this.#timer ??= setTimeout(() => this.#flushOrWait(), GATHER_MS);
    });
  }

  /** A larger batch is worth waiting for only while the decoder has enough to do. */
  #flushOrWait(): void {
    const { isBusy, matcher } = this.parts;
    const isEarly = performance.now() - this.#heldSinceMs < matcher.gatherMs;
    if (isEarly && isBusy()) this.#timer = setTimeout(() => this.#flushOrWait(), GATHER_MS);
    else this.#flush();
  }

  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const held = this.#held;
    this.#held = [];
    this.#count = 0;
    this.#windows = 0;
    this.#settleAll(held.flatMap(({ files }) => files)).then(
      () => {
        for (const { done } of held) done();
      },
      (error: unknown) => {
        for (const { failed } of held) failed(error);
      },
    );
  }

  async #match(files: readonly Settled[]): Promise<Decided[]> {
    const { matcher, orientations } = this.parts;
    const queries = new QueryBatch();
    const wish = { orientations, detail: matcher.detail };
    for (const { facts } of files) if (hasQuery(facts)) addQueriesFromFacts(queries, facts, wish);
    const decisions = await matcher.match(queries);
    let next = 0;
    return files.map((file) => ({ file, decision: hasQuery(file.facts) ? decisions[next++]! : NOTHING_FOUND }));
  }

  /** Decide files; those that their rows leave open are read. Result: without those that the scan was stopped before. */
  async #decide(files: readonly Settled[]): Promise<readonly Decided[]> {
    const decided = await this.#match(files);
    const open = decided.filter(({ decision }) => decision.isOpen);
    if (open.length === 0) return decided;
    const readings = await this.parts.readAgain(open.map(({ file }) => file));
    const after = new Map<Settled, Decided | null>();
    const read: { readonly known: Settled; readonly file: Settled }[] = [];
    for (const [n, { file, decision }] of open.entries()) {
      const reading = readings[n]!;
      if (reading === null) after.set(file, null);
      else if (typeof reading !== 'string') read.push({ known: file, file: { ...file, ...reading } });
      // What else it matches, it matches; what nothing decides is not clean.
      else after.set(file, decision.verdict === 'match' ? { file, decision } : this.#undecided(file, reading));
    }
    const again = await this.#match(read.map(({ file }) => file));
    for (const [n, { known }] of read.entries()) after.set(known, again[n]!);
    return decided.flatMap((one) => {
      const now = after.get(one.file);
      return now === null ? [] : [now ?? one];
    });
  }

  /** Its row keeps what is known, as that of any file that cannot be read for a while. */
  #undecided(file: Settled, fault: FileFault): Decided {
    this.parts.tally.missing++;
    const unread = { ...file, facts: unreadNow(file.facts, fault), kept: file.facts, bytesRead: 0 };
    return { file: unread, decision: NOTHING_FOUND };
  }

  async #settleAll(files: readonly Settled[]): Promise<void> {
    const { matcher, committer, scan, keepsFiles } = this.parts;
    const decided = await this.#decide(files);
    const { generation, exact } = matcher;
    let unmatched = 0;
    const answers: Answer[] = [];
    const rows: FileRow[] = [];
    const reports: (() => void)[] = [];
    for (const { file, decision } of decided) {
      const { facts, bytesRead } = file;
      const { verdict, reason } = verdictOf(decision, facts);
      const isStale = bytesRead !== null || file.writesRow || facts.isMissing || facts.verdict !== verdict;
      if (keepsFiles && isStale) {
        const settled = { verdict, generation, scan, isMissing: false };
        rows.push(
          file.kept ? fileRow(file, file.kept, { ...file.kept, scan, isMissing: true }) : fileRow(file, facts, settled),
        );
      }
      if (reason === 'not_an_image' && verdict === 'not_checked') reports.push(() => this.#reportOther(file));
      else if (verdict === 'no_match') {
        const { possible } = decision;
        const isPossible = possible.length > 0;
        const answered = { generation, exact, decision };
        if (isPossible && !file.isRecorded)
          answers.push(recordable(resultOf(pathOf(file), facts, answered, bytesRead), possible));
        else if (!file.isRecorded) unmatched++;
        const how = { isNearLeftOut: decision === NEAR_LEFT_OUT, degraded: facts.degraded, isPossible };
        reports.push(() => this.parts.tally.takeUnmatched(facts.size, bytesRead, how));
      } else {
        // A row that was marked as missing: here its file was seen.
        const seen = { ...facts, isMissing: false };
        const result = resultOf(pathOf(file), seen, { generation, exact, decision }, bytesRead);
        if (!file.isRecorded) answers.push(recordable(result, decision.possible));
        reports.push(() => {
          this.parts.tally.take(result, { isPossible: decision.possible.length > 0 });
          this.parts.onResult(result);
        });
      }
    }
    await matcher.record(answers, unmatched);
    // On disk before it is reported, so that no reported file is queried again.
    if (rows.length > 0) await committer.commit({ files: rows });
    for (const one of reports) one();
  }

  #reportOther(file: Settled): void {
    this.parts.onOther?.(pathOf(file), file.facts.kind);
    this.parts.tally.takeOther(file.facts.kind, file.bytesRead);
  }
}
