/** Files of the rows of an inventory, where no scan has opened their trees: for the second look of a rematch. */
import pLimit from 'p-limit';
import { parentPath } from '../core/path-bytes.js';
import { DIGEST_ALGORITHMS } from '../core/vocabulary.js';
import { bucketRow, isBucketPath } from './bucket/bucket-paths.js';
import { BUCKET_LIMITS, BucketTree } from './bucket/bucket-tree.js';
import { Committer } from './committer.js';
import { ImageReader } from './image-reader.js';
import { walkThreads } from './open-tree.js';
import type { ScanParts, ScanRequest } from './scan-request.js';
import { type KnownFile, type LookSources, type ReadAgain, secondLook } from './second-look.js';
import type { ScanTree } from './tree.js';
import { Walker } from './walk/walker.js';

class RowSources implements LookSources {
  #walker: Walker | null = null;
  readonly #buckets = new Map<string, BucketTree>();
  readonly #readers = new Map<ScanTree, ImageReader>();
  readonly #limit: ReturnType<typeof pLimit>;

  constructor(
    readonly parts: ScanParts,
    readonly stallMs: number,
  ) {
    const { workers, queueImagesPerWorker } = parts.decoder;
    this.#limit = pLimit(workers * (1 + queueImagesPerWorker));
  }

  shouldStop = (): boolean => this.parts.shouldStop();

  placeOf({ folder: path, name: own, isArchive }: KnownFile) {
    const folder = isArchive ? parentPath(path) : path;
    const name = isArchive ? path.slice(path.lastIndexOf('/') + 1) : own;
    // Links on the way lead to the same file, or to one that is another by its inode.
    return { tree: this.#treeOf(path), place: { folder, anchor: { path: folder, device: null, inode: null } }, name };
  }

  /** Errors CONFIG_INVALID: a variable of a bucket. */
  #treeOf(path: string): ScanTree {
    const { env, onStall = () => {}, onFailure = () => {}, bucketLimits = {} } = this.parts;
    const { shouldStop, stallMs } = this;
    if (!isBucketPath(path)) {
      this.#walker ??= new Walker({
        threads: walkThreads(this.parts.decoder),
        followsLinks: true,
        stallMs,
        env,
        onStall,
      });
      return this.#walker;
    }
    const row = bucketRow(path);
    const known = this.#buckets.get(row.bucket);
    if (known) return known;
    const options = { env, stallMs, readsAll: false, shouldStop, onStall, onFailure };
    const tree = new BucketTree([row], options, { ...BUCKET_LIMITS, ...bucketLimits });
    this.#buckets.set(row.bucket, tree);
    return tree;
  }

  readerOf(walker: ScanTree): ImageReader {
    const { decoder, inventory, throttle } = this.parts;
    const known = this.#readers.get(walker);
    if (known) return known;
    const reader = new ImageReader({
      ...decoder,
      walker,
      committer: new Committer(inventory),
      throttle,
      wants: {
        digests: DIGEST_ALGORITHMS,
        orientations: 'all',
        families: 'both',
        algorithms: ['pdq'],
        frames: 1,
        detail: 'plain',
      },
      scan: inventory.state.scan,
    });
    this.#readers.set(walker, reader);
    return reader;
  }

  read: LookSources['read'] = (file, known, wants) =>
    this.#limit(() =>
      this.shouldStop() ? null : this.readerOf(this.placeOf(known).tree).read({ ...file, folderId: 0 }, wants),
    );

  close(): void {
    this.#walker?.close();
  }
}

/** Return a second look at files of rows; nothing is opened before the first. */
export function lookAtRows(
  parts: ScanParts,
  { stallMs }: Pick<ScanRequest, 'stallMs'>,
): { readonly readAgain: ReadAgain; close(): void } {
  const sources = new RowSources(parts, stallMs);
  return { readAgain: secondLook(sources), close: () => sources.close() };
}
