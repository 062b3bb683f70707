/** Roots of a scan as absolute paths: folders to walk, and single files. */
import { lstat, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { joinPath, type PathBytes, pathBytesOf, systemPath, textOf } from '../../core/path-bytes.js';

/** Return the absolute path, normalised. `cwd`: absolute, for a relative path. */
export function absolute(path: PathBytes, cwd: PathBytes): PathBytes {
  if (path.startsWith('/') && !/\/\.{0,2}(\/|$)/.test(path)) return path;
  const text = textOf(path);
  // A path that is not UTF-8 is made absolute by its bytes, and not normalised.
  if (text === null) return path.startsWith('/') ? path : `${cwd}/${path}`;
  return pathBytesOf(resolve(textOf(cwd) ?? '/', text));
}

const isFile = (path: PathBytes) =>
  lstat(systemPath(path)).then(
    (status) => status.isFile(),
    () => false,
  );

/** Sort absolute paths into folders to walk and single files. */
export async function sortRoots(
  paths: readonly PathBytes[],
  followsLinks: boolean,
): Promise<{ readonly roots: PathBytes[]; readonly files: PathBytes[] }> {
  const roots: PathBytes[] = [];
  const files: PathBytes[] = [];
  for (const path of paths) {
    const status = await stat(systemPath(path)).catch(() => null);
    if (!status?.isDirectory()) files.push(path);
    else
      roots.push(followsLinks ? (await realpath(systemPath(path), { encoding: 'buffer' })).toString('latin1') : path);
  }
  // Files that the walk reaches are not checked a second time.
  const isMet = (file: PathBytes) => roots.some((root) => file.startsWith(joinPath(root, '')));
  const there = await Promise.all([...new Set(files)].map(async (file) => ({ file, isThere: await isFile(file) })));
  return { roots, files: there.flatMap(({ file, isThere }) => (isThere && isMet(file) ? [] : [file])) };
}
