/** hnswlib-node used as intended: one worker thread builds the graph once and queries it with several values of ef. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Measured } from './measure.js';
import { measure } from './measure.js';

export interface HnswPlan {
  readonly hashes: Uint8Array;
  readonly queries: Uint8Array;
  readonly radiusBits: number;
  readonly efs: readonly number[];
}

export interface HnswResult {
  readonly buildSeconds: number;
  /** Growth of the process's memory during the build. */
  readonly bytes: number;
  readonly byEf: readonly { readonly ef: number; readonly measured: Measured }[];
}

const BITS = 256;
const M = 16;
const EF_CONSTRUCTION = 200;
/** HNSW returns the nearest k; a query of this bench has one match, or a few. */
const NEAREST = 10;

const floats = (hash256: Uint8Array) => Array.from({ length: BITS }, (_, bit) => (hash256[bit >> 3]! >> (bit & 7)) & 1);

async function run({ hashes, queries, radiusBits, efs }: HnswPlan): Promise<HnswResult> {
  const { default: hnswlib } = await import('hnswlib-node');
  const entries = hashes.length / 32;
  const before = process.memoryUsage().rss;
  const startedMs = performance.now();
  const graph = new hnswlib.HierarchicalNSW('l2', BITS);
  graph.initIndex(entries, M, EF_CONSTRUCTION);
  for (let at = 0; at < entries; at++) graph.addPoint(floats(hashes.subarray(at * 32, at * 32 + 32)), at);
  const buildSeconds = (performance.now() - startedMs) / 1000;
  const bytes = process.memoryUsage().rss - before;
  const byEf = efs.map((ef) => {
    graph.setEf(ef);
    const measured = measure(queries, (hash256) => {
      const { neighbors, distances } = graph.searchKnn(floats(hash256), Math.min(NEAREST, entries));
      return neighbors
        .map((entryIndex, at) => ({ entryIndex, distanceBits: Math.round(distances[at]!) }))
        .filter(({ distanceBits }) => distanceBits <= radiusBits);
    });
    return { ef, measured };
  });
  return { buildSeconds, bytes, byEf };
}

// The main thread imports only the types.
if (parentPort) parentPort.postMessage(await run(workerData as HnswPlan));
