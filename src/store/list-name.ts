/** The names that a list can have: they stand in paths, and in the names of files. */
import { AppError } from '../core/errors.js';
import { NAME_CHARACTERS_MAX } from '../core/limits.js';

const LIST_NAME = new RegExp(`^[a-z0-9][a-z0-9._-]{0,${NAME_CHARACTERS_MAX - 1}}$`);

/** Errors REQUEST_INVALID. */
export function requireListName(name: string): void {
  if (!LIST_NAME.test(name)) throw new AppError('REQUEST_INVALID', { field: 'list', expected: String(LIST_NAME) });
}

/** The error of a name that another list has. */
export const nameTaken = (): AppError =>
  new AppError('REQUEST_INVALID', { field: 'list', why: 'the list exists already' });
