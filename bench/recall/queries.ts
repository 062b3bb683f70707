/** The hashes of an image that a service searches, as columns, and what each mode costs. */
import { isLowQuality } from '../../src/core/pdq-quality.js';
import { isOneDimensionalPdq } from '../../src/core/pdq-shape.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { DETAILS, type Detail, type WindowKind } from '../../src/core/window.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { hashWindows } from '../../src/kernels/windows/hash-windows.js';

/** Words of a hash. */
export const WORDS = 8;

/** Windows that `standard` has too. */
const FOUND: ReadonlySet<WindowKind> = new Set(['resampling', 'border', 'strip', 'part']);

/** Shape: `words` and `certain` N × 8. */
export interface Queries {
  readonly words: Uint32Array;
  /** 0 for hashes of the whole image. */
  readonly certain: Uint32Array;
  /** Position in `DETAILS` of the first mode that asks it. */
  readonly levels: Uint8Array;
  /** Processor time of hashing, by mode, without decoding. */
  readonly ms: readonly number[];
}

const hasher = loadPdqHasher();
const words32 = (hash256: Uint8Array) => new Uint32Array(Uint8Array.from(hash256).buffer);

/** Return the hash of an image as a list has it; null for one that `zeef lists add` does not store. */
export function listedHash(raster: Raster): Uint32Array | null {
  const { families } = hasher.hash(raster, { orientations: 'none', families: 'resized' });
  const { quality, degenerate, hashes } = families[0]!;
  return isLowQuality(quality, degenerate) || isOneDimensionalPdq(hashes[0]!) ? null : words32(hashes[0]!);
}

function timed<T>(work: () => T): { readonly result: T; readonly ms: number } {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return { result, ms: (user + system) / 1000 };
}

type Families = ReturnType<typeof hasher.hash>['families'];

/** Return the hashes of the whole image that match lists by default. */
const searched = (families: Families) =>
  families
    .filter(({ quality, degenerate }) => !isLowQuality(quality, degenerate))
    .flatMap(({ hashes }) => hashes.filter((hash256) => !isOneDimensionalPdq(hash256)));

/** Hash an image as `plain` asks it, in all orientations. Shape: N × 8. */
export function plainQueriesOf(raster: Raster): Uint32Array {
  const all = searched(hasher.hash(raster, { orientations: 'all', families: 'both' }).families);
  const words = new Uint32Array(all.length * WORDS);
  for (const [at, hash256] of all.entries()) words.set(words32(hash256), at * WORDS);
  return words;
}

/** Hash an image as the decoder process does for a request of all orientations, and leave out what matches no list by default. */
export function queriesOf(raster: Raster): Queries {
  const whole = timed(() => hasher.hash(raster, { orientations: 'all', families: 'both' }));
  const windowsAt = (detail: Exclude<Detail, 'plain'>) => timed(() => hashWindows(hasher.surface(), detail, true));
  const standard = windowsAt('standard');
  const deep = windowsAt('deep');
  const plain = searched(whole.result.families).map((hash256) => ({ hash256, certain: null, level: 0 }));
  const ofWindows = deep.result.flatMap(({ window, hashes, certain }) =>
    hashes.map((hash256) => ({ hash256, certain, level: FOUND.has(window.kind) ? 1 : 2 })),
  );
  const all = [...plain, ...ofWindows];
  const words = new Uint32Array(all.length * WORDS);
  const certain = new Uint32Array(all.length * WORDS);
  for (const [at, query] of all.entries()) {
    words.set(words32(query.hash256), at * WORDS);
    if (query.certain) certain.set(words32(query.certain), at * WORDS);
  }
  const levels = Uint8Array.from(all, ({ level }) => level);
  return { words, certain, levels, ms: [whole.ms, whole.ms + standard.ms, whole.ms + deep.ms] };
}

/** Return how many queries each mode has. */
export const countsOf = ({ levels }: Queries): number[] =>
  DETAILS.map((_, mode) => levels.reduce((sum, level) => sum + Number(level <= mode), 0));
