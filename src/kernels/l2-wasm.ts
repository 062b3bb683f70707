/** Loader of the vector scan's kernel, on a memory of the caller. */
import { readFileSync } from 'node:fs';
import { artefact } from '../core/package-root.js';

/** All pointers are in bytes from the start of the memory; see `assembly/l2.ts`. */
interface L2Kernel {
  heapBase(): number;
  scan(query: number, most: number, vectors: number, from: number, to: number, results: number): number;
}

let compiled: WebAssembly.Module | undefined;

export function loadL2Kernel(memory: WebAssembly.Memory): L2Kernel {
  compiled ??= new WebAssembly.Module(readFileSync(artefact('wasm', 'l2.wasm')));
  const abort = () => {
    throw new Error('vector kernel aborted');
  };
  return new WebAssembly.Instance(compiled, { env: { memory, abort } }).exports as unknown as L2Kernel;
}
