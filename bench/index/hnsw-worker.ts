/** hnswlib-node used as intended: one process builds the graph once and queries it with several values of ef. */
import { answerPlan, EF_CONSTRUCTION, type GraphPlan, type GraphResult, M, NEAREST } from './graph.js';
import { measure } from './measure.js';

const BITS = 256;

const floats = (hash256: Uint8Array) => Array.from({ length: BITS }, (_, bit) => (hash256[bit >> 3]! >> (bit & 7)) & 1);

async function run({ hashes, queries, radiusBits, efs }: GraphPlan): Promise<GraphResult> {
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

answerPlan(run);
