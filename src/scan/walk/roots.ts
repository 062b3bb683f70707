/** Roots of a scan as absolute paths: folders to walk, and single files. */
import { type BigIntStats, lstatSync, realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { joinPath, type PathBytes, systemPath } from '../../core/path-bytes.js';
import type { Anchor, RootAnswer } from './walk-protocol.js';

/** Return the absolute path, normalised. `cwd`: absolute, for a relative path. */
export function absolute(path: PathBytes, cwd: PathBytes): PathBytes {
  // Slashes and dots are bytes of their own, in UTF-8 and in anything else.
  return posix.resolve(cwd, path);
}

/** Inspect a path that an operator gave: links on it are followed. */
export function rootOf(path: PathBytes, followsLinks: boolean): RootAnswer {
  const file = systemPath(path);
  const answer = (type: RootAnswer['type'], status: BigIntStats | null): RootAnswer => ({
    type,
    path,
    real: realOf(path),
    device: BigInt.asUintN(64, status?.dev ?? 0n),
    inode: BigInt.asUintN(64, status?.ino ?? 0n),
  });
  const itself = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  if (!itself) return answer('missing', null);
  const status = statSync(file, { bigint: true, throwIfNoEntry: false });
  if (!status?.isDirectory()) return answer(itself.isFile() ? 'file' : 'other', itself);
  const folder = answer('folder', status);
  return followsLinks ? { ...folder, path: folder.real } : folder;
}

/** Return a path without links on it; the path itself where the system has no answer. */
function realOf(path: PathBytes): PathBytes {
  try {
    return realpathSync.native(systemPath(path), { encoding: 'buffer' }).toString('latin1');
  } catch {
    return path;
  }
}

/** Sort absolute paths into folders to walk and single files. A path that cannot be inspected is a file: the scan reports it. */
export async function sortRoots(
  paths: readonly PathBytes[],
  { oneFileSystem, followsLinks }: { readonly oneFileSystem: boolean; readonly followsLinks: boolean },
  inspect: (path: PathBytes) => Promise<RootAnswer | null>,
): Promise<{ readonly roots: Anchor[]; readonly files: PathBytes[] }> {
  const answers = new Map<PathBytes, RootAnswer | null>();
  for (const path of paths) if (!answers.has(path)) answers.set(path, await inspect(path));
  const folders = [...answers.values()].filter((answer) => answer?.type === 'folder') as RootAnswer[];
  const roots = folders.map(({ path, device, inode }) => ({ path, device, inode }));
  const devices = new Set(roots.map(({ device }) => device));
  // Files that the walk reaches are not checked a second time. It reaches none behind a link that it does not follow.
  const isMet = ({ path, real, device }: RootAnswer) =>
    (!oneFileSystem || devices.has(device)) &&
    folders.some((root) => {
      const inside = joinPath(root.path, '');
      const isPlain = () => real === joinPath(root.real, path.slice(inside.length));
      return path.startsWith(inside) && (followsLinks || isPlain());
    });
  const files = [...answers].flatMap(([path, answer]) =>
    answer?.type === 'folder' || (answer?.type === 'file' && isMet(answer)) ? [] : [path],
  );
  return { roots, files };
}
