/**
 * A unit: some folders of one shard, examined together. What comes of them is kept apart until all of it is there, so that
 * it is recorded and counted as a whole or not at all.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Answer } from '../../check/recorder.js';
import { AppError } from '../../core/errors.js';
import { withoutWords } from '../../core/match-types.js';
import { type PathBytes, parentPath } from '../../core/path-bytes.js';
import type { FolderRow, Inventory } from '../../store/inventory-contract.js';
import type { JoinedFolder } from '../../store/joined-scans-contract.js';
import type { Vault } from '../../vault/vault.js';
import { isBucketPath } from '../bucket/bucket-paths.js';
import { BucketTree } from '../bucket/bucket-tree.js';
import { requireListed } from '../bucket/buckets.js';
import type { RangeEnd } from '../bucket/range-visit.js';
import type { FileResult } from '../facts/file-result.js';
import { lineOf } from '../report/line-of.js';
import { type FolderWork, scanFolders } from '../scan.js';
import type { ScanParts, ScanRequest } from '../scan-request.js';
import { shownFolder } from '../settle.js';
import { type ScanSums, ScanTally } from '../tally.js';
import type { ScanTree } from '../tree.js';
import type { Anchor } from '../walk/walk-protocol.js';
import { FOLDER_NAMES_MAX, folderOf, namesOf, slicesOf } from './shard-of.js';

/** A unit takes no more folders after so many files: half a minute of images, which a killed machine costs. */
const UNIT_FILES = 4_096;
/** Objects of a range of a bucket: as many as a unit takes. */
export const UNIT_RANGE_KEYS = 4_000;
/** Files that an open folder, or range, may still bring, for that sum. */
const FILES_AN_OPEN_FOLDER = 256;
const FILES_AN_OPEN_RANGE = UNIT_RANGE_KEYS;
/** Characters of a unit's lines, and of possible matches, beyond which each keeps its nearest match in each list alone: a text has some 500 million. */
const UNIT_CHARS_MAX = 67_108_864;
/** Label of sealed outcomes and lines: their paths and digests are those of hits. */
const UNIT_LABEL = 253;

export interface UnitOutcome {
  readonly done: readonly JoinedFolder[];
  readonly found: readonly JoinedFolder[];
  readonly answers: readonly Answer[];
  readonly unmatched: number;
  readonly lines: readonly string[];
  readonly sums: ScanSums;
  readonly includesUnmatched: readonly string[];
  readonly emptyRoots: readonly PathBytes[];
  /** Folders that are a line of their own: what is below them is not known. */
  readonly unreadFolders: number;
  readonly generation: number;
  readonly matchedAt: string | null;
}

export interface UnitPlace {
  readonly request: ScanRequest;
  readonly roots: readonly Anchor[];
  readonly tree: ScanTree;
}

interface UnitRequest {
  readonly folders: readonly JoinedFolder[];
  /** Only report them. */
  readonly isCondemned: boolean;
  /** All of them, however many files they have. */
  readonly isWhole: boolean;
}

class UnitWork implements FolderWork {
  readonly #inventory: Inventory;
  readonly #tally: ScanTally;
  readonly #left: JoinedFolder[];
  readonly #isWhole: boolean;
  readonly #begun = new Map<PathBytes, JoinedFolder>();
  readonly #shown = new Set<PathBytes>();
  readonly #found = new Set<PathBytes>();
  readonly #large: PathBytes[] = [];
  readonly #roots: ReadonlySet<PathBytes>;
  readonly #filesOpen: number;
  readonly emptyRoots: PathBytes[] = [];
  readonly isCondemned: () => boolean;

  constructor(
    inventory: Inventory,
    tally: ScanTally,
    { roots }: UnitPlace,
    { folders, isCondemned, isWhole }: UnitRequest,
  ) {
    this.#roots = new Set(roots.map(({ path }) => path));
    this.#inventory = inventory;
    this.#tally = tally;
    this.#left = [...folders];
    this.#filesOpen = folders.some(({ path }) => isBucketPath(path)) ? FILES_AN_OPEN_RANGE : FILES_AN_OPEN_FOLDER;
    this.#isWhole = isWhole;
    this.isCondemned = () => isCondemned;
  }

  get foldersDone(): JoinedFolder[] {
    return [...this.#begun.values()];
  }

  get foldersFound(): JoinedFolder[] {
    const large = new Set(this.#large);
    const inside = [...this.#found].filter((path) => !large.has(parentPath(path)));
    return [...inside.map(folderOf), ...this.#large.flatMap(slicesOf)];
  }

  async next(begun: ReadonlySet<number>): Promise<FolderRow | null> {
    // Archives, which belong to the unit.
    const own = await this.#inventory.nextFolder(begun);
    if (own !== null) return own;
    const files = this.#tally.files + begun.size * this.#filesOpen + this.#found.size;
    const folder = this.#isWhole || this.#begun.size === 0 || files < UNIT_FILES ? this.#left.shift() : undefined;
    if (folder === undefined) return null;
    this.#begun.set(folder.path, folder);
    this.#shown.add(shownFolder(folder.path));
    await this.#inventory.apply({ foldersFound: [{ path: folder.path, isArchive: false }] });
    const row = await this.#inventory.nextFolder(begun);
    if (row === null) throw new AppError('STORE_FAILED', { why: 'the inventory of a shard is not that of its unit' });
    return row;
  }

  async found(paths: readonly PathBytes[]): Promise<void> {
    // A root below another one is walked as a root.
    for (const path of paths) if (!this.#roots.has(path)) this.#found.add(path);
  }

  /** Return whether a line of the report is of one of the folders. */
  isFolder(shown: PathBytes): boolean {
    return this.#shown.has(shown);
  }

  async rangeEnd({ path }: FolderRow): Promise<RangeEnd> {
    const { upTo } = this.#begun.get(path)!;
    if (upTo === null) throw new AppError('FILE_UNREADABLE', { why: 'the list of its keys ended early' });
    return { upTo, mayBeCut: false };
  }

  namesOf(folder: PathBytes) {
    const one = this.#begun.get(folder)!;
    return { isMine: namesOf(one), namesMax: one.isSlice ? Number.POSITIVE_INFINITY : FOLDER_NAMES_MAX };
  }

  noteEmpty = (root: PathBytes): void => {
    this.emptyRoots.push(root);
  };

  tooLarge(folder: PathBytes): void {
    this.#large.push(folder);
  }
}

/** Return the nearest match of each list, category and mark: those that are counted. */
function nearestOfLists(matches: Answer['matches']): Answer['matches'] {
  const seen = new Set<string>();
  return matches.filter(({ list, category, suppressed, quarantined, notSampled }) => {
    const key = JSON.stringify([list, category, suppressed, quarantined, notSampled]);
    return seen.size < seen.add(key).size;
  });
}

/** Return what the ledger needs of an answer: it is kept until it is recorded. `isShort`: with the nearest matches alone. */
function kept(answer: Answer, isShort: boolean): Answer {
  const { verdict, reason, matches, possible = [], reference, fileId, digests, generation, checkId } = answer;
  const shown = (all: Answer['matches']) => (isShort ? nearestOfLists(all) : all).map(withoutWords);
  return {
    verdict,
    reason,
    matches: shown(matches),
    possible: shown(possible),
    reference,
    fileId,
    digests,
    generation,
    checkId,
  };
}

/**
 * Examine folders of a shard. Result: null: it was stopped before the end, and the inventory must not be used any more.
 * Errors as `scanFolders`; STORE_FAILED: what was counted is not what is to be recorded; FILE_UNREADABLE, FILE_STALLED: this process
 * does not reach its bucket.
 */
export async function examine(
  { parts, place }: { readonly parts: ScanParts; readonly place: UnitPlace },
  request: UnitRequest,
): Promise<UnitOutcome | null> {
  const { inventory, matcher } = parts;
  const tally = new ScanTally();
  const answers: Answer[] = [];
  const lines: string[] = [];
  let unmatched = 0;
  const work = new UnitWork(inventory, tally, place, request);
  let chars = 0;
  let unreadFolders = 0;
  const record = async (some: readonly Answer[], count: number) => {
    for (const answer of some) {
      const one = kept(answer, chars >= UNIT_CHARS_MAX);
      // Those have no line.
      if (one.possible?.length) chars += JSON.stringify(one.possible).length;
      answers.push(one);
    }
    unmatched += count;
  };
  const shortened = (result: FileResult): FileResult => {
    if (chars < UNIT_CHARS_MAX) return result;
    const matches = nearestOfLists(result.matches);
    return { ...result, matches, truncated: result.truncated || matches.length < result.matches.length };
  };
  const unitParts: ScanParts = {
    ...parts,
    tally,
    matcher: { ...matcher, record },
    onResult: (result) => {
      if (work.isFolder(result.pathBytes)) unreadFolders++;
      const line = JSON.stringify(lineOf(shortened(result)));
      chars += line.length;
      lines.push(line);
    },
  };
  const { interrupted, includesUnmatched } = await scanFolders(unitParts, place.request, { ...place, work });
  if (interrupted) return null;
  await requireReached(place, unreadFolders);
  const { foldersDone: done, foldersFound: found, emptyRoots } = work;
  const { generation, matchedAt } = matcher;
  const sums = tally.sums();
  if (!request.isWhole && answers.length + unmatched !== tally.pictures)
    throw new AppError('STORE_FAILED', { why: 'the counts of a unit differ', recorded: answers.length + unmatched });
  return {
    done,
    found,
    answers,
    unmatched,
    lines,
    sums,
    includesUnmatched,
    emptyRoots,
    unreadFolders,
    generation,
    matchedAt,
  };
}

/**
 * A process that does not reach a bucket any more, since its key has ended or its network is away, would find faults alone, in all units
 * that others could examine. Errors FILE_UNREADABLE, FILE_STALLED.
 */
async function requireReached({ tree, roots }: UnitPlace, unreadFolders: number): Promise<void> {
  if (!(tree instanceof BucketTree)) return;
  if (unreadFolders === 0 && !roots.some(({ device }) => tree.isDead(device))) return;
  await requireListed(
    tree,
    roots.map(({ path }) => path),
  );
}

const zipped = promisify<Uint8Array, Buffer>(gzip);
const unzipped = promisify<Uint8Array, Buffer>(gunzip);

export async function sealText(vault: Vault, text: string): Promise<Buffer> {
  return vault.seal(UNIT_LABEL, await zipped(Buffer.from(text)));
}

/** Errors SEALED_DAMAGED. */
export async function openText(vault: Vault, sealed: Uint8Array): Promise<string> {
  return (await unzipped(vault.open(UNIT_LABEL, sealed))).toString();
}
