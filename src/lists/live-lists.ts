/**
 * Keeps the lists in force up to date: follows the store's changes, and makes a new reference of each that matters.
 * Queries are never stopped for it: additions and merges are built beside what is in force.
 */
import { systemClock } from '../core/clock.js';
import { AppError } from '../core/errors.js';
import { ALGORITHMS, type Algorithm, type DigestAlgorithm, VALUE_BYTES } from '../core/vocabulary.js';
import { readIndexFile, writeIndexFile } from '../index/index-file.js';
import type { IndexPool } from '../index/index-pool.js';
import { digestMaker, radiusMaker, vectorMaker } from '../index/makers.js';
import { Segmented } from '../index/segmented.js';
import type { IndexKind } from '../index/types.js';
import type { VectorIndexKind } from '../index/vectors.js';
import type { Changes, FeedPosition, ListFeed, StoredList } from '../store/lists-contract.js';
import type { Vault } from '../vault/vault.js';
import { type Shelves, sectionsOf } from './index-sections.js';
import { HAMMING_ALGORITHMS, type HammingAlgorithm, type ListsInForce } from './snapshot.js';

/** Of one look at the store; a reader that fell behind begins anew with shelves of its own. */
interface State {
  readonly shelves: Shelves;
  readonly position: FeedPosition;
}

interface Loaded {
  readonly state: State;
  readonly lists: readonly StoredList[];
}

export interface LiveLists {
  readonly inForce: ListsInForce;
  /** Writes what is in force as an index file. Errors: FILE_UNREADABLE; INDEX_KIND_UNAVAILABLE: not a ring. */
  exportTo(path: string): Promise<{ readonly bytes: number; readonly entryCount: number; readonly generation: number }>;
  /** Takes up what has changed in the store. Errors: STORE_FAILED, INDEX_FULL; what was in force stays in force. */
  refresh(): Promise<boolean>;
  /** Waits until no merge is due. */
  merged(): Promise<void>;
}

export interface LiveListsOptions {
  readonly kind: IndexKind;
  readonly photodnaIndex: VectorIndexKind;
  readonly photodnaRadius: number | null;
  readonly pool: IndexPool;
  /** Seals the index file. */
  readonly vault: Vault;
  /** Read instead of the store's entries, where it is there and whole; changes since then come from the store. */
  readonly indexFile: string;
  readonly onMergeError: (error: unknown) => void;
  /** Called while many entries are read from the store, about once a million. */
  readonly onRead?: (entries: number) => void;
  /** The file is there and was not used: it is damaged, or of another store, or from too long ago. */
  readonly onFileRefused: (error: unknown) => void;
}

/** Entries between two signs of progress: a second or two. */
const READ_TOLD_EVERY = 1_000_000;

/** Errors  STORE_FAILED; INDEX_FULL; INDEX_KIND_UNAVAILABLE (hnsw is not installed). */
export async function openLiveLists(
  store: ListFeed,
  {
    kind,
    photodnaIndex,
    photodnaRadius,
    pool,
    vault,
    indexFile,
    onMergeError,
    onFileRefused,
    onRead = () => {},
  }: LiveListsOptions,
): Promise<LiveLists> {
  const emptyShelves = (lists: readonly StoredList[]): Shelves => {
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
  };

  /** `before`: the lists at the position that the changes are since; null where they are not known. */
  const takeUp = async (shelves: Shelves, changes: Changes, before: readonly StoredList[] | null): Promise<void> => {
    let read = 0;
    for await (const batch of changes.added()) {
      if (Math.floor((read + batch.length) / READ_TOLD_EVERY) > Math.floor(read / READ_TOLD_EVERY)) onRead(read);
      read += batch.length;
      for (const { entryKey, listKey, algorithm, value } of batch) {
        const shelf = shelves[algorithm];
        if (shelf.isFull) await shelf.settle();
        shelf.add(entryKey, listKey, value);
      }
    }
    await Promise.all(Object.values(shelves).map((shelf) => shelf.settle()));
    const kept = new Set(changes.lists.map(({ listKey }) => listKey));
    const isListGone = before === null || before.some(({ listKey }) => !kept.has(listKey));
    for (const algorithm of ALGORITHMS) {
      if (isListGone) shelves[algorithm].keepLists(kept);
      const gone = changes.removed.filter((removal) => removal.algorithm === algorithm);
      shelves[algorithm].remove(gone.map(({ entryKey }) => entryKey));
    }
  };

  const everything = async (): Promise<Loaded> => {
    const changes = await store.changes(null);
    if (!changes) throw new Error('a store tells everything to whoever asks from the beginning');
    const shelves = emptyShelves(changes.lists);
    await takeUp(shelves, changes, []);
    return { state: { shelves, position: changes.position }, lists: changes.lists };
  };

  const fromFile = async (): Promise<Loaded | null> => {
    try {
      const { position, sections } = await readIndexFile<FeedPosition>(indexFile, vault);
      const changes = await store.changes(position);
      if (!changes)
        throw new AppError('INDEX_FILE_INVALID', { path: indexFile, why: 'the store no longer follows it' });
      const shelves = emptyShelves([]);
      for (const { algorithm, values, ...columns } of sections) await shelves[algorithm].addMany(columns, values);
      await takeUp(shelves, changes, null);
      return { state: { shelves, position: changes.position }, lists: changes.lists };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.details.why !== 'ENOENT') onFileRefused(error);
      return null;
    }
  };

  let { state, lists } = (await fromFile()) ?? (await everything());
  let inForce = put(state, lists, photodnaRadius);
  let turn: Promise<unknown> = Promise.resolve();

  const refresh = async (): Promise<boolean> => {
    const unchanged = (await store.generation()) === state.position.generation;
    if (unchanged) {
      // A merge that has finished since is taken up, and gives its memory back.
      await Promise.all(Object.values(state.shelves).map((shelf) => shelf.settle()));
      inForce = put(state, lists, photodnaRadius);
      return false;
    }
    const changes = await store.changes(state.position);
    if (changes) {
      await takeUp(state.shelves, changes, lists);
      state = { shelves: state.shelves, position: changes.position };
      lists = changes.lists;
    } else ({ state, lists } = await everything());
    inForce = put(state, lists, photodnaRadius);
    return true;
  };

  /** One at a time: two readers of the same changes would take them up twice. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => {});
    return result;
  };

  return {
    get inForce() {
      return inForce;
    },
    refresh: () => inTurn(refresh),
    exportTo: (path) =>
      inTurn(async () => {
        const written = await writeIndexFile(path, state.position, sectionsOf(state.shelves), vault);
        return { ...written, generation: state.position.generation };
      }),
    merged: () =>
      inTurn(async () => {
        await Promise.all(Object.values(state.shelves).map((shelf) => shelf.merged()));
        inForce = put(state, lists, photodnaRadius);
      }),
  };
}

function put({ shelves, position }: State, stored: readonly StoredList[], photodnaRadius: number | null): ListsInForce {
  const enabled = stored.filter(({ info }) => info.enabled);
  const lists = enabled.map(({ info }) => info);
  const counted = (algorithm: Algorithm) =>
    lists.reduce((sum, { entriesByAlgorithm }) => sum + (entriesByAlgorithm[algorithm] ?? 0), 0);
  return {
    generation: position.generation,
    atMs: systemClock.nowMs(),
    lists,
    listByName: new Map(lists.map((list) => [list.list, list])),
    listByKey: new Map(enabled.map(({ listKey, info }) => [listKey, info])),
    radius: { pdq: shelves.pdq.segments, blockhash: shelves.blockhash.segments },
    digest: { md5: shelves.md5.segments, sha1: shelves.sha1.segments, sha256: shelves.sha256.segments },
    photodna: shelves.photodna.segments,
    photodnaRadius,
    photodnaExact: shelves.photodna.segments.every(({ index }) => index.exact),
    entryCounts: Object.fromEntries(ALGORITHMS.map((algorithm) => [algorithm, counted(algorithm)])) as Record<
      Algorithm,
      number
    >,
    exact: HAMMING_ALGORITHMS.every((algorithm) => shelves[algorithm].segments.every(({ index }) => index.exact)),
  };
}
