/** Process that counts the files of a scan by their names alone, for the estimate in the progress. */
import { type Dirent, opendirSync } from 'node:fs';
import { joinPath, type PathBytes, pathBytesOf, systemPath } from '../../core/path-bytes.js';
import { createNameFilter, type NameFilter, type NamePatterns } from './globs.js';
import { rootOf } from './roots.js';

export interface CountTask extends NamePatterns {
  /** Absolute. */
  readonly paths: readonly PathBytes[];
  readonly followsLinks: boolean;
}

export interface CountNote {
  readonly files: number;
  readonly isWhole: boolean;
}

/** Files between two notes. */
const NOTE_EVERY = 100_000;
let files = 0;

/** Count depth first, so that only one folder per level is open. */
function count(path: PathBytes, filter: NameFilter): void {
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
        if (filter.takesFolder(inside)) count(inside, filter);
      } else if (entry.isFile() && filter.takesFile(inside) && ++files % NOTE_EVERY === 0) {
        process.send?.({ files, isWhole: false } satisfies CountNote);
      }
    }
  } catch {
    // Removed while it was listed: the scan itself reports it.
  } finally {
    folder.closeSync();
  }
}

process.once('message', ({ paths, followsLinks, ...patterns }: CountTask) => {
  try {
    const folders = paths.map((path) => rootOf(path, followsLinks)).filter(({ type }) => type === 'folder');
    const roots = folders.map(({ path }) => path);
    const filter = createNameFilter(patterns, roots);
    for (const root of roots) count(root, filter);
    process.send?.({ files, isWhole: true } satisfies CountNote);
  } catch {
    // Without a count there is no estimate.
  }
  process.disconnect();
});
// The scan decides when this process ends; a Ctrl-C in the terminal reaches the whole group.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
