/** Loader of the ring kernel, on a memory of the caller; the memory may be shared with other threads. */
import { readFileSync } from 'node:fs';
import { artefact } from '../core/package-root.js';
import { fasterScan, type Scan } from './scan-choice.js';

/** All pointers and sizes are in bytes from the start of the memory; see `assembly/ring.ts`. */
export interface RingKernel {
  heapBase(): number;
  toChunks(hashes: number, count: number): void;
  fromChunks(hashes: number, count: number): void;
  buildTable(header: number, c: number): void;
  /** Result of all searches: a count, or `GAVE_UP`. */
  search(
    header: number,
    query: number,
    radius: number,
    probes: number,
    buckets: number,
    survivors: number,
    budget: number,
    results: number,
    capacity: number,
  ): number;
  searchLoosely(
    header: number,
    query: number,
    radius: number,
    buckets: number,
    survivors: number,
    budget: number,
    results: number,
    capacity: number,
  ): number;
  searchBatch(
    header: number,
    queries: number,
    count: number,
    radius: number,
    groups: number,
    records: number,
    columns: number,
    survivors: number,
    budget: number,
    results: number,
    capacity: number,
  ): number;
  searchJoin(
    header: number,
    queries: number,
    count: number,
    radius: number,
    starts: number,
    sorted: number,
    gathered: number,
    survivors: number,
    budget: number,
    results: number,
    capacity: number,
  ): number;
  /** The number of entries of from..to within the radius. */
  readonly scan: Scan;
}

type Exports = Omit<RingKernel, 'scan'> & { readonly scanWords: Scan; readonly scanLanes: Scan };

/** A search that would cost more than a scan, or has more results than its room: -1, a u32 as WASM returns it. */
export const GAVE_UP = -1;

let compiled: WebAssembly.Module | undefined;

export function loadRingKernel(memory: WebAssembly.Memory): RingKernel {
  compiled ??= new WebAssembly.Module(readFileSync(artefact('wasm', 'ring.wasm')));
  const abort = () => {
    throw new Error('ring kernel aborted');
  };
  const exports = new WebAssembly.Instance(compiled, { env: { memory, abort } }).exports as unknown as Exports;
  return { ...exports, scan: fasterScan({ words: exports.scanWords, lanes: exports.scanLanes }) };
}
