/** Files that a command writes: their places are tried before the work, so that a scan of days does not fail at its summary. */
import { randomBytes } from 'node:crypto';
import { accessSync, closeSync, constants, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Argument, Command, Option } from 'commander';
import { AppError } from '../core/errors.js';
import { systemWords } from '../core/system-words.js';

/** `isNew`: a file that exists is not replaced. */
interface How {
  readonly isNew: boolean;
}

const OUTPUTS = new WeakMap<Option | Argument, How>();
/** A disk may have room for the name of a file and none for its content. */
const TRIED_BYTES = 4_096;

/** Mark an option or an argument as the name of a file that the command writes. */
export function writesTo<T extends Option | Argument>(place: T, how: How = { isNew: false }): T {
  OUTPUTS.set(place, how);
  return place;
}

export const isOutput = (place: Option | Argument): boolean => OUTPUTS.has(place);

/** Return the error of a file that cannot be written, in the words of the system. */
export const unwritable = (field: string, path: string, error: unknown): AppError =>
  new AppError('FILE_UNWRITABLE', { field, path, why: systemWords(error) }, error);

/** Write a named file, readable by its owner only. Errors FILE_UNWRITABLE. */
export async function writeNamed(field: string, path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { mode: 0o600 });
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
function tryPlace(path: string, { isNew }: How): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw systemError('EISDIR');
  if (found !== undefined && isNew) throw systemError('EEXIST');
  if (found !== undefined) accessSync(path, constants.W_OK);
  // A pipe or a terminal needs no room.
  if (found !== undefined && !found.isFile()) return;
  const folder = dirname(resolve(path));
  if (!statSync(folder).isDirectory()) throw systemError('ENOTDIR');
  // A file that exists may be written in a folder that takes no other.
  if (found === undefined) tryFolder(folder);
}

/** Try the files that a command would write; a hook before every command. Errors FILE_UNWRITABLE; REQUEST_INVALID: one file twice. */
export function requireOutputs(command: Command): void {
  const named: (readonly [field: string, path: string, how: How])[] = [];
  for (const option of command.options) {
    const how = OUTPUTS.get(option);
    const given = [command.getOptionValue(option.attributeName())].flat();
    if (how) for (const path of given) if (typeof path === 'string') named.push([option.long!, path, how]);
  }
  for (const [at, argument] of command.registeredArguments.entries()) {
    const how = OUTPUTS.get(argument);
    const path: unknown = command.processedArgs[at];
    if (how && typeof path === 'string') named.push([argument.name(), path, how]);
  }
  const seen = new Set<string>();
  for (const [field, path, how] of named) {
    try {
      tryPlace(path, how);
    } catch (error) {
      throw unwritable(field, path, error);
    }
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
    if (isFile && seen.has(resolve(path)))
      throw new AppError('REQUEST_INVALID', { field, got: path, expected: 'another file: one is named twice' });
    seen.add(resolve(path));
  }
}
