/** What the sandbox of a decoder hides: the paths to cover, and what must stay visible in them. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { PACKAGE_ROOT } from '../core/package-root.js';

/** Where other programs keep sockets, keys and start-up files: a decoder that is sent bytes needs none of it. */
const FOLDERS_OF_OTHERS = ['/home', '/root', '/run', '/tmp', '/var/tmp'];
/** Keys in the user's folder: the decoder of a scan, which may see the rest of it, needs them no more than another. */
const KEYS_OF_USER = ['.ssh', '.gnupg'];

/** A path that is hidden, but for `keep` in it. */
export interface Cover {
  readonly path: string;
  readonly keep: readonly string[];
}

interface CoverOptions {
  /** The service's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folders and files that the decoder must not see. */
  readonly hidden: readonly string[];
  /** False: the decoder reads the program only. */
  readonly readsFiles: boolean;
}

const isInside = (path: string, folder: string): boolean => path === folder || path.startsWith(folder + sep);

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Return the folders of the program: its own, and those of its packages. */
export function programFolders(): string[] {
  const folders = new Set([PACKAGE_ROOT]);
  for (let folder = PACKAGE_ROOT; ; folder = dirname(folder)) {
    const packages = join(folder, 'node_modules');
    if (existsSync(packages)) folders.add(packages).add(realPath(packages));
    if (folder === dirname(folder)) return [...folders];
  }
}

/** Return the paths that are in no other of them. */
function outermost(paths: readonly string[]): string[] {
  const all = [...new Set(paths)];
  return all.filter((path) => !all.some((other) => other !== path && isInside(path, other)));
}

/** Return the paths that the decoder needs, with those that links among them lead to. */
function neededPaths(env: CoverOptions['env'], tools: readonly string[]): string[] {
  const preloaded = (env.LD_PRELOAD ?? '').split(/[: ]/).filter((path) => isAbsolute(path));
  // Where Node is built with its libraries beside it.
  const libraries = join(dirname(dirname(process.execPath)), 'lib');
  const names = [process.execPath, libraries, ...tools, ...preloaded, ...programFolders()];
  return [...names, ...names.map(realPath)].filter((path) => existsSync(path));
}

/**
 * Return the covers, in the order in which they are to be put on. The folder of a secret file is covered where nothing else is
 * needed from it: a file that is replaced by another of its name would show through a cover of its own. `tools`: the commands
 * that put the covers on.
 */
export function coversOf({ env, hidden, readsFiles }: CoverOptions, tools: readonly string[]): Cover[] {
  const needed = neededPaths(env, tools);
  const isNeeded = (folder: string) => needed.some((path) => isInside(path, folder));
  const isTop = (folder: string) => dirname(folder) === dirname(dirname(folder));
  const secrets = [...hidden, ...KEYS_OF_USER.map((name) => join(env.HOME ?? '/root', name))];
  const places = secrets.flatMap((path) => [resolve(path), realPath(resolve(path))]).filter((path) => existsSync(path));
  const own = places.map((path) => {
    const folder = dirname(path);
    return realPath(isFolder(path) || isTop(folder) || isNeeded(folder) ? path : folder);
  });
  const others = readsFiles
    ? []
    : outermost(FOLDERS_OF_OTHERS.filter((path) => existsSync(path)).map(realPath))
        .map((path) => ({ path, keep: outermost(needed.filter((each) => isInside(each, path))) }))
        .filter(({ path, keep }) => !keep.includes(path));
  // What is below a cover is covered, except what it keeps.
  const isCovered = (path: string) =>
    others.some(
      (other) => isInside(path, other.path) && !other.keep.some((kept) => isInside(path, kept) || isInside(kept, path)),
    );
  return [
    ...others,
    ...outermost(own)
      .filter((path) => !isCovered(path))
      .map((path) => ({ path, keep: [] })),
  ];
}

/** Return covers as arguments of the scripts. */
export function coverWords(covers: readonly Cover[]): string[] {
  return covers.flatMap(({ path, keep }) => [path, ...keep.map((kept) => `+${kept}`)]);
}

function isFolder(path: string): boolean {
  return statSync(path).isDirectory();
}
