/** Loads the ring kernel onto a memory that the caller lays out; the memory may be shared with other threads. */
import { readFileSync } from 'node:fs';
import { artefact } from '../core/package-root.js';

/** All pointers and sizes are in bytes from the start of the memory; see `assembly/ring.ts`. */
export interface RingKernel {
  heapBase(): number;
  toChunks(hashes: number, count: number): void;
  buildTable(hashes: number, count: number, c: number, starts: number, next32: number, ids: number): void;
  gather(
    query: number,
    probes: number,
    masks: number,
    tables: number,
    tableBytes: number,
    next32Offset: number,
    bounds: number,
  ): number;
  search(
    query: number,
    radius: number,
    share: number,
    probes: number,
    masks: number,
    hashes: number,
    tables: number,
    tableBytes: number,
    next32Offset: number,
    idsOffset: number,
    bounds: number,
    results: number,
    capacity: number,
  ): number;
  scan(query: number, radius: number, hashes: number, from: number, to: number, results: number): number;
}

let compiled: WebAssembly.Module | undefined;

export function loadRingKernel(memory: WebAssembly.Memory): RingKernel {
  compiled ??= new WebAssembly.Module(readFileSync(artefact('wasm', 'ring.wasm')));
  const abort = () => {
    throw new Error('ring kernel aborted');
  };
  return new WebAssembly.Instance(compiled, { env: { memory, abort } }).exports as unknown as RingKernel;
}
