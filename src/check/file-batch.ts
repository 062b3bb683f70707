/** Matching of files with known hashes against the current snapshot, for scans and rematches. */
import { AppError } from '../core/errors.js';
import { DIGEST_ALGORITHMS, VALUE_BYTES } from '../core/vocabulary.js';
import type { IndexPool } from '../index/index-pool.js';
import { digestMaker, ringMaker } from '../index/makers.js';
import { Segmented } from '../index/segmented.js';
import { HAMMING_ALGORITHMS, type ListSnapshot } from '../lists/snapshot.js';
import type { Idempotency } from '../store/ledger-contract.js';
import type { FeedPosition, ListFeed } from '../store/lists-contract.js';
import type { CheckOptions } from './check-image.js';
import { EntryReader } from './entry-reader.js';
import type { QueryBatch } from './file-queries.js';
import { ASKED_BY_IMAGES, queriedLists } from './match.js';
import { matchFiles } from './match-files.js';
import type { Asked, Decision } from './policy.js';
import type { Answer, Recorder } from './recorder.js';

type MatchOptions = Pick<CheckOptions, 'requestedRadiusBits'> & Partial<Pick<Asked, 'requestedDetail'>>;

export interface FileBatch {
  readonly snapshot: ListSnapshot;
  /** Names of the lists that are queried; null: all enabled ones. */
  readonly lists: ReadonlySet<string> | null;
  /** Position of the snapshot in the store's change log, as JSON. */
  readonly matchedAt: string;
  /**
   * Return a snapshot of only the entries that were added to these lists after `since`.
   * Null where `since` belongs to another store, or is older than the change log.
   */
  entriesSince(since: string): Promise<ListSnapshot | null>;
  /** Return decisions in the order of the files, unrecorded. `among`: a snapshot to query instead. Errors STORE_FAILED. */
  match(queries: QueryBatch, options: MatchOptions, among?: ListSnapshot): Promise<Decision[]>;
  /** Record all answers in one commit; those of one Idempotency-Key once. Errors LEDGER_FAILED, IDEMPOTENCY_KEY_REUSED. */
  record(tenant: string, answers: readonly Answer[], unmatched: number, once?: Idempotency): Promise<void>;
}

interface FileBatchParts {
  readonly store: ListFeed;
  readonly live: { readonly snapshot: ListSnapshot };
  readonly pool: IndexPool;
  readonly recorder: Recorder;
  readonly reload: () => Promise<void>;
}

/** Reads of the position before it fails: a concurrent import makes one more necessary, seldom two. */
const LOOKS_MAX = 10;

async function positionInForce({ store, live, reload }: FileBatchParts): Promise<FeedPosition> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    const changes = await store.changes(null);
    if (changes?.position.generation === live.snapshot.generation) return changes.position;
    await reload();
  }
  throw new AppError('STORE_FAILED', { why: 'the lists change faster than they can be read' });
}

async function newEntries(
  parts: FileBatchParts,
  snapshot: ListSnapshot,
  since: FeedPosition,
): Promise<ListSnapshot | null> {
  const { store, pool } = parts;
  const changes = await store.changes(since);
  if (changes === null) return null;
  const onMergeError = (error: unknown) => {
    throw error;
  };
  const radius = {
    pdq: new Segmented(ringMaker(pool), 0, onMergeError),
    blockhash: new Segmented(ringMaker(pool), 0, onMergeError),
  };
  const digest = {
    md5: new Segmented(digestMaker(VALUE_BYTES.md5, pool), 0, onMergeError),
    sha1: new Segmented(digestMaker(VALUE_BYTES.sha1, pool), 0, onMergeError),
    sha256: new Segmented(digestMaker(VALUE_BYTES.sha256, pool), 0, onMergeError),
  };
  const indexes = { ...radius, ...digest };
  const isIndexed = (name: string): name is keyof typeof indexes => name in indexes;
  for await (const batch of changes.added()) {
    for (const { entryKey, listKey, algorithm, value } of batch) {
      if (!isIndexed(algorithm)) continue;
      const index = indexes[algorithm];
      if (index.isFull) await index.settle();
      index.add(entryKey, listKey, value);
    }
  }
  await Promise.all(Object.values(indexes).map((index) => index.settle()));
  const count = (segments: readonly { readonly keys: Uint32Array }[]) =>
    segments.reduce((sum, { keys }) => sum + keys.length, 0);
  const counts = Object.fromEntries(
    [...HAMMING_ALGORITHMS, ...DIGEST_ALGORITHMS].map((name) => [name, count(indexes[name].segments)]),
  ) as Record<keyof typeof indexes, number>;
  return {
    ...snapshot,
    radius: { pdq: radius.pdq.segments, blockhash: radius.blockhash.segments },
    digest: { md5: digest.md5.segments, sha1: digest.sha1.segments, sha256: digest.sha256.segments },
    photodna: [],
    entryCounts: { ...counts, photodna: 0 },
  };
}

/** Open a batch on the current snapshot. Errors LIST_NOT_FOUND, STORE_FAILED. */
export async function openFiles(
  parts: FileBatchParts,
  { lists, tenant }: Pick<CheckOptions, 'lists' | 'tenant'>,
): Promise<FileBatch> {
  const position = await positionInForce(parts);
  const { snapshot } = parts.live;
  const queried = queriedLists(snapshot, { lists, tenant });
  const { store, pool, recorder } = parts;
  return {
    snapshot,
    lists: queried,
    matchedAt: JSON.stringify(position),
    entriesSince: (since) => newEntries(parts, snapshot, JSON.parse(since) as FeedPosition),
    match: (queries, options, among = snapshot) =>
      matchFiles({ snapshot: among, reader: new EntryReader(store, null), pool }, queries, {
        ...options,
        lists: queried,
        alsoAsked: ASKED_BY_IMAGES,
      }),
    async record(tenant, answers, unmatched, once) {
      if (answers.length + unmatched === 0) return;
      const recording = recorder.open(tenant, once ? () => once : null);
      for (const answer of answers) recording.add('image', answer);
      recording.addUnmatched('image', unmatched);
      await recording.commit();
    },
  };
}
