/** Linear scans and plain multi-index hashing in WASM: loaders for `bench/assembly/baselines.ts`. */
import { readFileSync } from 'node:fs';
import { artefact } from '../../src/core/package-root.js';
import type { Candidate } from '../../src/index/types.js';

interface Kernel {
  heapBase(): number;
  scanScalar(query: number, radius: number, hashes: number, count: number, results: number, capacity: number): number;
  scanSimd(query: number, radius: number, hashes: number, count: number, results: number, capacity: number): number;
  mihBuild(hashes: number, count: number, c: number, starts: number, ids: number): void;
  mihSearch(
    query: number,
    radius: number,
    hashes: number,
    tables: number,
    tableBytes: number,
    idsOffset: number,
    stamps: number,
    stamp: number,
    results: number,
    capacity: number,
  ): number;
}

export interface Baseline {
  readonly bytes: number;
  search(hash256: Uint8Array, radiusBits: number): Candidate[];
}

const PAGE_BYTES = 65_536;
const RESULTS = 4_096;
const TABLES = 16;
const align = (bytes: number) => Math.ceil(bytes / 64) * 64;

function load(hashes: Uint8Array, moreBytes: number) {
  const module = new WebAssembly.Module(readFileSync(artefact('wasm', 'baselines.wasm')));
  const instantiate = (memory: WebAssembly.Memory) =>
    new WebAssembly.Instance(module, {
      env: {
        memory,
        abort() {
          throw new Error('baseline kernel aborted');
        },
      },
    }).exports as unknown as Kernel;
  const query = align(instantiate(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })).heapBase());
  const results = query + 64;
  const at = results + RESULTS * 8;
  const more = align(at + hashes.length);
  const pages = Math.ceil((more + moreBytes) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const kernel = instantiate(memory);
  new Uint8Array(memory.buffer, at, hashes.length).set(hashes);
  const queryBytes = new Uint8Array(memory.buffer, query, 32);
  const pairs = new Uint32Array(memory.buffer, results, RESULTS * 2);
  /** Write the query to memory, run, return the pairs. */
  const ask = (hash256: Uint8Array, run: () => number): Candidate[] => {
    queryBytes.set(hash256);
    const found = run();
    if (found > RESULTS) throw new Error(`more than ${RESULTS} matches of one query`);
    return Array.from({ length: found }, (_, n) => ({
      entryIndex: pairs[n * 2]!,
      distanceBits: pairs[n * 2 + 1]!,
    })).sort((a, b) => a.distanceBits - b.distanceBits || a.entryIndex - b.entryIndex);
  };
  return { kernel, bytes: memory.buffer.byteLength, query, results, hashes: at, more, ask };
}

/** Create a linear scan. Shape: N × 32 bytes. */
export function linear(hashes: Uint8Array, how: 'scanScalar' | 'scanSimd'): Baseline {
  const { kernel, bytes, query, results, hashes: at, ask } = load(hashes, 0);
  const count = hashes.length / 32;
  return {
    bytes,
    search: (hash256, radiusBits) => ask(hash256, () => kernel[how](query, radiusBits, at, count, results, RESULTS)),
  };
}

/** Build the tables. Shape: N × 32 bytes. The radius of a search must be below 32. */
export function multiIndexHashing(hashes: Uint8Array): Baseline {
  const count = hashes.length / 32;
  const idsOffset = align(65_537 * 4);
  const tableBytes = idsOffset + align(count * 4);
  const { kernel, bytes, query, results, hashes: at, more, ask } = load(hashes, TABLES * tableBytes + count * 4);
  const stamps = more + TABLES * tableBytes;
  for (let c = 0; c < TABLES; c++) {
    const starts = more + c * tableBytes;
    kernel.mihBuild(at, count, c, starts, starts + idsOffset);
  }
  let stamp = 0;
  return {
    bytes,
    search(hash256, radiusBits) {
      if (radiusBits > 31) throw new RangeError('radius');
      stamp++;
      return ask(hash256, () =>
        kernel.mihSearch(query, radiusBits, at, more, tableBytes, idsOffset, stamps, stamp, results, RESULTS),
      );
    },
  };
}
