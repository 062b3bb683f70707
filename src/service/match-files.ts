/**
 * Many files at once, each with its digests and all of its hashes: what `match` says of each, found in batches on all
 * cores. Files of the same bytes are asked once.
 */
import { HASH256_BYTES } from '../core/hash256.js';
import { DIGEST_ALGORITHMS, type Digests, VALUE_BYTES } from '../core/vocabulary.js';
import type { IndexPool } from '../index/index-pool.js';
import type { Segment } from '../index/segment.js';
import type { ListStore } from '../store/contract.js';
import { type BatchAlgorithm, searchPiece } from './check-values.js';
import { HAMMING_ALGORITHMS, type ListsInForce } from './lists-in-force.js';
import { decideFound, type Found, type HashQuery, toFound, widestRadiusBits } from './match.js';
import { type Decision, NOTHING_FOUND } from './policy.js';

export interface FileQuery {
  readonly digests: Digests;
  readonly hashes: readonly HashQuery[];
}

/** One thread's work at a time: as many hashes as the index joins with its tables at once. */
const PIECE_VALUES = 65_536;

const ALGORITHMS_ASKED: readonly BatchAlgorithm[] = [...DIGEST_ALGORITHMS, ...HAMMING_ALGORITHMS];

/** Of two ways that are equally near the first asked is told, as where one file is asked alone. */
interface Ranked {
  readonly found: Found;
  readonly rank: readonly number[];
}
function byRank(a: Ranked, b: Ranked): number {
  const differing = a.rank.findIndex((value, at) => value !== b.rank[at]);
  return differing < 0 ? 0 : a.rank[differing]! - b.rank[differing]!;
}

interface Asked {
  readonly algorithm: BatchAlgorithm;
  readonly values: Uint8Array;
  /** Of each value: which file asks, and with which of its hashes. */
  readonly files: readonly number[];
  readonly queries: readonly (HashQuery | null)[];
}

function gather(files: readonly FileQuery[], algorithm: BatchAlgorithm, inForce: ListsInForce): Asked | null {
  if (inForce.entryCounts[algorithm] === 0) return null;
  const owners: number[] = [];
  const queries: (HashQuery | null)[] = [];
  const isDigest = DIGEST_ALGORITHMS.some((name) => name === algorithm);
  const chunks: Uint8Array[] = [];
  files.forEach(({ digests, hashes }, file) => {
    if (isDigest) {
      const digest = digests[algorithm as keyof Digests];
      if (digest === undefined) return;
      owners.push(file);
      queries.push(null);
      chunks.push(Buffer.from(digest, 'hex'));
      return;
    }
    for (const query of hashes) {
      if (query.algorithm !== algorithm) continue;
      owners.push(file);
      queries.push(query);
      chunks.push(query.hash256);
    }
  });
  if (owners.length === 0) return null;
  const width = isDigest ? VALUE_BYTES[algorithm] : HASH256_BYTES;
  const values = new Uint8Array(owners.length * width);
  for (const [at, chunk] of chunks.entries()) values.set(chunk, at * width);
  return { algorithm, values, files: owners, queries };
}

/**
 * Decisions in the order of the files; nothing is recorded.
 * Errors  STORE_FAILED.
 */
export async function matchFiles(
  { inForce, store, pool }: { readonly inForce: ListsInForce; readonly store: ListStore; readonly pool: IndexPool },
  files: readonly FileQuery[],
  { lists, askedRadiusBits }: { readonly lists: ReadonlySet<string> | null; readonly askedRadiusBits: number | null },
): Promise<Decision[]> {
  const firstOf = new Map<string, number>();
  const unique: FileQuery[] = [];
  const uniqueOf = files.map((file) => {
    const key = file.digests.sha256 === undefined ? null : `${file.digests.sha256} ${file.hashes.length}`;
    const known = key === null ? undefined : firstOf.get(key);
    if (known !== undefined) return known;
    if (key !== null) firstOf.set(key, unique.length);
    return unique.push(file) - 1;
  });
  const found = new Map<number, Ranked[]>();
  const radiusBits = widestRadiusBits(inForce, { lists, askedRadiusBits });

  const findPiece = async ({ algorithm, values, files: owners, queries }: Asked, from: number): Promise<void> => {
    const width = VALUE_BYTES[algorithm];
    const piece = values.slice(from * width, (from + PIECE_VALUES) * width);
    const segments: readonly Segment<unknown>[] =
      algorithm === 'pdq' || algorithm === 'blockhash' ? inForce.radius[algorithm] : inForce.digest[algorithm];
    const answers = await searchPiece({ inForce, pool }, algorithm, piece, radiusBits);
    for (const [at, { count, queryIndex, entryIndex, distanceBits }] of answers.entries()) {
      for (let row = 0; row < count; row++) {
        const query = queries[from + queryIndex[row]!]!;
        const one = toFound(inForce, lists, segments[at]!, {
          entryIndex: entryIndex[row]!,
          distance: distanceBits?.[row] ?? 0,
          query,
        });
        if (one === null) continue;
        const file = owners[from + queryIndex[row]!]!;
        const ranked = { found: one, rank: [ALGORITHMS_ASKED.indexOf(algorithm), from + queryIndex[row]!, at, row] };
        const others = found.get(file);
        if (others) others.push(ranked);
        else found.set(file, [ranked]);
      }
    }
  };

  const pieces: Promise<void>[] = [];
  for (const algorithm of ALGORITHMS_ASKED) {
    if (radiusBits < 0 && HAMMING_ALGORITHMS.some((name) => name === algorithm)) continue;
    const asked = gather(unique, algorithm, inForce);
    for (let from = 0; asked !== null && from < asked.files.length; from += PIECE_VALUES)
      pieces.push(findPiece(asked, from));
  }
  await Promise.all(pieces);
  const decisions = new Array<Decision>(unique.length).fill(NOTHING_FOUND);
  for (const [file, all] of found) {
    const inOrder = all.sort(byRank).map(({ found: one }) => one);
    decisions[file] = await decideFound(inForce, store, inOrder, askedRadiusBits);
  }
  return uniqueOf.map((at) => decisions[at]!);
}
