/** Parsers of option values of `zeef lists`. */

import { InvalidArgumentError } from 'commander';
import { LIST_ENTRY_DAYS_MAX, LIST_WORDS_MAX } from '../core/limits.js';
import { parseTime } from '../core/period.js';
import { wholeOf } from '../core/plain-number.js';
import type { Algorithm } from '../core/vocabulary.js';
import { algorithmNamed } from '../hashlists/normalise.js';

/** Words that clear a setting. */
export const NEVER = 'never';
export const ALL = 'all';

export function algorithm(name: string): Algorithm {
  const known = algorithmNamed(name);
  if (!known) throw new InvalidArgumentError('unknown algorithm');
  return known;
}

/** Parse `A1=sexual,A2=other`; `none` clears the terms. */
export function words(text: string): Record<string, string> {
  if (text === 'none') return {};
  const pairs = text.split(',').map((pair) => pair.split('=').map((word) => word.trim()));
  const isGood = pairs.length <= LIST_WORDS_MAX && pairs.every(([from, to, more]) => from && to && more === undefined);
  if (!isGood) throw new InvalidArgumentError('expected the form A1=word,A2=word');
  return Object.fromEntries(pairs as [string, string][]);
}

/** Parse the `importedAt` of a version, as the store writes it. */
export function importTime(text: string): string {
  const ms = parseTime(text);
  if (ms === null) throw new InvalidArgumentError('expected a time as lists versions shows it');
  return new Date(ms).toISOString();
}

/** `never` stays a word: commander takes null for no value. */
export function expiry(text: string): string {
  if (text === NEVER) return text;
  const ms = parseTime(text);
  if (ms === null) throw new InvalidArgumentError('expected a time, for example 2027-01-01T00:00:00Z');
  return new Date(ms).toISOString();
}

/** `all` stays a word, as `never` does. */
export function days(text: string): number | typeof ALL {
  if (text === ALL) return text;
  const count = wholeOf(text);
  if (!(Number.isInteger(count) && count >= 1 && count <= LIST_ENTRY_DAYS_MAX))
    throw new InvalidArgumentError(`expected a number of days in 1..${LIST_ENTRY_DAYS_MAX}`);
  return count;
}
