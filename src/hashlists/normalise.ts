/** Rules for entries of every list format. Pure: fields in, an entry or a reason out. */
import { PDQ_QUALITY_MIN } from '../core/limits.js';
import type { EntryStamp, ParsedRow, RejectReason } from '../core/parsed-row.js';
import { ALGORITHMS, type Algorithm, HASH_ALGORITHMS, type HashAlgorithm, VALUE_BYTES } from '../core/vocabulary.js';
import { isChosen } from './categories.js';
import { photoDnaHex } from './photodna-value.js';
import { valueFault } from './value-rules.js';

/** One row as read: unchecked text. */
export interface RawFields {
  readonly value: string;
  readonly algorithm?: string | undefined;
  readonly entryId?: string | undefined;
  readonly category?: string | undefined;
  readonly severity?: string | undefined;
  readonly source?: string | undefined;
  readonly mediaType?: string | undefined;
  readonly updatedAt?: string | undefined;
  readonly status?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly quality?: string | undefined;
  /** Everything else that the row says, by the list's own names. */
  readonly notes?: Readonly<Record<string, string>> | undefined;
}

/** Spellings of algorithms in published lists; case, spaces, `-` and `_` do not count. */
const NAMES: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ...ALGORITHMS.flatMap((algorithm): [string, Algorithm][] => [
    [algorithm, algorithm],
    [`hash${algorithm}`, algorithm],
    [`image${algorithm}`, algorithm],
  ]),
  ['photodnahash', 'photodna'],
  ['pdna', 'photodna'],
]);
/** The longest spelling has 13 letters; the rest of the length is separators. A column may hold anything. */
const NAME_CHARS_MAX = 64;

/** Categories that mark known-good entries: category 0 of VICS is "non-pertinent". */
const KNOWN_GOOD_CATEGORIES = new Set(['0']);

/** Return the algorithm of a name, in any spelling that lists use; null if unknown. */
export function algorithmNamed(name: string): Algorithm | null {
  if (name.length > NAME_CHARS_MAX) return null;
  // Most lists spell it so, in every row.
  return NAMES.get(name) ?? NAMES.get(name.toLowerCase().replaceAll(/[\s_-]+/g, '')) ?? null;
}

/** Lengths in hex digits that belong to one algorithm alone; 64 may be SHA-256 or PDQ and must be named. */
const BY_HEX_LENGTH: Readonly<Record<number, Algorithm>> = { 32: 'md5', 40: 'sha1', 288: 'photodna' };

/** Convert hex or base64 to lower-case hex; null for other text, or another length. */
function toHex(text: string, bytes: number): string | null {
  // Checked first: a line may have 65,536 characters.
  if (text.length > bytes * 2) return null;
  if (text.length === bytes * 2 && /^[0-9a-f]+$/i.test(text)) return text.toLowerCase();
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return null;
  const decoded = Buffer.from(text, 'base64');
  const isWhole = Math.ceil((bytes * 4) / 3) === text.replace(/=+$/, '').length;
  return decoded.length === bytes && isWhole ? decoded.toString('hex') : null;
}

const orNull = (text: string | undefined) => text?.trim() || null;

/** Texts of an entry are stored with it and shown in answers, figures and reports: names, not documents. */
export const TEXT_CHARS_MAX = 512;
/** Labels of an entry: ThreatExchange's have a dozen. */
export const TAGS_MAX = 100;
/** Control characters, and those that reverse or hide the text around them: a reader would see another text. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

const isPlain = (text: string | undefined) =>
  text === undefined || (text.length <= TEXT_CHARS_MAX && !UNPRINTABLE.test(text.trim()));

function hasPlainTexts({ entryId, category, severity, source, mediaType, updatedAt, tags = [] }: RawFields): boolean {
  return tags.length <= TAGS_MAX && [entryId, category, severity, source, mediaType, updatedAt, ...tags].every(isPlain);
}

/** All notes of an entry as JSON: a remark, some codes and dates; not a document. */
const NOTES_CHARS_MAX = 4_096;
/** A note that is a hash or a digest, or has one within it, such as the name of a file: values are in no answer. */
const VALUE_LIKE = /[0-9a-f]{32}|^[A-Za-z0-9+/_-]{40,}={0,2}$/i;
const UNPRINTABLES = new RegExp(UNPRINTABLE.source, 'gu');

/** Return a text as it is kept. Few have to be rewritten, and looking is cheaper. */
function printable(text: string): string {
  const trimmed = text.trim();
  return UNPRINTABLE.test(trimmed) ? trimmed.replaceAll(UNPRINTABLES, '\uFFFD') : trimmed;
}

/** Return the notes that are kept: printable, no values, and in all at most `NOTES_CHARS_MAX`; the number of those left out is one. */
export function keptNotes(given: RawFields['notes']): Readonly<Record<string, string>> {
  if (given === undefined) return {};
  const kept: Record<string, string> = {};
  let chars = 0;
  let leftOut = 0;
  for (const [name, text] of Object.entries(given)) {
    const note = printable(text);
    if (note === '' || name.trim() === '') continue;
    const more = name.length + note.length;
    if (VALUE_LIKE.test(note) || photoDnaHex(note) !== null || chars + more > NOTES_CHARS_MAX) {
      leftOut++;
      continue;
    }
    chars += more;
    kept[printable(name)] = note;
  }
  return leftOut === 0 ? kept : { ...kept, [NOTES_LEFT_OUT]: String(leftOut) };
}

/** Name of the note that counts those left out: values of other algorithms, and what is too long. */
const NOTES_LEFT_OUT = 'notes left out';

/** Seconds since 1970, of 1973 to 2286, or milliseconds. */
const UNIX_TIME = /^\d{9,10}(\d{3})?$/;
const UNIX_SECONDS_DIGITS_MAX = 10;

/** Return the time of the source, as it is given, but one in Unix time as RFC 3339; null without one, or where it is longer than any. */
function timeOf({ updatedAt }: RawFields): string | null {
  const at = orNull(updatedAt);
  if (at === null || at.length > TEXT_CHARS_MAX) return null;
  if (!UNIX_TIME.test(at)) return at;
  return new Date(Number(at) * (at.length > UNIX_SECONDS_DIGITS_MAX ? 1 : 1_000)).toISOString();
}

/** Return what the row is about, for the store to find it again; null without an id of its own. */
function stampOf(raw: RawFields, id: string | null): EntryStamp | null {
  const at = timeOf(raw);
  return id === null || id.length > TEXT_CHARS_MAX ? null : { entryId: id, ...(at === null ? {} : { at }) };
}

const hexOf = (text: string, algorithm: Algorithm): string | null =>
  toHex(text, VALUE_BYTES[algorithm]) ?? (algorithm === 'photodna' ? photoDnaHex(text) : null);

/** Return why the row takes its entry out of the list; null if it does not. */
function withdrawalOf(
  raw: RawFields,
  kind: 'match' | 'suppression',
  categories: readonly string[] | undefined,
): RejectReason | null {
  // Lists have many words for withdrawn, deleted or unconfirmed: only `active` may match.
  if ((orNull(raw.status) ?? 'active').toLowerCase() !== 'active') return 'not_active';
  const category = orNull(raw.category);
  if (kind === 'match' && category !== null && KNOWN_GOOD_CATEGORIES.has(category)) return 'known_good';
  // An update may move an entry out of the chosen categories.
  return categories !== undefined && !isChosen(category, categories) ? 'other_category' : null;
}

/**
 * Check and normalise one row. `assumed`: algorithm of rows that name none. `kind`: a match list rejects known-good entries.
 * `categories`: only rows of these are taken.
 *
 * Errors  none; a row that breaks a rule is returned as rejected, with the reason. One that says that its entry is not active,
 * known good, or of another category, withdraws it, whether its value can be read or not.
 */
export function normalise(
  raw: RawFields,
  line: number,
  {
    assumed,
    kind,
    categories,
  }: { assumed?: Algorithm | undefined; kind: 'match' | 'suppression'; categories?: readonly string[] | undefined },
): ParsedRow {
  const text = raw.value.trim();
  const name = raw.algorithm?.trim();
  const algorithm = name ? algorithmNamed(name) : (assumed ?? BY_HEX_LENGTH[text.length] ?? null);
  const value = algorithm === null ? null : hexOf(text, algorithm);
  const ownId = orNull(raw.entryId);
  const stamp = stampOf(raw, ownId);
  const at = timeOf(raw);
  const reject = (reason: RejectReason): ParsedRow => ({ ok: false, line, reason, ...(stamp ? { of: stamp } : {}) });
  const withdrawal = withdrawalOf(raw, kind, categories);
  if (withdrawal !== null) {
    const dated = at === null ? {} : { at };
    const gone = stamp ?? (algorithm === null || value === null ? null : { algorithm, value, ...dated });
    if (gone !== null) return { ok: false, line, reason: withdrawal, gone };
  }
  if (name && algorithm === null) return reject('unknown_algorithm');
  if (algorithm === null && /^[0-9a-f]{64}$/i.test(text)) return reject('ambiguous_algorithm');
  if (algorithm === null || value === null) return reject('malformed');
  const fault = valueFault(algorithm, value);
  if (fault !== null) return reject(fault);
  if (!hasPlainTexts(raw)) return reject('text_invalid');
  const quality = orNull(raw.quality);
  if (quality !== null && !(Number(quality) >= 0 && Number(quality) <= 100)) return reject('malformed');
  const isNearHash = HASH_ALGORITHMS.includes(algorithm as HashAlgorithm);
  if (quality !== null && isNearHash && Number(quality) < PDQ_QUALITY_MIN) return reject('low_quality');
  return {
    ok: true,
    line,
    entry: {
      entryId: ownId ?? '',
      algorithm,
      value,
      category: orNull(raw.category),
      severity: orNull(raw.severity),
      source: orNull(raw.source),
      mediaType: orNull(raw.mediaType),
      status: 'active',
      updatedAt: at,
      tags: raw.tags ?? [],
      notes: keptNotes(raw.notes),
    },
  };
}
