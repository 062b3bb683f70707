/**
 * Keeps the snapshot current: follows the store's changes and builds a new snapshot of them.
 * Queries never wait: additions and merges are built beside the current snapshot.
 */
import pLimit from 'p-limit';
import { systemClock } from '../core/clock.js';
import { ALGORITHMS, type Algorithm } from '../core/vocabulary.js';
import type { PossibleRule, WindowRule } from '../core/window.js';
import type { IndexContent } from '../index/index-file.js';
import { liveCounts } from '../index/segment.js';
import type { FeedPosition, ListFeed, StoredList } from '../store/lists-contract.js';
import { inForceOf } from './in-force.js';
import { sectionsOf } from './index-sections.js';
import { applyChanges, areAsCounted, type Loaded, type LoadOptions, loadLists } from './load-lists.js';
import { HAMMING_ALGORITHMS, type InForce, type ListSnapshot } from './snapshot.js';

export interface LiveLists {
  readonly snapshot: ListSnapshot;
  /** Return the loaded entries, for an index file; later changes do not change them. Errors INDEX_KIND_UNAVAILABLE: not a ring. */
  content(): Promise<LoadedContent>;
  /** As `Loaded.changedEntries`, and those of each refresh. */
  readonly changedEntries: number;
  /** Apply the store's changes. Errors: STORE_FAILED, INDEX_FULL; the current snapshot stays. */
  refresh(): Promise<boolean>;
  /** Wait until no merge is due. */
  merged(): Promise<void>;
}

interface LoadedContent extends IndexContent<FeedPosition> {
  /** Those of `LiveLists` at this position. */
  readonly changedEntries: number;
  /** False: as `areAsCounted` has it. */
  readonly isWhole: boolean;
}

interface LiveListsOptions extends LoadOptions {
  readonly photodnaRadius: number | null;
  readonly windowRule: WindowRule;
  readonly possibleRule: PossibleRule | null;
}

/** Errors  STORE_FAILED; INDEX_FULL; INDEX_KIND_UNAVAILABLE (hnsw is not installed). */
export async function openLiveLists(store: ListFeed, options: LiveListsOptions): Promise<LiveLists> {
  const loaded = await loadLists(store, options);
  return new FollowedLists(store, options, loaded, await inForceAt(systemClock.nowMs(), store, options, loaded));
}

const DAY_MS = 86_400_000;

/** What is in force with these entries. Entries expire by the day. */
interface InForceAt {
  readonly loaded: Loaded;
  readonly day: number;
  readonly inForce: InForce;
}

async function inForceAt(
  atMs: number,
  store: ListFeed,
  { photodnaRadius }: Pick<LiveListsOptions, 'photodnaRadius'>,
  loaded: Loaded,
): Promise<InForceAt> {
  const inForce = await inForceOf(store, loaded, { atMs, photodnaRadius });
  return { loaded, day: Math.floor(atMs / DAY_MS), inForce };
}

class FollowedLists implements LiveLists {
  readonly #store: ListFeed;
  readonly #options: LiveListsOptions;
  #loaded: Loaded;
  #inForce: InForceAt;
  #snapshot: ListSnapshot;
  /** Two readers of the same changes would apply them twice. */
  readonly #oneAtATime = pLimit(1);

  constructor(store: ListFeed, options: LiveListsOptions, loaded: Loaded, inForce: InForceAt) {
    this.#store = store;
    this.#options = options;
    this.#loaded = loaded;
    this.#inForce = inForce;
    this.#snapshot = snapshotOf(loaded, inForce.inForce, options);
  }

  get snapshot(): ListSnapshot {
    return this.#snapshot;
  }

  refresh(): Promise<boolean> {
    return this.#oneAtATime(() => this.#refresh());
  }

  content(): Promise<LoadedContent> {
    return this.#oneAtATime(() => {
      const { indexes, position, changedEntries } = this.#loaded;
      return { position, sections: sectionsOf(indexes), changedEntries, isWhole: areAsCounted(this.#loaded) };
    });
  }

  get changedEntries(): number {
    return this.#loaded.changedEntries;
  }

  merged(): Promise<void> {
    return this.#oneAtATime(async () => {
      await Promise.all(Object.values(this.#loaded.indexes).map((index) => index.merged()));
      await this.#swap();
    });
  }

  async #refresh(): Promise<boolean> {
    const { indexes, position, lists } = this.#loaded;
    if ((await this.#store.generation()) === position.generation) {
      // A finished merge is applied, and its memory is released.
      await Promise.all(Object.values(indexes).map((index) => index.settle()));
      await this.#swap();
      return false;
    }
    const changes = await this.#store.changes(position);
    if (changes) {
      const changedEntries = this.#loaded.changedEntries + (await applyChanges(indexes, changes, lists, this.#options));
      this.#loaded = { indexes, position: changes.position, lists: changes.lists, changedEntries };
    } else {
      const loaded = await loadLists(this.#store, this.#options);
      this.#loaded = { ...loaded, changedEntries: this.#loaded.changedEntries + loaded.changedEntries };
    }
    await this.#swap();
    return true;
  }

  /** Publish a snapshot of the loaded entries to new queries. */
  async #swap(): Promise<void> {
    const atMs = systemClock.nowMs();
    const { loaded, day } = this.#inForce;
    if (loaded !== this.#loaded || day !== Math.floor(atMs / DAY_MS))
      this.#inForce = await inForceAt(atMs, this.#store, this.#options, this.#loaded);
    this.#snapshot = snapshotOf(this.#loaded, this.#inForce.inForce, this.#options);
  }
}

function snapshotOf(
  { indexes, position, lists: stored }: Loaded,
  inForce: InForce,
  {
    photodnaRadius,
    windowRule,
    possibleRule,
  }: Pick<LiveListsOptions, 'photodnaRadius' | 'windowRule' | 'possibleRule'>,
): ListSnapshot {
  const enabled = stored.filter(({ info }) => info.enabled);
  const lists = enabled.map(({ info }) => info);
  const byKey = (some: readonly StoredList[]) => new Map(some.map(({ listKey, info }) => [listKey, info]));
  const listByKey = byKey(enabled);
  const counted = (algorithm: Algorithm) => {
    const perList = indexes[algorithm].segments.flatMap((segment) => [...liveCounts(segment)]);
    return perList.reduce((sum, [listKey, count]) => sum + (listByKey.has(listKey) ? count : 0), 0);
  };
  return {
    generation: position.generation,
    atMs: systemClock.nowMs(),
    lists,
    inForce,
    listByName: new Map(lists.map((list) => [list.list, list])),
    listByKey,
    disabledByKey: byKey(stored.filter(({ info }) => !info.enabled)),
    radius: { pdq: indexes.pdq.segments, blockhash: indexes.blockhash.segments },
    digest: { md5: indexes.md5.segments, sha1: indexes.sha1.segments, sha256: indexes.sha256.segments },
    photodna: indexes.photodna.segments,
    photodnaRadius,
    windowRule,
    possibleRule,
    photodnaExact: indexes.photodna.segments.every(({ index }) => index.exact),
    entryCounts: Object.fromEntries(ALGORITHMS.map((algorithm) => [algorithm, counted(algorithm)])) as Record<
      Algorithm,
      number
    >,
    exact: HAMMING_ALGORITHMS.every((algorithm) => indexes[algorithm].segments.every(({ index }) => index.exact)),
  };
}
