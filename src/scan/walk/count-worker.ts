/** Thread that counts the files of a scan by their names alone, for the estimate in the progress. */
import { type Dirent, opendirSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { joinPath, type PathBytes, pathBytesOf, systemPath } from '../../core/path-bytes.js';
import { createNameFilter, type NamePatterns } from './globs.js';

export interface CountTask extends NamePatterns {
  readonly roots: readonly PathBytes[];
}

export interface CountNote {
  readonly files: number;
  readonly isWhole: boolean;
}

const { roots, ...patterns } = workerData as CountTask;
const filter = createNameFilter(patterns, roots);
/** Files between two notes. */
const NOTE_EVERY = 100_000;
let files = 0;

/** Count depth first, so that only one folder per level is open. */
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
    // Removed while it was listed: the scan itself reports it.
  } finally {
    folder.closeSync();
  }
}

for (const root of roots) count(root);
parentPort?.postMessage({ files, isWhole: true } satisfies CountNote);
