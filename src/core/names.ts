/** Names in one text, separated by commas: of lists, of members. */
import { AppError } from './errors.js';

/** Return the names without the spaces around them. Errors REQUEST_INVALID: an empty name, which would ask for something else. */
export function namesFrom(text: string, field: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes(''))
    throw new AppError('REQUEST_INVALID', { field, got: text.slice(0, 200), expected: 'names, separated by commas' });
  return names;
}
