/** Filter of files and folders by patterns for their names. */
import { joinPath, type PathBytes, textOf } from '../../core/path-bytes.js';
import { type NamePattern, type ParsedPattern, parsePattern } from './pattern.js';

export interface NamePatterns {
  readonly include: readonly NamePattern[];
  readonly exclude: readonly NamePattern[];
  /** Absolute paths of files that are taken by no pattern: the scan writes them itself. */
  readonly outputs?: ReadonlySet<PathBytes>;
}

export interface NameFilter {
  takesFile(path: PathBytes): boolean;
  takesFolder(path: PathBytes): boolean;
  /** Return the patterns to include that have matched no file yet. */
  unmatched(): string[];
}

/** Return a path as text; a name that is not UTF-8 is matched byte by byte. */
const shown = (path: PathBytes) =>
  textOf(path) ??
  path
    .split('/')
    .map((name) => textOf(name) ?? name)
    .join('/');
const lastName = (path: string) => path.slice(path.lastIndexOf('/') + 1);

type Test = (path: string, isFolder: boolean) => boolean;

function testOf(
  { regex, isAnchored, isFolderOnly, base }: ParsedPattern,
  roots: readonly string[],
  anyCase: boolean,
): Test {
  const folded = (path: string) => (anyCase ? path.toLowerCase() : path);
  // A path below a root is meant as it is; any other one begins at each root, as in .gitignore.
  const isAbsolute = base !== null && roots.some((root) => `${folded(base)}/`.startsWith(folded(joinPath(root, ''))));
  const tops = isAbsolute ? ['/'] : roots.map((root) => joinPath(root, ''));
  const matches = !isAnchored
    ? (path: string) => regex.test(lastName(path))
    : (path: string) => tops.some((top) => path.startsWith(top) && regex.test(path.slice(top.length)));
  return (path, isFolder) => (isFolder || !isFolderOnly) && matches(path);
}

/** Return the folders between a root and a path. */
function foldersAbove(path: string, roots: readonly string[]): string[] {
  const tops = roots
    .map((root) => joinPath(root, '').length)
    .filter((_, at) => path.startsWith(joinPath(roots[at]!, '')));
  const folders: string[] = [];
  for (let end = path.lastIndexOf('/'); end > Math.min(...tops); end = path.lastIndexOf('/', end - 1)) {
    folders.push(path.slice(0, end));
  }
  return folders;
}

/**
 * Create a filter. `exclude` wins, and a folder that it matches is not entered. `roots`: absolute, of the scan; patterns with
 * a slash begin at them. Errors REQUEST_INVALID.
 */
export function createNameFilter(patterns: NamePatterns, roots: readonly PathBytes[]): NameFilter {
  const { outputs = new Set() } = patterns;
  const filter = patternFilter(patterns, roots);
  return outputs.size === 0 ? filter : { ...filter, takesFile: (path) => !outputs.has(path) && filter.takesFile(path) };
}

function patternFilter({ include, exclude }: NamePatterns, roots: readonly PathBytes[]): NameFilter {
  const tops = roots.map(shown);
  const testsOf = (pattern: NamePattern): Test => {
    const tests = parsePattern(pattern).map((parsed) => testOf(parsed, tops, pattern.anyCase));
    return (path, isFolder) => tests.some((test) => test(path, isFolder));
  };
  const included = include.map((pattern) => ({ glob: pattern.glob, test: testsOf(pattern), hasMatched: false }));
  const excluded = exclude.map(testsOf);
  if (included.length + excluded.length === 0) {
    return { takesFile: () => true, takesFolder: () => true, unmatched: () => [] };
  }
  const isExcluded = (path: string, isFolder: boolean) => excluded.some((test) => test(path, isFolder));
  const isIncluded = (path: string): boolean => {
    let isTaken = included.length === 0;
    for (const one of included) {
      if (isTaken && one.hasMatched) continue;
      // A pattern that matches a folder stands for all that is inside.
      if (!one.test(path, false) && !foldersAbove(path, tops).some((folder) => one.test(folder, true))) continue;
      one.hasMatched = true;
      isTaken = true;
    }
    return isTaken;
  };
  return {
    takesFile(bytes) {
      const path = shown(bytes);
      return isIncluded(path) && !isExcluded(path, false);
    },
    takesFolder: (bytes) => !isExcluded(shown(bytes), true),
    unmatched: () => included.filter(({ hasMatched }) => !hasMatched).map(({ glob }) => glob),
  };
}
