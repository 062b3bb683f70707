/** Paths from a list that may be larger than memory, each ended by a byte: 10 or 0. */
import { AppError } from '../../core/errors.js';
import { type PathBytes, pathBytesOf } from '../../core/path-bytes.js';
import { systemWords } from '../../core/system-words.js';

interface FileList {
  readonly source: AsyncIterable<Uint8Array | string>;
  /** 0: the paths are exact. 10: lines, as an editor may have written them. */
  readonly end: 0 | 10;
  readonly pathBytesMax: number;
  /** Return whether a path is there: a carriage return at the end of a line may be of the name. */
  readonly exists: (path: PathBytes) => Promise<boolean>;
}

/** UTF-8 byte order mark, written by editors before the first line. */
const MARK: PathBytes = '\xef\xbb\xbf';

/** Read the paths. Errors REQUEST_INVALID: a path over `pathBytesMax`, a zero byte in a line; FILE_UNREADABLE: the list cannot be read. */
export async function* readPaths(list: FileList): AsyncGenerator<PathBytes> {
  const { end, exists } = list;
  let isFirst = true;
  for await (const entry of entriesOf(list)) {
    if (end === 0) {
      if (entry !== '') yield entry;
      continue;
    }
    const line = isFirst && entry.startsWith(MARK) ? entry.slice(MARK.length) : entry;
    isFirst = false;
    // No path has one: the list is ended by zero bytes, or written in UTF-16.
    if (line.includes('\0'))
      throw invalid('lines without zero bytes, not in UTF-16; --null for paths ended by zero bytes');
    const path = await withoutReturn(line, exists);
    if (path !== '') yield path;
  }
}

/** Return the path of a line. A carriage return at its end is of the line, unless a file has this very name. */
async function withoutReturn(line: PathBytes, exists: FileList['exists']): Promise<PathBytes> {
  if (!line.endsWith('\r')) return line;
  const path = line.slice(0, -1);
  return path !== '' && (await exists(line)) ? line : path;
}

const invalid = (expected: string) => new AppError('REQUEST_INVALID', { field: 'files-from', expected });

async function* entriesOf({ source, end, pathBytesMax }: FileList): AsyncGenerator<PathBytes> {
  const mark = String.fromCharCode(end);
  let rest: PathBytes = '';
  try {
    for await (const chunk of source) {
      const entries = (rest + pathBytesOf(chunk)).split(mark);
      rest = entries.pop()!;
      if (rest.length > pathBytesMax) throw invalid(`paths of at most ${pathBytesMax} bytes`);
      yield* entries;
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('FILE_UNREADABLE', { why: systemWords(error) }, error);
  }
  if (rest !== '') yield rest;
}
