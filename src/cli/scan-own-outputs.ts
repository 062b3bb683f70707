/** Files that a scan writes itself: in a scanned tree they are no part of it. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { type PathBytes, pathBytesOf } from '../core/path-bytes.js';
import { isBucketPath } from '../scan/bucket/bucket-paths.js';
import { INVENTORY_FILE } from '../service/open-stores.js';
import type { OutputFlags } from './scan-output.js';

/** SQLite's own files beside a database. */
const INVENTORY_ENDS = ['', '-wal', '-shm', '-journal'];

/** Return a path without links on it; null: nothing is there. */
function realOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

/** Return the paths of a file that may not be there yet: as it is named, and without links. */
function pathsOf(path: string, cwd: string): string[] {
  const named = resolve(cwd, path);
  const folder = realOf(dirname(named));
  return [named, realOf(named), folder === null ? null : join(folder, basename(named))].filter((one) => one !== null);
}

/** Return the outputs of a scan as absolute paths, also as a walk meets them below a path with links on it. */
export function ownOutputs(
  paths: readonly string[],
  { report, summary = [], quarantine, resume }: OutputFlags & { readonly resume?: string },
  cwd: string,
): ReadonlySet<PathBytes> {
  const kept = resume === undefined ? [] : INVENTORY_ENDS.map((end) => join(resume, `${INVENTORY_FILE}${end}`));
  const named = [report, quarantine, ...summary, ...kept].filter((path) => path !== undefined);
  // A report without a name may be in a file by the shell.
  const stdout = realOf('/dev/stdout');
  const outputs = new Set([...named.flatMap((path) => pathsOf(path, cwd)), ...(stdout === null ? [] : [stdout])]);
  for (const path of paths.filter((one) => !isBucketPath(pathBytesOf(one)))) {
    const root = resolve(cwd, path);
    const real = realOf(root);
    if (real === null || real === root) continue;
    for (const output of [...outputs])
      if (output === real || output.startsWith(join(real, sep))) outputs.add(join(root, output.slice(real.length)));
  }
  return new Set([...outputs].map(pathBytesOf));
}
