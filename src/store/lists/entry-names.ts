/**
 * The ids under which a list holds what a source says under one. Some lists use a digest as the id of an entry. An id that has the row's
 * own value within it is not stored, since ids are in answers and logs: the row gets one that is made of the id. A row with another
 * value has the id itself; a correction or a withdrawal means both.
 */
import { looksLikeValue } from '../../core/value-like.js';
import { ALGORITHMS, type Entry, VALUE_BYTES } from '../../core/vocabulary.js';
import type { Vault } from '../../vault/vault.js';

/** Label of ids that are made of ids: no number of an algorithm, nor of notes. */
const ID_LABEL = 201;
/** The shortest value, MD5, in base64 without padding. */
const VALUE_CHARS_MIN = 22;
/** The same in hex, or longer. */
const HEX_RUN = /[0-9a-f]{32,}/gi;

/** Whether an id has the value of its row within it, in hex or in base64. */
function hasValue(entryId: string, value: string): boolean {
  if (entryId.length < VALUE_CHARS_MIN) return false;
  if (entryId.toLowerCase().includes(value)) return true;
  const base64 = Buffer.from(value, 'hex').toString('base64url');
  return entryId.replaceAll('+', '-').replaceAll('/', '_').includes(base64);
}

const madeOfId = (vault: Vault, entryId: string): string => vault.madeUpId(ID_LABEL, Buffer.from(entryId));

/** Whether rows of this id may have been stored under another. Short ids are most, and are asked of each row. */
const mayBeHidden = (entryId: string): boolean => entryId.length >= VALUE_CHARS_MIN;

/** The id of a row as it is stored; empty without one. The disk stores half a surrogate pair as U+FFFD, so it is converted before the checksum. */
export function idOf(vault: Vault, { entryId, value }: Pick<Entry, 'entryId' | 'value'>): string {
  const whole = entryId.toWellFormed();
  return hasValue(whole, value) ? madeOfId(vault, whole) : whole;
}

/** The ids under which the rows of an entry are. Stores of before have the id that is made of the value, where that is within the id. */
export function namesOfId(vault: Vault, entryId: string): readonly string[] {
  const whole = entryId.toWellFormed();
  if (!mayBeHidden(whole)) return [whole];
  const ofValues = [...whole.matchAll(HEX_RUN)].flatMap(([run]) =>
    ALGORITHMS.flatMap((algorithm, label) =>
      run.length === VALUE_BYTES[algorithm] * 2 ? [vault.madeUpId(label, Buffer.from(run, 'hex'))] : [],
    ),
  );
  return [whole, madeOfId(vault, whole), ...ofValues];
}

/** The id under which the withdrawal of an entry is noted: none with a value within it. */
export function withdrawnId(vault: Vault, entryId: string): string {
  const whole = entryId.toWellFormed();
  return looksLikeValue(whole) ? madeOfId(vault, whole) : whole;
}
