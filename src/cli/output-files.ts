/** Files that a command writes: their places are tried before the work, so that a scan of days does not fail at its summary. */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Argument, Command, Option } from 'commander';
import { AppError } from '../core/errors.js';
import { systemWords } from '../core/system-words.js';
import { isOfKind, type OutputKind } from './output-kinds.js';

/** The kind of file that it may replace; null: it replaces none. */
type Replaces = OutputKind | null;

const OUTPUTS = new WeakMap<Option | Argument, Replaces>();
/** A disk may have room for the name of a file and none for its content. */
const TRIED_BYTES = 4_096;

/** Mark an option or an argument as the name of a file that the command writes. */
export function writesTo<T extends Option | Argument>(place: T, replaces: Replaces): T {
  OUTPUTS.set(place, replaces);
  return place;
}

export const isOutput = (place: Option | Argument): boolean => OUTPUTS.has(place);

/** Return the error of a file that cannot be written, in the words of the system. */
export const unwritable = (field: string, path: string, error: unknown): AppError =>
  new AppError('FILE_UNWRITABLE', { field, path, why: systemWords(error) }, error);

/** An open output. */
interface Opened {
  readonly file: number;
  close(): void;
}

/** Names of what the process has open already. */
const OWN_FILE = /^\/dev\/(?:std(?<name>out|err)|fd\/(?<dev>\d+))$|^\/proc\/self\/fd\/(?<proc>\d+)$/;

/** Return the number of a regular file that the process has open under this name, such as /dev/stdout; null: it is none. */
function ownFile(path: string): number | null {
  const { name, dev, proc } = OWN_FILE.exec(path)?.groups ?? {};
  const number = name === undefined ? (dev ?? proc) : name === 'out' ? '1' : '2';
  if (number === undefined) return null;
  try {
    return fstatSync(Number(number)).isFile() ? Number(number) : null;
  } catch {
    return null;
  }
}

/** Open a named file to write it. One that the process has open is continued: opened once more, it would lose what it holds. Errors: the system's. */
export function openOutput(path: string, mode = 0o666): Opened {
  const own = ownFile(path);
  if (own !== null) return { file: own, close() {} };
  const file = openSync(path, 'w', mode);
  return { file, close: () => closeSync(file) };
}

/** Write a named file. Errors FILE_UNWRITABLE. */
export function writeNamed(field: string, path: string, text: string, mode?: number): void {
  try {
    const { file, close } = openOutput(path, mode);
    try {
      writeFileSync(file, text);
    } finally {
      close();
    }
  } catch (error) {
    throw unwritable(field, path, error);
  }
}

const systemError = (code: string) => Object.assign(new Error(code), { code });

/** Write and remove a small file in a folder. Errors: the system's. */
function tryFolder(folder: string): void {
  const path = join(folder, `.zeef-${randomBytes(6).toString('hex')}`);
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, Buffer.alloc(TRIED_BYTES));
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

/** Try the place of a file; nothing is left there, and what exists is unchanged. Errors: the system's. */
function tryPlace(path: string, replaces: Replaces): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw systemError('EISDIR');
  if (found !== undefined && replaces === null) throw systemError('EEXIST');
  if (found !== undefined) accessSync(path, constants.W_OK);
  // A pipe or a terminal needs no room.
  if (found !== undefined && !found.isFile()) return;
  const folder = dirname(resolve(path));
  if (!statSync(folder).isDirectory()) throw systemError('ENOTDIR');
  // A file that exists may be written in a folder that takes no other.
  if (found === undefined) tryFolder(folder);
}

/** Errors REQUEST_INVALID: a file that is there is of another kind, such as an image of the scan; the system's. */
function requireKind(field: string, path: string, replaces: Replaces): void {
  const isReplaced = statSync(path, { throwIfNoEntry: false })?.isFile() && ownFile(path) === null;
  if (replaces === null || !isReplaced || isOfKind(path, replaces)) return;
  const expected = `another name: this file is no ${replaces}, and is not replaced; or remove it`;
  throw new AppError('REQUEST_INVALID', { field, got: path, expected });
}

/** Return what two names of one file have in common. */
function identityOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (found !== undefined) return `${found.dev}:${found.ino}`;
  const folder = statSync(dirname(resolve(path)), { bigint: true });
  return `${folder.dev}:${folder.ino}/${basename(path)}`;
}

/**
 * Try the files that a command would write; a hook before every command. Errors FILE_UNWRITABLE; REQUEST_INVALID: one file twice, or
 * one of another kind.
 */
export function requireOutputs(command: Command): void {
  const named: (readonly [field: string, path: string, replaces: Replaces])[] = [];
  for (const option of command.options) {
    const replaces = OUTPUTS.get(option);
    const given = [command.getOptionValue(option.attributeName())].flat();
    if (replaces !== undefined)
      for (const path of given) if (typeof path === 'string') named.push([option.long!, path, replaces]);
  }
  for (const [at, argument] of command.registeredArguments.entries()) {
    const replaces = OUTPUTS.get(argument);
    const path: unknown = command.processedArgs[at];
    if (replaces !== undefined && typeof path === 'string') named.push([argument.name(), path, replaces]);
  }
  const seen = new Set<string>();
  for (const [field, path, replaces] of named) {
    try {
      tryPlace(path, replaces);
      requireKind(field, path, replaces);
    } catch (error) {
      throw error instanceof AppError ? error : unwritable(field, path, error);
    }
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
    const identity = identityOf(path);
    if (isFile && seen.has(identity))
      throw new AppError('REQUEST_INVALID', { field, got: path, expected: 'another file: one is named twice' });
    seen.add(identity);
  }
}
