/** Filter of files and folders by name. A pattern without a slash is matched against the last name only. */
import picomatch from 'picomatch';
import { AppError } from '../../core/errors.js';
import { type PathBytes, textOf } from '../../core/path-bytes.js';

export interface NameFilter {
  takesFile(path: PathBytes): boolean;
  takesFolder(path: PathBytes): boolean;
}

type Test = (path: string) => boolean;

function testOf(pattern: string): Test {
  if (pattern === '') throw new AppError('REQUEST_INVALID', { field: 'pattern', got: pattern });
  const matches = picomatch(pattern, { dot: true });
  return pattern.includes('/') ? matches : (path) => matches(path.slice(path.lastIndexOf('/') + 1));
}

/** Create a filter. `exclude` wins, and a folder that it matches is not entered. Errors REQUEST_INVALID. */
export function createNameFilter(include: readonly string[], exclude: readonly string[]): NameFilter {
  const included = include.map(testOf);
  const excluded = exclude.map(testOf);
  if (included.length + excluded.length === 0) return { takesFile: () => true, takesFolder: () => true };
  // A name that is not UTF-8 is matched byte by byte.
  const isExcluded = (path: string) => excluded.some((test) => test(path));
  return {
    takesFile(bytes) {
      const path = textOf(bytes) ?? bytes;
      return (included.length === 0 || included.some((test) => test(path))) && !isExcluded(path);
    },
    takesFolder: (bytes) => !isExcluded(textOf(bytes) ?? bytes),
  };
}
