/**
 * Checks many values of one algorithm, end to end in one buffer, on all cores. Only values that match allocate
 * objects.
 */
import { Breath } from '../core/breath.js';
import { HASH256_BYTES } from '../core/hash256.js';
import { type Algorithm, NO_VIEW, ORIENTATIONS, VALUE_BYTES } from '../core/vocabulary.js';
import type { IndexPool } from '../index/index-pool.js';
import type { Segment } from '../index/segment.js';
import { reorientPdq } from '../kernels/pdq-signs.js';
import { searchedAlgorithms } from '../lists/in-force.js';
import type { ListSnapshot } from '../lists/snapshot.js';
import { type HashQuery, toCandidate } from './candidate.js';
import type { CheckOptions } from './check-image.js';
import { decideFound } from './decide-found.js';
import type { EntryReader } from './entry-reader.js';
import { type FoundPiece, FoundRows } from './found-rows.js';
import { widestRadiusBits } from './match.js';
import { type Asked, type Decision, NOTHING_FOUND, NOTHING_SEARCHED } from './policy.js';
import type { Recorder } from './recorder.js';
import { type BatchAlgorithm, isDigest, searchPiece } from './search-piece.js';

export interface BatchParts {
  /** Reads the entries of one request. */
  readonly reader: EntryReader;
  readonly snapshot: ListSnapshot;
  readonly recorder: Recorder;
  readonly pool: IndexPool;
}

/** Queries per task of a thread: enough to share the index's cache lines, few enough to use all cores. */
const PIECE_HASHES = 8_192;
const PIECE_DIGESTS = 65_536;
/** Derive all orientations by the sign rule, since only the bits are known here: near, but not exact (docs/accuracy.md). */
function orientedHashes(hashes256: Uint8Array): Uint8Array {
  const turned = new Uint8Array(hashes256.length * ORIENTATIONS.length);
  for (let at = 0; at < hashes256.length; at += HASH256_BYTES) {
    const hash256 = hashes256.subarray(at, at + HASH256_BYTES);
    ORIENTATIONS.forEach((orientation, k) => {
      turned.set(
        orientation === 'original' ? hash256 : reorientPdq(hash256, orientation),
        at * ORIENTATIONS.length + k * HASH256_BYTES,
      );
    });
  }
  return turned;
}

/** Return the query at `queryIndex`; null for a digest. */
function queryOf(
  algorithm: BatchAlgorithm,
  queries: Uint8Array,
  queryIndex: number,
  orientationCount: number,
): HashQuery | null {
  if (isDigest(algorithm)) return null;
  const hash256 = queries.subarray(queryIndex * HASH256_BYTES, (queryIndex + 1) * HASH256_BYTES);
  const orientation = ORIENTATIONS[queryIndex % orientationCount]!;
  return { algorithm, hash256, orientation, family: null, lowQuality: false, window: null, ...NO_VIEW };
}

/** Return the rows of the values that have some, by position. */
async function findValues(
  parts: BatchParts,
  algorithm: BatchAlgorithm,
  values: Uint8Array,
  options: CheckOptions,
): Promise<FoundRows> {
  const { snapshot } = parts;
  const radiusBits = widestRadiusBits(snapshot, options);
  if (snapshot.entryCounts[algorithm] === 0 || (radiusBits < 0 && !isDigest(algorithm))) return new FoundRows([]);
  const orientationCount = algorithm === 'pdq' && options.orientations === 'all' ? ORIENTATIONS.length : 1;
  const width = VALUE_BYTES[algorithm];
  const pieceBytes = (isDigest(algorithm) ? PIECE_DIGESTS : PIECE_HASHES / orientationCount) * width;
  const segments: readonly Segment<unknown>[] = isDigest(algorithm)
    ? snapshot.digest[algorithm]
    : snapshot.radius[algorithm];
  const findPiece = async (from: number): Promise<FoundPiece[]> => {
    const piece = values.slice(from, from + pieceBytes);
    const queries = orientationCount > 1 ? orientedHashes(piece) : piece;
    const answers = await searchPiece(parts, algorithm, queries, { radiusBits, isLoose: false });
    return answers.map((rows, at) => ({
      rows,
      queryNumberOf: (queryIndex) => from / width + Math.floor(queryIndex / orientationCount),
      candidateOf: (row) =>
        toCandidate(snapshot, options.lists, segments[at]!, {
          entryIndex: rows.entryIndex[row]!,
          distance: rows.distanceBits?.[row] ?? 0,
          query: queryOf(algorithm, queries, rows.queryIndex[row]!, orientationCount),
        }),
    }));
  };
  const pieces: Promise<FoundPiece[]>[] = [];
  for (let from = 0; from < values.length; from += pieceBytes) pieces.push(findPiece(from));
  return new FoundRows((await Promise.all(pieces)).flat());
}

/** Return the decision of values that match nothing: whether any was searched. */
export function emptyDecision(
  snapshot: ListSnapshot,
  lists: ReadonlySet<string> | null,
  algorithm: Algorithm,
): Decision {
  return searchedAlgorithms(snapshot, lists).has(algorithm) ? NOTHING_FOUND : NOTHING_SEARCHED;
}

/**
 * Return the decisions of the values that matched, by position; every other value has `emptyDecision`. All are recorded.
 * Shape   `values`: N × the algorithm's bytes.
 *         `referenceOf`: the caller's name for the value at a position.
 * Errors  STORE_FAILED, LEDGER_FAILED.
 */
export async function checkValues(
  parts: BatchParts,
  algorithm: BatchAlgorithm,
  values: Uint8Array,
  options: CheckOptions,
  referenceOf: (position: number) => string | null = () => null,
): Promise<ReadonlyMap<number, Decision>> {
  const { snapshot, reader } = parts;
  const { generation } = snapshot;
  const recording = options.recording ?? parts.recorder.open(options.tenant);
  const rows = await findValues(parts, algorithm, values, options);
  const decisions = new Map<number, Decision>();
  const width = VALUE_BYTES[algorithm];
  // Values are hashes of whole images.
  const { requestedRadiusBits, draw } = options;
  const asked: Asked = { requestedRadiusBits, requestedDetail: null, draw };
  const breath = new Breath();
  for (const position of rows.queryNumbers) {
    if (breath.isDue) await breath.take();
    const decision = await decideFound(snapshot, reader, rows.candidatesOf(position), asked);
    if (decision.verdict === 'no_match') continue;
    decisions.set(position, decision);
    const value = values.subarray(position * width, (position + 1) * width);
    const fileId = Buffer.from(value).toString('hex');
    const digests = isDigest(algorithm) ? { [algorithm]: fileId } : {};
    const reference = referenceOf(position);
    recording.add('hash', { ...decision, reference, fileId, digests, generation, checkId: null });
  }
  const { verdict } = emptyDecision(snapshot, options.lists, algorithm);
  recording.addUnmatched('hash', values.length / width - decisions.size, { isSearched: verdict === 'no_match' });
  if (!options.recording) await recording.commit();
  return decisions;
}
