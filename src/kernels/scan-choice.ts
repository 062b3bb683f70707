/**
 * Which of the two scans of `assembly/ring-scan.ts` a thread uses. Their answers are equal; on x86, where SIMD has no count of
 * bits, words were 1.7 times faster on one processor and 7 times on another; ARM counts bits in lanes alone.
 * The first pieces that a thread scans alternate between both and are timed, then the faster one stays: no scan is done twice,
 * and both are compared as V8 has optimised them meanwhile, which takes some milliseconds of use.
 */
export type ScanKind = 'words' | 'lanes';

/** All pointers are in bytes from the start of the memory. */
export type Scan = (query: number, radius: number, hashes: number, from: number, to: number, results: number) => number;

/** About a millisecond of scanning. V8 has optimised both after some 30 pieces. */
const PIECES_OF_EACH = 64;
/** Smaller pieces are not timed: they take less than the clock and the call. */
const ENTRIES_MIN = 4_096;

// Of this thread.
let chosen: ScanKind | null = null;
let timed = 0;
let bestMs = { words: Number.POSITIVE_INFINITY, lanes: Number.POSITIVE_INFINITY };

/** Return the scan that this thread uses; null while it is not decided. */
export function scanInUse(): ScanKind | null {
  return chosen;
}

/** Choose for this thread; with null it is measured again. For tests and benches. */
export function useScan(kind: ScanKind | null): void {
  chosen = kind;
  timed = 0;
  bestMs = { words: Number.POSITIVE_INFINITY, lanes: Number.POSITIVE_INFINITY };
}

/** Return a scan by the one that is in use when it is called. */
export function fasterScan(scans: Readonly<Record<ScanKind, Scan>>): Scan {
  return (query, radius, hashes, from, to, results) => {
    if (chosen !== null) return scans[chosen](query, radius, hashes, from, to, results);
    if (to - from < ENTRIES_MIN) return scans.words(query, radius, hashes, from, to, results);
    const kind = timed % 2 === 0 ? 'words' : 'lanes';
    const startedMs = performance.now();
    const found = scans[kind](query, radius, hashes, from, to, results);
    bestMs[kind] = Math.min(bestMs[kind], performance.now() - startedMs);
    if (++timed === 2 * PIECES_OF_EACH) chosen = bestMs.lanes < bestMs.words ? 'lanes' : 'words';
    return found;
  };
}
