/** Paths from a list that may be larger than memory, each ended by a byte: 10 or 0. */
import { AppError } from '../../core/errors.js';
import { type PathBytes, pathBytesOf } from '../../core/path-bytes.js';

/** Read the paths. Errors REQUEST_INVALID: a path over `pathBytesMax`; FILE_UNREADABLE: the list cannot be read. */
export async function* readPaths(
  source: AsyncIterable<Uint8Array | string>,
  end: 0 | 10,
  pathBytesMax: number,
): AsyncGenerator<PathBytes> {
  const mark = String.fromCharCode(end);
  let rest: PathBytes = '';
  try {
    for await (const chunk of source) {
      const paths = (rest + pathBytesOf(chunk)).split(mark);
      rest = paths.pop()!;
      if (rest.length > pathBytesMax)
        throw new AppError('REQUEST_INVALID', {
          field: 'files-from',
          expected: `paths of at most ${pathBytesMax} bytes`,
        });
      for (const path of paths) if (path !== '') yield path;
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('FILE_UNREADABLE', { why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
  if (rest !== '') yield rest;
}
