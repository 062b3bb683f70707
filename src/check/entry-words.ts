/** What a match says of its entry besides: bounded, and never a text that may be a value. */
import { withoutDerived } from '../core/derived.js';
import type { EntryWords } from '../core/match-types.js';
import { looksLikeValue } from '../core/value-like.js';
import type { Entry } from '../core/vocabulary.js';

/**
 * Tags and notes of one match, with their names: some codes and a remark of a few lines. An answer has up to 1,000 matches, and they add a
 * megabyte at most. `GET /v1/lists/{list}/entries/{entryId}` has the rest.
 */
export const WORDS_CHARS_MAX = 1_024;
/** Tags and notes of one match, of each at most so many: as many short ones cost more in quotes than in text. */
export const WORDS_MAX = 20;

/** Base64 and base32 of digests and hashes, as a whole text; and PhotoDNA as numbers. Names of that form are rare, and each is left out. */
const ENCODED = /^(?:[A-Za-z0-9+/_-]{40,}|[A-Za-z0-9+/_-]{27}=|[A-Za-z0-9+/_-]{22}==|[A-Z2-7]{32})={0,2}$/;
const NUMBERS = /(?:\d{1,3}[\s,;]+){32}/;
/** What is shorter holds no value in any of these forms. */
const VALUE_CHARS_MIN = 24;

/** Ids may be values where a list has no others; words of an entry need not be. */
const mayBeValue = (text: string): boolean =>
  text.length >= VALUE_CHARS_MIN && (looksLikeValue(text) || ENCODED.test(text.trim()) || NUMBERS.test(text));

const orNull = (text: string | null) => (text === null || mayBeValue(text) ? null : text);

const NO_TAGS: readonly string[] = [];
const NO_NOTES: Readonly<Record<string, string>> = {};

/** Return the first tags that are kept, and the characters that they leave. */
function firstTags(tags: readonly string[]): { readonly kept: readonly string[]; readonly room: number } {
  let room = WORDS_CHARS_MAX;
  const kept: string[] = [];
  for (const tag of withoutDerived(tags)) {
    if (kept.length === WORDS_MAX) break;
    if (tag.length > room || mayBeValue(tag)) continue;
    room -= tag.length;
    kept.push(tag);
  }
  return { kept, room };
}

function firstNotes(notes: Entry['notes'], chars: number): Entry['notes'] {
  let room = chars;
  const kept: [name: string, text: string][] = [];
  for (const name in notes) {
    const text = notes[name]!;
    const length = name.length + text.length;
    if (kept.length === WORDS_MAX) break;
    if (length > room || mayBeValue(name) || mayBeValue(text)) continue;
    room -= length;
    kept.push([name, text]);
  }
  return kept.length === 0 ? NO_NOTES : Object.fromEntries(kept);
}

/** Return what an entry says of itself. A tag or a note that finds no room is left out whole: half of a remark may say the opposite. */
export function wordsOf({ mediaType, updatedAt, tags, notes }: Pick<Entry, keyof EntryWords>): EntryWords {
  const { kept, room } = tags.length === 0 ? { kept: NO_TAGS, room: WORDS_CHARS_MAX } : firstTags(tags);
  return { mediaType: orNull(mediaType), updatedAt: orNull(updatedAt), tags: kept, notes: firstNotes(notes, room) };
}
