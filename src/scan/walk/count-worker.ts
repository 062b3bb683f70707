/** A thread that counts what a scan will meet, by names alone, so that progress can say how long it will take. */
import { type Dirent, opendirSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { joinPath, type PathBytes, pathBytesOf, systemPath } from '../../core/path-bytes.js';
import { createNameFilter } from './globs.js';

export interface CountTask {
  readonly roots: readonly PathBytes[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export interface CountNote {
  readonly files: number;
  readonly isWhole: boolean;
}

const { roots, include, exclude } = workerData as CountTask;
const filter = createNameFilter(include, exclude);
/** Files between two notes. */
const NOTE_EVERY = 100_000;
let files = 0;

/** Depth first, so that no more is held than one open folder a level. */
function count(path: PathBytes): void {
  let folder: ReturnType<typeof opendirSync>;
  try {
    folder = opendirSync(systemPath(path), { encoding: 'buffer' as BufferEncoding, bufferSize: 1_024 });
  } catch {
    return;
  }
  try {
    for (let entry: Dirent | null = folder.readSync(); entry !== null; entry = folder.readSync()) {
      const inside = joinPath(path, pathBytesOf(entry.name));
      if (entry.isDirectory()) {
        if (filter.takesFolder(inside)) count(inside);
      } else if (entry.isFile() && filter.takesFile(inside) && ++files % NOTE_EVERY === 0) {
        parentPort?.postMessage({ files, isWhole: false } satisfies CountNote);
      }
    }
  } catch {
    // Gone while it was listed: the scan itself tells it.
  } finally {
    folder.closeSync();
  }
}

for (const root of roots) count(root);
parentPort?.postMessage({ files, isWhole: true } satisfies CountNote);
