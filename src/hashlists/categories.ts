/** Categories that an import takes, as its caller chose them. */
import { AppError } from '../core/errors.js';

/** A category with the region that defines it: `US/1`. */
const REGIONAL = /^[a-z]{2,8}\//;

const folded = (category: string) => category.trim().toLowerCase();

/** Parse `1,2` or `US/1,UK/1`. Errors HASHLIST_INVALID: an empty name. */
export function parseCategories(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new AppError('HASHLIST_INVALID', { categories: text, expected: '1,2 or US/1' });
  return names;
}

/** Return whether a row's category is one of `chosen`, in either case; a name without a region is that of every region. */
export function isChosen(category: string | null, chosen: readonly string[]): boolean {
  if (category === null) return false;
  const own = folded(category);
  const inAnyRegion = own.replace(REGIONAL, '');
  return chosen.map(folded).some((name) => name === own || name === inAnyRegion);
}
