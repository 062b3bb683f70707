/** usearch with its own binary vectors and Hamming metric: one process builds the graph once, with one thread. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '../temp-folder.js';
import { answerPlan, EF_CONSTRUCTION, type GraphPlan, type GraphResult, M, NEAREST } from './graph.js';
import { measure } from './measure.js';

const BITS = 256;
const ADDED_AT_ONCE = 1_000;
const THREADS = 1;

/** Write the bits of hashes as values of 0 and 1, which usearch packs again: it takes no packed vectors from JavaScript. */
function spread(hashes: Uint8Array, values: Int8Array): Int8Array {
  for (let bit = 0; bit < hashes.length * 8; bit++) values[bit] = (hashes[bit >> 3]! >> (bit & 7)) & 1;
  return values;
}

async function run({ hashes, queries, radiusBits, efs }: GraphPlan): Promise<GraphResult> {
  const { Index } = await import('usearch');
  const withWidth = (ef: number) =>
    new Index({
      dimensions: BITS,
      metric: 'hamming',
      quantization: 'b1',
      connectivity: M,
      expansion_add: EF_CONSTRUCTION,
      expansion_search: ef,
    });
  const entries = hashes.length / 32;
  const before = process.memoryUsage().rss;
  const startedMs = performance.now();
  const graph = withWidth(efs[0]!);
  for (let from = 0; from < entries; from += ADDED_AT_ONCE) {
    const some = hashes.subarray(from * 32, (from + ADDED_AT_ONCE) * 32);
    const keys = BigUint64Array.from({ length: some.length / 32 }, (_, at) => BigInt(from + at));
    graph.add(keys, spread(some, new Int8Array(some.length * 8)), THREADS);
  }
  const buildSeconds = (performance.now() - startedMs) / 1000;
  const bytes = process.memoryUsage().rss - before;
  // The width of the search is set when an index is made: the others load the graph of the first.
  const folder = tempFolder('usearch');
  const file = join(folder, 'graph');
  graph.save(file);
  const values = new Int8Array(BITS);
  const byEf = efs.map((ef) => {
    const index = withWidth(ef);
    index.load(file);
    const measured = measure(queries, (hash256) => {
      const { keys, distances } = index.search(spread(hash256, values), Math.min(NEAREST, entries), THREADS);
      return Array.from(keys, (key, at) => ({ entryIndex: Number(key), distanceBits: distances[at]! })).filter(
        ({ distanceBits }) => distanceBits <= radiusBits,
      );
    });
    return { ef, measured };
  });
  rmSync(folder, { recursive: true });
  return { buildSeconds, bytes, byEf };
}

answerPlan(run);
