/**
 * Keeps the lists in force up to date: follows the store's changes, and makes a new reference of each that matters.
 * Queries are never stopped for it: additions and merges are built beside what is in force.
 */
import { DIGEST_ALGORITHMS, type DigestAlgorithm, VALUE_BYTES } from '../core/vocabulary.js';
import type { DigestTable } from '../index/digest-table.js';
import type { IndexPool } from '../index/index-pool.js';
import { digestMaker, radiusMaker } from '../index/makers.js';
import { Segmented } from '../index/segmented.js';
import type { IndexKind, RadiusIndex } from '../index/types.js';
import type { Changes, FeedPosition, ListStore, StoredList } from '../store/contract.js';
import { HAMMING_ALGORITHMS, type HammingAlgorithm, type ListsInForce } from './lists-in-force.js';

type Indexed = HammingAlgorithm | DigestAlgorithm;
type Shelves = Record<HammingAlgorithm, Segmented<RadiusIndex>> & Record<DigestAlgorithm, Segmented<DigestTable>>;

const isIndexed = (algorithm: string): algorithm is Indexed => algorithm !== 'photodna';

/** Of one look at the store; a reader that fell behind begins anew with shelves of its own. */
interface State {
  readonly shelves: Shelves;
  readonly position: FeedPosition;
}

export interface LiveLists {
  readonly inForce: ListsInForce;
  /** Takes up what has changed in the store. Errors: STORE_FAILED, INDEX_FULL; what was in force stays in force. */
  refresh(): Promise<boolean>;
  /** Waits until no merge is due. */
  merged(): Promise<void>;
}

/** Errors  STORE_FAILED; INDEX_FULL; INDEX_KIND_UNAVAILABLE (hnsw is not installed). */
export async function openLiveLists(
  store: ListStore,
  { kind, pool, onMergeError }: { kind: IndexKind; pool: IndexPool; onMergeError: (error: unknown) => void },
): Promise<LiveLists> {
  const emptyShelves = (lists: readonly StoredList[]): Shelves => {
    const expected = (algorithm: Indexed) =>
      lists.reduce((sum, { info }) => sum + (info.entriesByAlgorithm[algorithm] ?? 0), 0);
    const radius = (algorithm: HammingAlgorithm) =>
      new Segmented(radiusMaker(kind, pool), expected(algorithm), onMergeError);
    const digest = (algorithm: DigestAlgorithm) =>
      new Segmented(digestMaker(VALUE_BYTES[algorithm]), expected(algorithm), onMergeError);
    return {
      pdq: radius('pdq'),
      blockhash: radius('blockhash'),
      md5: digest('md5'),
      sha1: digest('sha1'),
      sha256: digest('sha256'),
    };
  };

  const takeUp = async ({ shelves }: { shelves: Shelves }, changes: Changes): Promise<void> => {
    for await (const batch of changes.added()) {
      for (const { entryKey, listKey, algorithm, value } of batch) {
        if (!isIndexed(algorithm)) continue;
        const shelf = shelves[algorithm];
        if (shelf.isFull) await shelf.settle();
        shelf.add(entryKey, listKey, value);
      }
    }
    await Promise.all(Object.values(shelves).map((shelf) => shelf.settle()));
    for (const algorithm of [...HAMMING_ALGORITHMS, ...DIGEST_ALGORITHMS]) {
      const gone = changes.removed.filter((removal) => removal.algorithm === algorithm);
      shelves[algorithm].remove(gone.map(({ entryKey }) => entryKey));
    }
  };

  const everything = async (): Promise<{ state: State; lists: readonly StoredList[] }> => {
    const changes = await store.changes(null);
    if (!changes) throw new Error('a store tells everything to whoever asks from the beginning');
    const shelves = emptyShelves(changes.lists);
    await takeUp({ shelves }, changes);
    return { state: { shelves, position: changes.position }, lists: changes.lists };
  };

  let { state, lists } = await everything();
  let inForce = put(state, lists);
  let turn: Promise<unknown> = Promise.resolve();

  const refresh = async (): Promise<boolean> => {
    const unchanged = (await store.generation()) === state.position.generation;
    if (unchanged) {
      // A merge that has finished since is taken up, and gives its memory back.
      await Promise.all(Object.values(state.shelves).map((shelf) => shelf.settle()));
      inForce = put(state, lists);
      return false;
    }
    const changes = await store.changes(state.position);
    if (changes) {
      await takeUp(state, changes);
      state = { shelves: state.shelves, position: changes.position };
      lists = changes.lists;
    } else ({ state, lists } = await everything());
    inForce = put(state, lists);
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
    merged: () =>
      inTurn(async () => {
        await Promise.all(Object.values(state.shelves).map((shelf) => shelf.merged()));
        inForce = put(state, lists);
      }),
  };
}

function put({ shelves, position }: State, stored: readonly StoredList[]): ListsInForce {
  const enabled = stored.filter(({ info }) => info.enabled);
  const lists = enabled.map(({ info }) => info);
  const counted = (algorithm: Indexed) =>
    lists.reduce((sum, { entriesByAlgorithm }) => sum + (entriesByAlgorithm[algorithm] ?? 0), 0);
  return {
    generation: position.generation,
    lists,
    listByName: new Map(lists.map((list) => [list.list, list])),
    listByKey: new Map(enabled.map(({ listKey, info }) => [listKey, info])),
    radius: { pdq: shelves.pdq.segments, blockhash: shelves.blockhash.segments },
    digest: { md5: shelves.md5.segments, sha1: shelves.sha1.segments, sha256: shelves.sha256.segments },
    entryCounts: {
      pdq: counted('pdq'),
      blockhash: counted('blockhash'),
      md5: counted('md5'),
      sha1: counted('sha1'),
      sha256: counted('sha256'),
    },
    exact: HAMMING_ALGORITHMS.every((algorithm) => shelves[algorithm].segments.every(({ index }) => index.exact)),
  };
}
