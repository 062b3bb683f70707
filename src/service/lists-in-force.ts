/**
 * The lists in force: everything that a query is asked against, built from the store and then only read.
 * A query takes the reference once and finishes on it; a reload makes a new one and swaps the reference.
 * Leaves to the store: what an entry says beside its value. Only keys are kept here, 6 bytes an entry.
 */
import { DIGEST_ALGORITHMS, type DigestAlgorithm, type ListInfo, VALUE_BYTES } from '../core/vocabulary.js';
import { createIndexBuilder } from '../index/builder.js';
import { buildDigestTable, type DigestTable } from '../index/digest-table.js';
import type { IndexKind, RadiusIndex } from '../index/types.js';
import type { ListStore } from '../store/contract.js';

/** Hash algorithms with a Hamming distance; PhotoDNA's is another, and needs an index of its own. */
export const HAMMING_ALGORITHMS = ['pdq', 'blockhash'] as const;
export type HammingAlgorithm = (typeof HAMMING_ALGORITHMS)[number];

/** What lies behind an entry index: its key in the store and the list that it belongs to. */
export interface EntryKeys {
  readonly keys: Float64Array;
  /** Position in `ListsInForce.lists`. */
  readonly listOf: Uint16Array;
}

export interface ListsInForce {
  readonly generation: number;
  readonly lists: readonly ListInfo[];
  readonly listByName: ReadonlyMap<string, ListInfo>;
  readonly radius: Readonly<Record<HammingAlgorithm, EntryKeys & { readonly index: RadiusIndex }>>;
  readonly digest: Readonly<Record<DigestAlgorithm, EntryKeys & { readonly table: DigestTable }>>;
  /** Digest algorithms that some entry in force has; only these are worth computing for a match. */
  readonly digestAlgorithms: readonly DigestAlgorithm[];
}

interface Gathered {
  readonly values: Uint8Array;
  readonly keys: Float64Array;
  readonly listOf: Uint16Array;
  count: number;
}

function room(capacity: number, valueBytes: number): Gathered {
  return {
    values: new Uint8Array(capacity * valueBytes),
    keys: new Float64Array(capacity),
    listOf: new Uint16Array(capacity),
    count: 0,
  };
}

function used(gathered: Gathered): EntryKeys {
  return { keys: gathered.keys.subarray(0, gathered.count), listOf: gathered.listOf.subarray(0, gathered.count) };
}

/**
 * Reads all entries of enabled lists and builds the indices.
 * Errors  STORE_FAILED; INDEX_FULL; INDEX_KIND_UNAVAILABLE (hnsw is not installed).
 */
export async function loadListsInForce(store: ListStore, kind: IndexKind): Promise<ListsInForce> {
  const generation = await store.generation();
  const lists = (await store.lists()).filter((list) => list.enabled);
  const positionOf = new Map(lists.map((list, at) => [list.list, at]));
  const algorithms = [...HAMMING_ALGORITHMS, ...DIGEST_ALGORITHMS] as const;
  const total = (algorithm: (typeof algorithms)[number]) =>
    lists.reduce((sum, list) => sum + (list.entriesByAlgorithm[algorithm] ?? 0), 0);
  const gathered = Object.fromEntries(
    algorithms.map((algorithm) => [algorithm, room(total(algorithm), VALUE_BYTES[algorithm])]),
  ) as Record<(typeof algorithms)[number], Gathered>;

  for await (const batch of store.entries()) {
    for (const { entryKey, list, algorithm, value } of batch) {
      const at = positionOf.get(list);
      if (algorithm === 'photodna' || at === undefined) continue;
      const into = gathered[algorithm];
      into.values.set(value, into.count * VALUE_BYTES[algorithm]);
      into.keys[into.count] = entryKey;
      into.listOf[into.count] = at;
      into.count++;
    }
  }

  const radius = async (algorithm: HammingAlgorithm) => {
    const { values, count } = gathered[algorithm];
    const builder = await createIndexBuilder(kind, count);
    for (let at = 0; at < count; at++) builder.add(values.subarray(at * 32, at * 32 + 32));
    return { ...used(gathered[algorithm]), index: builder.seal() };
  };
  const digest = (algorithm: DigestAlgorithm) => {
    const { values, count } = gathered[algorithm];
    const width = VALUE_BYTES[algorithm];
    return { ...used(gathered[algorithm]), table: buildDigestTable(values.subarray(0, count * width), width) };
  };
  return {
    generation,
    lists,
    listByName: new Map(lists.map((list) => [list.list, list])),
    radius: { pdq: await radius('pdq'), blockhash: await radius('blockhash') },
    digest: { md5: digest('md5'), sha1: digest('sha1'), sha256: digest('sha256') },
    digestAlgorithms: DIGEST_ALGORITHMS.filter((algorithm) => gathered[algorithm].count > 0),
  };
}
