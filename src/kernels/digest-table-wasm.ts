/** Loader of the digest table's kernel, on a memory of the caller; the memory may be shared with other threads. */
import { readFileSync } from 'node:fs';
import { artefact } from '../core/package-root.js';

/** All pointers and sizes are in bytes from the start of the memory; see `assembly/digest-table.ts`. */
export interface DigestTableKernel {
  heapBase(): number;
  build(header: number, block: number): void;
  find(header: number, queries: number, count: number, heads: number, block: number): void;
}

let compiled: WebAssembly.Module | undefined;

export function loadDigestTableKernel(memory: WebAssembly.Memory): DigestTableKernel {
  compiled ??= new WebAssembly.Module(readFileSync(artefact('wasm', 'digest-table.wasm')));
  const abort = () => {
    throw new Error('digest table kernel aborted');
  };
  return new WebAssembly.Instance(compiled, { env: { memory, abort } }).exports as unknown as DigestTableKernel;
}
