/** Facts of contents of Meta's HMA that have no place in an entry, for the report of an import. */
import { AppError } from '../core/errors.js';

export interface HmaFacts {
  /** The bank that was read. */
  readonly bank: string;
  /** Share of the checks in which it counted; null if the file does not say it. */
  readonly ratio: number | null;
  readonly contents: number;
  /** Contents that a person disabled for ever: they are no entries. */
  readonly disabledForEver: number;
  /** Contents whose note or metadata is too long, or holds a value. */
  readonly notesLeftOut: number;
  /** Signals of types that are not read, by type. */
  readonly otherTypes: Readonly<Record<string, number>>;
  /** Names of the exchanges in the file, of whatever bank. */
  readonly exchanges: readonly string[];
}

/** Names of types or exchanges that are reported: an installation has a handful. */
export const HMA_NAMES_MAX = 100;
/** A type as HMA and its extensions name them: too short for a value. */
const TYPE_NAME = /^[a-z][a-z0-9_-]{0,30}$/i;
/** In place of other names, and of further ones. */
const FURTHER = 'others';

/** Count a signal of a type that is not read. */
export function countType(types: Map<string, number>, name: string, count = 1): void {
  const counted = types.has(name) || (types.size < HMA_NAMES_MAX && TYPE_NAME.test(name)) ? name : FURTHER;
  types.set(counted, (types.get(counted) ?? 0) + count);
}

/** Return the facts of several files of one bank. Errors HASHLIST_INVALID: of several banks. */
export function joinedFacts(all: readonly HmaFacts[]): HmaFacts | null {
  const [first] = all;
  if (first === undefined) return null;
  const banks = [...new Set(all.map(({ bank }) => bank))];
  if (banks.length > 1) throw severalBanks(banks);
  const sum = (of: (one: HmaFacts) => number) => all.reduce((total, one) => total + of(one), 0);
  const types = new Map<string, number>();
  for (const { otherTypes } of all)
    for (const [name, count] of Object.entries(otherTypes)) countType(types, name, count);
  return {
    bank: first.bank,
    ratio: all.find(({ ratio }) => ratio !== null)?.ratio ?? null,
    contents: sum(({ contents }) => contents),
    disabledForEver: sum(({ disabledForEver }) => disabledForEver),
    notesLeftOut: sum(({ notesLeftOut }) => notesLeftOut),
    otherTypes: Object.fromEntries(types),
    exchanges: [...new Set(all.flatMap(({ exchanges }) => exchanges))],
  };
}

/** A list is one bank. */
export const severalBanks = (names: readonly string[]): AppError =>
  new AppError('HASHLIST_INVALID', {
    why: 'several banks, and a list is one of them',
    expected: `--bank with one of ${names.slice(0, HMA_NAMES_MAX).join(' ')}`,
  });
