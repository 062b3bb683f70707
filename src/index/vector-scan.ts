/** The exact vector index: every entry is compared, by SIMD. */
import { VALUE_BYTES } from '../core/vocabulary.js';
import { loadL2Kernel } from '../kernels/l2-wasm.js';
import { byVectorDistance, requireVectorRadius, type VectorCandidate, type VectorIndex } from './vectors.js';

const PAGE_BYTES = 65_536;
const WIDTH = VALUE_BYTES.photodna;
/** Entries of one kernel call, which may write as many pairs. */
const PIECE = 4_096;
const LINE = 64;
const align = (bytes: number) => Math.ceil(bytes / LINE) * LINE;
/** Well inside the 4 GiB of a WebAssembly memory. */
export const VECTOR_ENTRIES_MAX = 24_000_000;

/** Build the index. Shape: `parts` N × 144 bytes together. */
export function buildVectorScan(parts: readonly Uint8Array[]): VectorIndex {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const entryCount = bytes / WIDTH;
  const query = align(loadL2Kernel(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })).heapBase());
  const results = query + align(WIDTH);
  const first = results + PIECE * 8;
  const pages = Math.ceil((first + bytes) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const kernel = loadL2Kernel(memory);
  const vectors = new Uint8Array(memory.buffer, first, bytes);
  let at = 0;
  for (const part of parts) {
    vectors.set(part, at);
    at += part.length;
  }
  const queryBytes = new Uint8Array(memory.buffer, query, WIDTH);
  const pairs = new Uint32Array(memory.buffer, results, PIECE * 2);
  return {
    kind: 'linear',
    exact: true,
    entryCount,
    memoryBytes: memory.buffer.byteLength,
    vectors,
    search(vector, radius) {
      requireVectorRadius(radius);
      queryBytes.set(vector);
      const found: VectorCandidate[] = [];
      for (let from = 0; from < entryCount; from += PIECE) {
        const to = Math.min(entryCount, from + PIECE);
        const count = kernel.scan(query, Math.floor(radius * radius), first, from, to, results);
        for (let n = 0; n < count; n++) {
          found.push({ entryIndex: pairs[n * 2]!, distance: Math.sqrt(pairs[n * 2 + 1]!) });
        }
      }
      return found.sort(byVectorDistance);
    },
  };
}
