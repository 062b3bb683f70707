/**
 * Loads the store's entries into indexes: all of them, those of an index file with the changes since it was written, or
 * the changes alone. Leaves to the caller: when to load, and which load a query uses.
 */
import { AppError } from '../core/errors.js';
import { ALGORITHMS, type Algorithm, type DigestAlgorithm, VALUE_BYTES } from '../core/vocabulary.js';
import type { IndexPool } from '../index/index-pool.js';
import { digestMaker, radiusMaker, vectorMaker } from '../index/makers.js';
import { liveCounts } from '../index/segment.js';
import { Segmented } from '../index/segmented.js';
import type { IndexKind } from '../index/types.js';
import type { VectorIndexKind } from '../index/vectors.js';
import type { BlobStore } from '../store/blob-contract.js';
import type { Changes, FeedPosition, ListFeed, StoredList } from '../store/lists-contract.js';
import { RETIRED_KEY } from '../vault/sealed-stream.js';
import type { Vault } from '../vault/vault.js';
import { type IndexBlob, indexBlobs, readIndexBlob } from './index-blobs.js';
import type { AlgorithmIndexes } from './index-sections.js';
import type { HammingAlgorithm } from './snapshot.js';

export interface LoadOptions {
  readonly kind: IndexKind;
  readonly photodnaIndex: VectorIndexKind;
  readonly pool: IndexPool;
  /** Seals index files. */
  readonly vault: Vault;
  /** Where index files are. One is read in place of the store's entries if it is intact; later changes come from the store. */
  readonly blobs: BlobStore;
  readonly onMergeError: (error: unknown) => void;
  /** Called about once per million entries read from the store. */
  readonly onRead?: (entries: number) => void;
  /** Called for an index file that was read. */
  readonly onFileRead?: (file: IndexBlob) => void;
  /** Called for one that exists and was not used: it is damaged, too old, or of another store. */
  readonly onFileRefused: (error: unknown) => void;
}

/** The store's entries at `position`. A reader that fell behind reloads into new indexes. */
export interface Loaded {
  readonly indexes: AlgorithmIndexes;
  readonly position: FeedPosition;
  readonly lists: readonly StoredList[];
  /** Entries that were read from the store or removed: by these the newest index file differs, where one was read. */
  readonly changedEntries: number;
}

/** Index files that are tried: a newer one may be replaced or removed while it is read. */
const FILES_TRIED_MAX = 2;
/** Entries between two calls of `onRead`: one or two seconds. */
const READ_REPORTED_EVERY = 1_000_000;

/** Errors  STORE_FAILED; INDEX_FULL; INDEX_KIND_UNAVAILABLE (hnsw is not installed). */
export async function loadLists(store: ListFeed, options: LoadOptions): Promise<Loaded> {
  return (await loadFromFiles(store, options)) ?? (await loadFromStore(store, options));
}

async function loadFromStore(store: ListFeed, options: LoadOptions): Promise<Loaded> {
  const changes = await store.changes(null);
  if (!changes) throw new Error('the store returned no changes from the beginning');
  const indexes = emptyIndexes(changes.lists, options);
  const changedEntries = await applyChanges(indexes, changes, [], options);
  return { indexes, position: changes.position, lists: changes.lists, changedEntries };
}

/** Return null if there is no file, or none was used. Errors as `loadLists`. */
async function loadFromFiles(store: ListFeed, options: LoadOptions): Promise<Loaded | null> {
  let files: IndexBlob[] = [];
  try {
    files = await indexBlobs(options.blobs);
  } catch (error) {
    // The place of blobs is away: the rows are not.
    options.onFileRefused(error);
  }
  for (const file of files.slice(0, FILES_TRIED_MAX)) {
    const loaded = await loadFromFile(store, file, options);
    if (loaded) return loaded;
  }
  return null;
}

async function loadFromFile(store: ListFeed, file: IndexBlob, options: LoadOptions): Promise<Loaded | null> {
  const { blobs, vault, onFileRead = () => {}, onFileRefused } = options;
  try {
    const { position, sections } = await readIndexBlob(blobs, file, vault);
    const changes = await store.changes(position);
    if (!changes)
      throw new AppError('INDEX_FILE_INVALID', {
        why: 'older than the change log of the store, or of another store',
      });
    const indexes = emptyIndexes([], options);
    for (const { algorithm, values, ...columns } of sections) await indexes[algorithm].addMany(columns, values);
    const changedEntries = await applyChanges(indexes, changes, null, options);
    const loaded = { indexes, position: changes.position, lists: changes.lists, changedEntries };
    if (!areAsCounted(loaded))
      throw new AppError('INDEX_FILE_INVALID', { why: 'its lists have not as many entries as the store counts' });
    onFileRead(file);
    return loaded;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    onFileRefused(error);
    // A rotation that was killed left it, or the process that wrote it beside one. A place that refuses is asked by the next start.
    if (error.details.why === RETIRED_KEY) await blobs.remove(file.name).catch(() => {});
    return null;
  }
}

/** Return whether each list has as many loaded entries of each algorithm as the store counts: a damaged one is missing. */
export function areAsCounted({ indexes, lists }: Pick<Loaded, 'indexes' | 'lists'>): boolean {
  return ALGORITHMS.every((algorithm) => {
    const loaded = new Map<number, number>();
    for (const segment of indexes[algorithm].segments)
      for (const [listKey, count] of liveCounts(segment)) loaded.set(listKey, (loaded.get(listKey) ?? 0) + count);
    return lists.every(({ listKey, info }) => (loaded.get(listKey) ?? 0) === (info.entriesByAlgorithm[algorithm] ?? 0));
  });
}

function emptyIndexes(
  lists: readonly StoredList[],
  { kind, photodnaIndex, pool, onMergeError }: LoadOptions,
): AlgorithmIndexes {
  const expected = (algorithm: Algorithm) =>
    lists.reduce((sum, { info }) => sum + (info.entriesByAlgorithm[algorithm] ?? 0), 0);
  const radius = (algorithm: HammingAlgorithm) =>
    new Segmented(radiusMaker(kind, pool), expected(algorithm), onMergeError);
  const digest = (algorithm: DigestAlgorithm) =>
    new Segmented(digestMaker(VALUE_BYTES[algorithm], pool), expected(algorithm), onMergeError);
  return {
    pdq: radius('pdq'),
    blockhash: radius('blockhash'),
    md5: digest('md5'),
    sha1: digest('sha1'),
    sha256: digest('sha256'),
    photodna: new Segmented(vectorMaker(photodnaIndex), expected('photodna'), onMergeError),
  };
}

/**
 * Apply the changes. `before`: the lists at the position where the changes begin; null if unknown.
 * Result  the number of entries that were read or removed. Errors  STORE_FAILED; INDEX_FULL.
 */
export async function applyChanges(
  indexes: AlgorithmIndexes,
  changes: Changes,
  before: readonly StoredList[] | null,
  { onRead = () => {} }: Pick<LoadOptions, 'onRead'>,
): Promise<number> {
  let read = 0;
  for await (const batch of changes.added()) {
    if (Math.floor((read + batch.length) / READ_REPORTED_EVERY) > Math.floor(read / READ_REPORTED_EVERY)) onRead(read);
    read += batch.length;
    for (const { entryKey, listKey, algorithm, value } of batch) {
      const index = indexes[algorithm];
      if (index.isFull) await index.settle();
      index.add(entryKey, listKey, value);
    }
  }
  await Promise.all(Object.values(indexes).map((index) => index.settle()));
  const listKeys = new Set(changes.lists.map(({ listKey }) => listKey));
  const isListGone = before === null || before.some(({ listKey }) => !listKeys.has(listKey));
  let removed = 0;
  for (const algorithm of ALGORITHMS) {
    const index = indexes[algorithm];
    const count = index.entryCount;
    if (isListGone) await index.keepLists(listKeys);
    const gone = changes.removed.filter((removal) => removal.algorithm === algorithm);
    await index.remove(gone.map(({ entryKey }) => entryKey));
    removed += count - index.entryCount;
  }
  return read + removed;
}
