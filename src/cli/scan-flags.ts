/** Flags of `zeef scan`, and the values that a scan reads from them. */

import { createReadStream, openSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { AppError } from '../core/errors.js';
import { type PathBytes, pathBytesOf, systemPath } from '../core/path-bytes.js';
import { decimalOf } from '../core/plain-number.js';
import { systemWords } from '../core/system-words.js';
import type { ScanRequest } from '../scan/scan-request.js';
import type { ThrottleOptions } from '../scan/throttle.js';
import { readPaths } from '../scan/walk/file-list.js';
import { type NamePattern, parsePattern } from '../scan/walk/pattern.js';
import type { CliContext, ImageCheckFlags } from './context.js';
import type { OutputFlags } from './scan-output.js';
import { ownOutputs } from './scan-own-outputs.js';

/** A path in a list of files: Linux accepts 4,096 bytes; a longer line is not a path. */
const FILE_LIST_PATH_BYTES_MAX = 65_536;

export interface ScanFlags extends ImageCheckFlags, OutputFlags {
  readonly filesFrom?: string;
  readonly null?: boolean;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly iinclude?: readonly string[];
  readonly iexclude?: readonly string[];
  readonly oneFileSystem?: boolean;
  readonly follow?: boolean;
  readonly digestAll?: boolean;
  readonly archives?: boolean;
  readonly prune?: boolean;
  readonly stallSeconds: string;
  readonly retryFailed?: boolean;
  readonly etagsOnly?: boolean;
  readonly resume?: string;
  readonly rematch?: string;
  readonly newEntries?: boolean;
  readonly maxRate?: string;
  readonly pauseFile?: string;
  readonly maxLoad?: string;
  readonly idle?: boolean;
  readonly count?: boolean;
  readonly progressSeconds: string;
  readonly join?: string;
  readonly again?: boolean;
  readonly forget?: boolean;
  readonly server?: string;
  readonly key?: string;
}

/** Return the error of a flag: its name, the text that was given, and the form that is expected. */
export const invalid = (field: string, got: string, expected: string) =>
  new AppError('REQUEST_INVALID', { field, got, expected });

/** `500` is files a second, `50MB` megabytes a second; both, with a comma between. Errors REQUEST_INVALID. */
export function ratesFrom(text: string | undefined): Pick<ThrottleOptions, 'filesPerSecond' | 'bytesPerSecond'> {
  const rates = { filesPerSecond: null as number | null, bytesPerSecond: null as number | null };
  for (const part of text?.split(',') ?? []) {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(MB)?$/i.exec(part.trim()) ?? [];
    if (amount === undefined || Number(amount) <= 0)
      throw invalid('max-rate', part, 'files (500) or megabytes (50MB) a second');
    if (unit === undefined) rates.filesPerSecond = Number(amount);
    else rates.bytesPerSecond = Number(amount) * 1_000_000;
  }
  return rates;
}

/** Return a number above 0, or null where none was given. Errors REQUEST_INVALID. */
export function positive(field: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = decimalOf(text);
  if (!(value > 0)) throw invalid(field, text, 'a number above 0');
  return value;
}

/** Return the throttle options of the flags. Errors REQUEST_INVALID. */
export function throttleOptions({ maxRate, pauseFile, maxLoad }: ScanFlags): ThrottleOptions {
  return { ...ratesFrom(maxRate), pauseFile: pauseFile ?? null, loadMax: positive('max-load', maxLoad) };
}

/** Return the request of a scan. The file of `--files-from` is opened here and read by the scan. */
export function scanRequest(
  paths: readonly string[],
  flags: ScanFlags,
  { stdin, cwd, ...checked }: Pick<ScanRequest, 'orientations' | 'frames'> & Pick<CliContext, 'stdin' | 'cwd'>,
): ScanRequest {
  return {
    paths: paths.map(pathBytesOf),
    cwd: pathBytesOf(cwd()),
    filesFrom: flags.filesFrom === undefined ? null : listOf(flags, stdin),
    include: patternsOf(flags.include, flags.iinclude),
    exclude: patternsOf(flags.exclude, flags.iexclude),
    outputs: ownOutputs(paths, flags, cwd()),
    oneFileSystem: flags.oneFileSystem ?? false,
    followsLinks: flags.follow ?? false,
    etagsOnly: flags.etagsOnly ?? false,
    // A listed MD5 may be of a file that is no image.
    digestsAll: flags.digestAll ?? flags.etagsOnly ?? false,
    retriesFailed: flags.retryFailed ?? false,
    archives: flags.archives ?? false,
    prunes: flags.prune ?? false,
    stallMs: positive('stall-seconds', flags.stallSeconds)! * 1_000,
    ...checked,
  };
}

/** Return the patterns of two flags. Errors REQUEST_INVALID, before a scan begins. */
function patternsOf(exact: readonly string[] = [], anyCase: readonly string[] = []): NamePattern[] {
  const patterns = [
    ...exact.map((glob) => ({ glob, anyCase: false })),
    ...anyCase.map((glob) => ({ glob, anyCase: true })),
  ];
  for (const pattern of patterns) parsePattern(pattern);
  return patterns;
}

/** Errors FILE_UNREADABLE. */
function openListed(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', { path, why: systemWords(error) }, error);
  }
}

function listOf({ filesFrom, null: endsWithZero }: ScanFlags, stdin: CliContext['stdin']): AsyncIterable<PathBytes> {
  // Opened at once: the scan reads it last.
  const source = filesFrom === '-' ? stdin() : createReadStream('', { fd: openListed(filesFrom!) });
  return readPaths({
    source,
    end: endsWithZero ? 0 : 10,
    pathBytesMax: FILE_LIST_PATH_BYTES_MAX,
    exists: (path) =>
      lstat(systemPath(path)).then(
        () => true,
        () => false,
      ),
  });
}
