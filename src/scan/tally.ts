/** Running counts of a scan, for the progress and the summary. */
import type { NotCheckedReason, Verdict } from '../core/vocabulary.js';
import type { FileKind } from './facts/file-facts.js';
import type { FileResult } from './facts/file-result.js';
import { type ScanWarning, ScanWarnings, type WarningCode, type WarningDetails } from './warnings.js';

interface ListCounts {
  readonly exact: number;
  readonly near: number;
  readonly suppressed: number;
}

interface Skipped {
  readonly symlinks: number;
  /** FIFOs, devices, sockets. */
  readonly special: number;
  /** By a pattern, or on another filesystem. */
  readonly excluded: number;
}

/** Files that are no images, by their magic numbers. */
interface NotImages {
  readonly video: number;
  /** Opened or not. */
  readonly archive: number;
  readonly other: number;
}

/** Counts of a scan at one moment, for the chart. */
export interface RunPoint {
  readonly seconds: number;
  readonly files: number;
  readonly pictures: number;
  readonly matched: number;
  readonly bytes: number;
}

export interface ScanSummary {
  /** Regular files; each is counted once: files = checked + not_checked + notPictures + verdictsKept. */
  readonly files: number;
  readonly checked: number;
  readonly byVerdict: Readonly<Record<Verdict, number>>;
  readonly byReason: Readonly<Partial<Record<NotCheckedReason, number>>>;
  /** Files with a match that counts, by list. */
  readonly byList: Readonly<Record<string, number>>;
  readonly lists: Readonly<Record<string, ListCounts>>;
  /** Files that are `no_match` though entries are near: low quality or one-dimensional, on lists that leave those out. */
  readonly nearLeftOut: number;
  /** Files that are `no_match` though they are damaged: what is left of them was searched. */
  readonly degraded: number;
  /** Files without a match that a person should look at: a window is possibly of an entry. */
  readonly possible: number;
  /** Matched files with an exact match, and those with near matches only. */
  readonly exact: number;
  readonly near: number;
  readonly notPictures: number;
  /** The same files by kind. */
  readonly notImages: NotImages;
  /** Images near no new entry, of a rematch of new entries alone: their verdicts stay, and are not reported again. */
  readonly verdictsKept: number;
  /** Also those that were to be opened and could not be: they are `not_checked`. */
  readonly archives: number;
  readonly skipped: number;
  readonly skippedByKind: Skipped;
  /** Files whose facts came from the inventory: they were not opened. */
  readonly fromInventory: number;
  /** Rows of the inventory whose files were not seen this time: they are kept. */
  readonly missing: number;
  /** Bytes of all images. */
  readonly bytes: number;
  /** Bytes that were read: not those of known files, nor the holes of sparse ones. */
  readonly bytesRead: number;
  readonly generation: number;
  readonly startedAt: string;
  readonly seconds: number;
  readonly filesPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly interrupted: boolean;
  readonly resumed: boolean;
  /** Facts of the whole run (`warnings.ts`), and the number of those beyond the limit. */
  readonly warnings: readonly ScanWarning[];
  readonly warningsLeftOut: number;
  readonly run: readonly RunPoint[];
}

/** The counts of a part of a scan, as JSON keeps them. */
export type ScanSums = Pick<
  ScanSummary,
  | 'files'
  | 'byVerdict'
  | 'byReason'
  | 'byList'
  | 'lists'
  | 'nearLeftOut'
  | 'degraded'
  | 'possible'
  | 'exact'
  | 'near'
  | 'notPictures'
  | 'notImages'
  | 'verdictsKept'
  | 'archives'
  | 'skippedByKind'
  | 'fromInventory'
  | 'missing'
  | 'bytes'
  | 'bytesRead'
  | 'warnings'
  | 'warningsLeftOut'
>;

type Counts = { [name: string]: number | Counts };

/** Add counts of the same shape; a name that is missing on one side counts as 0. */
function addCounts(into: object, more: object): void {
  const [sums, counts] = [into as Counts, more as Counts];
  for (const [name, count] of Object.entries(counts)) {
    if (typeof count === 'number') sums[name] = ((sums[name] as number | undefined) ?? 0) + count;
    else {
      const part = (sums[name] ?? {}) as Counts;
      sums[name] = part;
      addCounts(part, count);
    }
  }
}

const ARCHIVES: ReadonlySet<FileKind> = new Set(['archive', 'other_archive']);
/** Maximum number of points of the chart: beyond it every second one is dropped. */
const POINTS_MAX = 512;

/** About an image without a match. */
interface Unmatched {
  readonly isNearLeftOut: boolean;
  readonly degraded: boolean;
  readonly isPossible: boolean;
}

export class ScanTally {
  readonly byVerdict: Record<Verdict, number> = { match: 0, no_match: 0, suppressed: 0, not_checked: 0 };
  readonly #byReason: Partial<Record<NotCheckedReason, number>> = {};
  readonly #byList: Record<string, number> = {};
  readonly #lists: Record<string, { exact: number; near: number; suppressed: number }> = {};
  readonly #startedAt = new Date().toISOString();
  readonly #startedMs = performance.now();
  readonly warnings = new ScanWarnings();
  #run: RunPoint[] = [];
  #everySeconds = 1;
  skipped: { symlinks: number; special: number; excluded: number } = { symlinks: 0, special: 0, excluded: 0 };
  files = 0;
  pictures = 0;
  exact = 0;
  near = 0;
  nearLeftOut = 0;
  degraded = 0;
  possible = 0;
  notPictures = 0;
  notImages: NotImages = { video: 0, archive: 0, other: 0 };
  verdictsKept = 0;
  archives = 0;
  fromInventory = 0;
  missing = 0;
  bytes = 0;
  bytesRead = 0;

  /** `onWarning`: called for each warning at once. */
  constructor(readonly onWarning: (warning: ScanWarning) => void = () => {}) {}

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  /** Count a file that is not an image. */
  takeOther(kind: FileKind, bytesRead: number | null): void {
    this.files++;
    this.notPictures++;
    this.#takeRead(bytesRead);
    const group = kind === 'video' ? 'video' : ARCHIVES.has(kind) ? 'archive' : 'other';
    this.notImages = { ...this.notImages, [group]: this.notImages[group] + 1 };
    if (ARCHIVES.has(kind)) this.archives++;
    this.#note();
  }

  /** Count an image whose verdict stays, and is not reported again. It is not opened. */
  takeKept(bytes: number, isNearLeftOut: boolean): void {
    this.files++;
    this.pictures++;
    this.verdictsKept++;
    this.#takeRead(null);
    this.bytes += bytes;
    if (isNearLeftOut) this.nearLeftOut++;
    this.#note();
  }

  /** Count an image without a match, which has no result. */
  takeUnmatched(bytes: number, bytesRead: number | null, { isNearLeftOut, degraded, isPossible }: Unmatched): void {
    this.files++;
    this.pictures++;
    this.#takeRead(bytesRead);
    this.bytes += bytes;
    this.byVerdict.no_match++;
    if (isNearLeftOut) this.nearLeftOut++;
    if (degraded) this.degraded++;
    if (isPossible) this.possible++;
    this.#note();
  }

  /** `isPossible`: of a damaged image, of which the rest was searched. */
  take(result: FileResult, { isPossible }: Pick<Unmatched, 'isPossible'> = { isPossible: false }): void {
    this.files++;
    this.#takeRead(result.bytesRead);
    this.#takeImage(result);
    if (isPossible) this.possible++;
    this.#note();
  }

  /** `bytes`: null where a file was not opened. */
  #takeRead(bytes: number | null): void {
    if (bytes === null) this.fromInventory++;
    else this.bytesRead += bytes;
  }

  #takeImage({ kind, verdict, reason, matches, bytes }: FileResult): void {
    this.pictures++;
    if (ARCHIVES.has(kind)) this.archives++;
    this.bytes += bytes;
    this.byVerdict[verdict]++;
    if (verdict === 'not_checked' && reason) this.#byReason[reason] = (this.#byReason[reason] ?? 0) + 1;
    if (verdict === 'match') {
      if (matches.some(({ suppressed, matchType }) => !suppressed && matchType === 'exact')) this.exact++;
      else this.near++;
    }
    for (const list of new Set(matches.map((match) => match.list))) {
      const counts = this.#lists[list] ?? { exact: 0, near: 0, suppressed: 0 };
      this.#lists[list] = counts;
      const counted = matches.filter((match) => match.list === list && !match.suppressed);
      if (counted.length === 0) counts.suppressed++;
      else if (counted.some(({ matchType }) => matchType === 'exact')) counts.exact++;
      else counts.near++;
      if (counted.length > 0) this.#byList[list] = (this.#byList[list] ?? 0) + 1;
    }
  }

  passedOver(counts: Partial<Skipped>): void {
    this.skipped = {
      symlinks: this.skipped.symlinks + (counts.symlinks ?? 0),
      special: this.skipped.special + (counts.special ?? 0),
      excluded: this.skipped.excluded + (counts.excluded ?? 0),
    };
  }

  /** Add a warning about the whole run: it is printed, is in the summary, and may make the exit code 2. */
  warn(code: WarningCode, details: WarningDetails = {}): void {
    this.onWarning(this.warnings.add(code, details));
  }

  /** At the end of a scan: one that examined nothing found nothing out. */
  warnOfNothing(): void {
    if (this.files === 0) this.warn('NOTHING_EXAMINED', this.skipped);
  }

  #note(): void {
    const { seconds, files, pictures, bytes } = this;
    if (seconds < (this.#run.at(-1)?.seconds ?? 0) + this.#everySeconds) return;
    this.#run.push({ seconds: Math.round(seconds * 10) / 10, files, pictures, matched: this.byVerdict.match, bytes });
    if (this.#run.length < POINTS_MAX) return;
    this.#run = this.#run.filter((_, at) => at % 2 === 1);
    this.#everySeconds *= 2;
  }

  /** Return the points and the end, without a point just before the end: the rate between them would be noise. */
  #wholeRun(): RunPoint[] {
    const { seconds, files, pictures, bytes } = this;
    const points = this.#run.filter((point) => point.seconds < seconds - this.#everySeconds / 2);
    const end = { seconds: Math.round(seconds * 10) / 10, files, pictures, matched: this.byVerdict.match, bytes };
    return [...points, end];
  }

  /** Add what another part of the scan has counted. */
  absorb({
    byVerdict,
    byReason,
    byList,
    lists,
    notImages,
    skippedByKind,
    warnings,
    warningsLeftOut,
    ...more
  }: ScanSums): void {
    addCounts(this.byVerdict, byVerdict);
    addCounts(this.#byReason, byReason);
    addCounts(this.#byList, byList);
    addCounts(this.#lists, lists);
    this.notImages = {
      video: this.notImages.video + notImages.video,
      archive: this.notImages.archive + notImages.archive,
      other: this.notImages.other + notImages.other,
    };
    this.passedOver(skippedByKind);
    for (const warning of warnings) this.warnings.take(warning);
    this.warnings.leaveOut(warningsLeftOut);
    this.pictures += byVerdict.match + byVerdict.no_match + byVerdict.suppressed + byVerdict.not_checked;
    for (const [name, count] of Object.entries(more)) this[name as keyof typeof more] += count;
    this.#note();
  }

  sums(): ScanSums {
    const { files, byVerdict, nearLeftOut, degraded, possible, exact, near } = this;
    const { notPictures, notImages, verdictsKept, archives } = this;
    const { fromInventory, missing, bytes, bytesRead, skipped, warnings } = this;
    return {
      files,
      byVerdict,
      byReason: this.#byReason,
      byList: this.#byList,
      lists: this.#lists,
      exact,
      near,
      nearLeftOut,
      degraded,
      possible,
      notPictures,
      notImages,
      verdictsKept,
      archives,
      skippedByKind: skipped,
      fromInventory,
      missing,
      bytes,
      bytesRead,
      warnings: warnings.kept,
      warningsLeftOut: warnings.leftOut,
    };
  }

  /** `began`: of a scan that began before this process. */
  summary(
    about: { generation: number; interrupted: boolean; resumed: boolean },
    began: { readonly startedAt: string; readonly seconds: number } = {
      startedAt: this.#startedAt,
      seconds: this.seconds,
    },
  ): ScanSummary {
    const { byVerdict, files, skipped, bytesRead } = this;
    const { startedAt, seconds } = began;
    return {
      ...this.sums(),
      checked: byVerdict.match + byVerdict.no_match + byVerdict.suppressed,
      skipped: skipped.symlinks + skipped.special + skipped.excluded,
      ...about,
      startedAt,
      seconds: Math.round(seconds * 1000) / 1000,
      filesPerSecond: Math.round(files / Math.max(seconds, 0.001)),
      megabytesPerSecond: Math.round(bytesRead / 100_000 / Math.max(seconds, 0.001)) / 10,
      run: this.#wholeRun(),
    };
  }
}
