/** Two trees of images, and the time that a scan takes for each image of the larger one: starting is in neither. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Service } from '../src/service/service.js';
import { medianOf, startTreeClock } from './processor.js';
import { runScan } from './scan-run.js';

const MS = 1_000;

/** Processor time and wall time of an image. */
export interface ImageSpent {
  readonly processorMs: number;
  readonly wallMs: number;
}

export interface ImageTrees {
  readonly few: string;
  readonly many: string;
}

export const medianSpentOf = (spent: readonly ImageSpent[]): ImageSpent => ({
  processorMs: medianOf(spent.map(({ processorMs }) => processorMs)),
  wallMs: medianOf(spent.map(({ wallMs }) => wallMs)),
});

/**
 * Write two trees of so many images into a folder of the run, and let others read them: the decoder of a scan by root is another user,
 * to which the bytes of private files are sent.
 */
export function writeTrees(
  folder: string,
  pictures: readonly Buffer[],
  counts: Readonly<Record<keyof ImageTrees, number>>,
): ImageTrees {
  const trees = { few: join(folder, 'few'), many: join(folder, 'many') };
  for (const path of [tmpdir(), folder]) chmodSync(path, 0o711);
  for (const name of ['few', 'many'] as const) {
    mkdirSync(trees[name]);
    for (let n = 0; n < counts[name]; n++) {
      // Bytes after the image: the files differ, so that none is found by the digest of another.
      const tail = Buffer.from(`${name} ${n}`);
      writeFileSync(join(trees[name], `${n}.jpg`), Buffer.concat([pictures[n % pictures.length]!, tail]));
    }
  }
  return trees;
}

/** Scan both trees, after one that warms up. Result: the medians of their differences. */
export async function spentScanning(service: Service, { few, many }: ImageTrees, trials: number): Promise<ImageSpent> {
  const measure = async (folder: string) => {
    // A service's threads are of this process, its decoder and walk processes below it.
    const stop = startTreeClock();
    const { checked } = await runScan(service, folder);
    const { seconds, processorSeconds } = stop();
    return { checked, wallMs: seconds * MS, processorMs: processorSeconds * MS };
  };
  await measure(many);
  const spent: ImageSpent[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const [short, long] = [await measure(few), await measure(many)];
    const images = long.checked - short.checked;
    spent.push({
      processorMs: (long.processorMs - short.processorMs) / images,
      wallMs: (long.wallMs - short.wallMs) / images,
    });
  }
  return medianSpentOf(spent);
}
