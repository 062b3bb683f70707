/**
 * Why an image or a hash matched, or did not: the verdict of a check, with everything that was looked at and every entry within reach. Nothing is recorded; the caller
 * counts it, and reports it to the probing detection, as any search.
 */
import { ERRORS, type ErrorCode } from '../core/errors.js';
import { DIGEST_ALGORITHMS, type Digests, type OrientationChoice } from '../core/vocabulary.js';
import { DETAILS, type Detail, WINDOW_KINDS, type WindowKind, widestOf } from '../core/window.js';
import type { ImageEngine } from '../engine/image-engine.js';
import type { ImageFacts, PdqFacts } from './answers.js';
import type { HashQuery } from './candidate.js';
import { type HashItem, readItem } from './check-hashes.js';
import { verdictOf } from './check-image.js';
import { EntryReader } from './entry-reader.js';
import { type ExplainedList, explainLists } from './explain-lists.js';
import { AS_LISTS_SAY, EXPLAINED_BEYOND_BITS, reachedBy } from './explain-reach.js';
import { type FileQuery, QueryBatch } from './file-queries.js';
import { hashAnswer, hashQueries } from './hash-image.js';
import type { ImageHasher, ImageInput } from './image-hasher.js';
import { type MatchParts, match, widestDetail } from './match.js';
import { matchFiles } from './match-files.js';
import type { Decision, Match } from './policy.js';
import type { BatchAlgorithm } from './search-piece.js';

export interface Explanation {
  readonly verdict: Decision['verdict'];
  readonly reason: ReturnType<typeof verdictOf>['reason'];
  /** Why the image could not be hashed, or that it is damaged; null of a hash. */
  readonly code: ErrorCode | null;
  readonly says: string | null;
  readonly generation: number;
  /** As of `CheckAnswer`. */
  readonly exact: boolean;
  /** Of the value that was given; null for an image. */
  readonly algorithm: BatchAlgorithm | null;
  readonly image: ImageFacts | null;
  readonly bytes: number | null;
  readonly digests: Digests;
  readonly pdq: PdqFacts | null;
  readonly pdqFull: PdqFacts | null;
  readonly blockhash: string | null;
  readonly lowQuality: boolean;
  readonly degenerate: boolean;
  readonly oneDimensional: boolean;
  readonly degraded: boolean;
  readonly matchCount: number;
  readonly searched: {
    /** Frames or pages, backgrounds and parts of the file that were hashed. */
    readonly views: number;
    /** Hashes of whole views, turned and mirrored ones too. */
    readonly hashes: number;
    readonly digests: number;
    readonly detail: Detail;
    readonly windows: Readonly<Record<WindowKind, number>>;
    /** How far beyond the radius of its list an entry is shown, and when a window matches. */
    readonly beyondBits: number;
    readonly windowRadiusBits: number;
    readonly windowWrongBitsMax: number;
  };
  readonly lists: readonly ExplainedList[];
}

export interface ExplainOptions {
  readonly orientations: OrientationChoice;
  readonly frames: number;
  /** Also windows that no list asks for; each list is judged by its own detail. */
  readonly detail: Detail | null;
}

/** What a search showed its caller, for those who watch it: entries beyond the radius too. */
type Shown = Pick<Decision, 'matches'>;

/** Return the entries that an explanation showed, as the matches that they are or nearly are. */
function shownBy(lists: readonly ExplainedList[], { matches }: Decision): Shown {
  const missed = lists.flatMap(({ kind, radiusBits, entries }) =>
    entries.flatMap(({ outcome, why: _why, flooded: _flooded, entryId, ...entry }): Match[] => {
      const isMissed = kind === 'match' && (outcome === 'no_match' || outcome === 'possible');
      return isMissed && entryId !== null ? [{ ...entry, entryId, radius: radiusBits, suppressed: false }] : [];
    }),
  );
  return { matches: [...matches, ...missed] };
}

function searchedBy(
  { windowRule }: MatchParts['snapshot'],
  { digests, hashes }: FileQuery,
  { views, detail }: { readonly views: number; readonly detail: Detail },
): Explanation['searched'] {
  const kinds = hashes.flatMap(({ window, orientation }) =>
    window !== null && orientation === 'original' ? [window.place.kind] : [],
  );
  return {
    views,
    hashes: hashes.filter(({ window }) => window === null).length,
    digests: Object.keys(digests).length,
    detail,
    windows: Object.fromEntries(
      WINDOW_KINDS.map((kind) => [kind, kinds.filter((one) => one === kind).length]),
    ) as Record<WindowKind, number>,
    beyondBits: EXPLAINED_BEYOND_BITS,
    windowRadiusBits: windowRule.radiusBits,
    windowWrongBitsMax: windowRule.wrongBitsMax,
  };
}

/**
 * Explain an image. `onShown`: called with what was searched and shown, before it is returned.
 * Errors  QUEUE_FULL, DECODER_UNAVAILABLE, SHUTTING_DOWN, STORE_FAILED. An image that cannot be decoded is an answer, not an error.
 */
export async function explainImage(
  parts: MatchParts & { readonly engine: ImageEngine; readonly hasher: ImageHasher },
  input: ImageInput,
  { orientations, frames, detail: requested }: ExplainOptions,
  onShown: (digests: Digests, searched: readonly HashQuery[], shown: Shown) => void,
): Promise<Explanation> {
  const { engine, hasher, snapshot, store } = parts;
  const ofLists = widestDetail(snapshot, { lists: null, requestedDetail: null });
  const detail = requested === null ? ofLists : widestOf(DETAILS.filter((one) => one === ofLists || one === requested));
  const { reply } = await hasher.hash(engine, input, {
    digests: DIGEST_ALGORITHMS,
    orientations,
    families: 'both',
    algorithms: ['pdq', 'blockhash'],
    frames,
    detail,
  });
  const query = { digests: reply.digests, hashes: hashQueries(reply) };
  const decision = await match(parts, { ...query, lists: null, ...AS_LISTS_SAY });
  const lists = await explainLists(snapshot, new EntryReader(store), await reachedBy(parts, query), decision);
  const hashed = hashAnswer(reply);
  onShown(reply.digests, query.hashes, shownBy(lists, decision));
  const { digests, image, bytes, pdq, pdqFull, blockhash, lowQuality, degenerate, oneDimensional, degraded } = hashed;
  const { code } = hashed;
  return {
    ...verdictOf(decision, hashed),
    code,
    says: code && ERRORS[code].says,
    generation: snapshot.generation,
    exact: snapshot.exact,
    algorithm: null,
    ...{ image, bytes, digests, pdq, pdqFull, blockhash, lowQuality, degenerate, oneDimensional, degraded },
    matchCount: decision.matchCount,
    searched: searchedBy(snapshot, query, { views: hashed.views.length, detail }),
    lists,
  };
}

/** Of a hash without its image. */
const NO_IMAGE = {
  code: null,
  says: null,
  image: null,
  bytes: null,
  pdq: null,
  pdqFull: null,
  blockhash: null,
  degenerate: false,
  oneDimensional: false,
  degraded: false,
} as const;

/** Explain one value, which is not repeated in the answer. Errors VALUE_INVALID, STORE_FAILED. `onShown`: as of `explainImage`. */
export async function explainHash(
  parts: MatchParts,
  { algorithm, hex, quality }: { readonly algorithm: BatchAlgorithm; readonly hex: string; readonly quality?: number },
  orientations: OrientationChoice,
  onShown: (shown: Shown) => void,
): Promise<Explanation> {
  const { snapshot, store } = parts;
  const item: HashItem = { [algorithm]: hex, quality };
  const query = readItem(snapshot, item, { orientations });
  const queries = new QueryBatch();
  queries.add(query, false);
  const reader = new EntryReader(store);
  const [decision] = await matchFiles({ ...parts, reader }, queries, { ...AS_LISTS_SAY, lists: null });
  const lists = await explainLists(snapshot, reader, await reachedBy(parts, query), decision!);
  onShown(shownBy(lists, decision!));
  const { verdict, reason, matchCount } = decision!;
  return {
    verdict,
    reason,
    ...NO_IMAGE,
    generation: snapshot.generation,
    exact: snapshot.exact,
    algorithm,
    digests: query.digests,
    lowQuality: query.hashes.some(({ lowQuality }) => lowQuality),
    matchCount,
    searched: searchedBy(snapshot, query, { views: 0, detail: 'plain' }),
    lists,
  };
}
