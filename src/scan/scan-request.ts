/** Request, parts and result of a scan. */
import type { PathBytes } from '../core/path-bytes.js';
import type { OrientationChoice } from '../core/vocabulary.js';
import type { HashReply, ImageBytesOrFile } from '../engine/image-engine.js';
import type { Inventory } from '../store/inventory-contract.js';
import type { BucketLimits } from './bucket/bucket-tree.js';
import type { FileFacts } from './facts/file-facts.js';
import type { FileResult } from './facts/file-result.js';
import type { ImageWants } from './image-wants.js';
import type { Matcher } from './matcher.js';
import type { Suspicion } from './poison.js';
import type { ScanTally } from './tally.js';
import type { Throttle } from './throttle.js';
import type { NamePattern } from './walk/pattern.js';

export interface ScanRequest {
  /** Folders and files, as typed. */
  readonly paths: readonly PathBytes[];
  /** Absolute folder that relative paths begin with. */
  readonly cwd: PathBytes;
  /** More files, from a list that may be larger than memory. */
  readonly filesFrom: AsyncIterable<PathBytes> | null;
  readonly include: readonly NamePattern[];
  readonly exclude: readonly NamePattern[];
  /** Absolute paths of what this scan writes itself: these files are left out. */
  readonly outputs?: ReadonlySet<PathBytes>;
  readonly oneFileSystem: boolean;
  readonly followsLinks: boolean;
  /** Read files that are not images, and look up their digests. */
  readonly digestsAll: boolean;
  /** Retry files that could not be checked, even if unchanged. */
  readonly retriesFailed: boolean;
  /** Of buckets: read only objects whose ETag is a listed MD5; all others are not examined. */
  readonly etagsOnly: boolean;
  /** Check images in zip and tar files. */
  readonly archives: boolean;
  /** Forget the rows of files that were not seen. */
  readonly prunes: boolean;
  /** Milliseconds after which a read that does not return is given up. */
  readonly stallMs: number;
  readonly orientations: OrientationChoice;
  readonly frames: number;
}

/** The decoder process as a scan uses it. */
export interface ScanDecoder {
  /** It waits where the queue has no room: a scan bounds how many it has at once. Errors SHUTTING_DOWN. */
  hashReply(input: ImageBytesOrFile, wants: ImageWants): Promise<HashReply>;
  readonly workers: number;
  readonly queueImagesPerWorker: number;
  readonly imageBytesMax: number;
}

export interface ScanParts {
  readonly decoder: ScanDecoder;
  readonly inventory: Inventory;
  /** False where the inventory is temporary: then files have no rows. */
  readonly keepsFiles: boolean;
  readonly matcher: Matcher;
  readonly throttle: Throttle;
  readonly tally: ScanTally;
  /** The environment of this process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True once the scan is to stop: files in flight are finished, no new one is started. */
  readonly shouldStop: () => boolean;
  readonly onResult: (result: FileResult) => void;
  /** Called for each path whose system call does not return. */
  readonly onStall?: (path: PathBytes) => void;
  /** In place of the usual ones. */
  readonly bucketLimits?: Partial<BucketLimits>;
  /** Called once for each reason for which a service of objects failed, with one of the paths. */
  readonly onFailure?: (path: PathBytes, why: string) => void;
  readonly onOther?: ((path: PathBytes, kind: FileFacts['kind']) => void) | null;
}

export interface ScanEnd {
  readonly interrupted: boolean;
  readonly suspicion: Suspicion;
}
