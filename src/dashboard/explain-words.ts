/** Why an image or a hash matched, or did not, in words. */
import type { ExplainedEntry, ExplainedList, Explanation } from './explain-types.js';
import { shownId } from './list-words.js';
import { count, plainWords } from './words.js';

/** Lengths of values in hex digits, with the kinds that have them; the first is meant where none is chosen. */
const KINDS: Readonly<Record<number, readonly string[]>> = {
  32: ['md5'],
  40: ['sha1'],
  64: ['pdq', 'sha256', 'blockhash'],
};
export const KIND_WORDS: Readonly<Record<string, string>> = {
  md5: 'MD5',
  sha1: 'SHA-1',
  sha256: 'SHA-256',
  pdq: 'PDQ',
  blockhash: 'blockhash',
};

/** Return the kinds that a value may have; none where it is no value. */
export const kindsOf = (hash: string): readonly string[] =>
  /^[0-9a-f]+$/i.test(hash) ? (KINDS[hash.length] ?? []) : [];

/** Say what is wrong with a text that is no value; empty where it is one. */
export function hashProblem(hash: string): string {
  if (hash === '') return 'Choose an image, or paste a hash.';
  if (kindsOf(hash).length > 0) return '';
  const other = [...hash].find((letter) => !/[0-9a-f]/i.test(letter));
  if (other !== undefined)
    return `A hash has the digits 0 to 9 and a to f alone; this has ${other.trim() === '' ? 'a space' : `“${other}”`}.`;
  return `This has ${count(hash.length)} ${hash.length === 1 ? 'digit' : 'digits'}. An MD5 has 32, a SHA-1 40, and a SHA-256, a PDQ hash or a blockhash 64.`;
}

export const VERDICT_WORDS: Readonly<Record<Explanation['verdict'], readonly [word: string, kind: string]>> = {
  match: ['match', 'late'],
  no_match: ['no match', 'ok'],
  suppressed: ['suppressed', 'warn'],
  not_checked: ['not checked', 'warn'],
};

export const OUTCOME_WORDS: Readonly<Record<ExplainedEntry['outcome'], readonly [word: string, kind: string]>> = {
  match: ['match', 'late'],
  suppressed: ['suppressed', 'warn'],
  possible: ['possible', 'warn'],
  no_match: ['no match', ''],
};

type Of = Pick<ExplainedEntry, 'distance' | 'window' | 'algorithm'>;
interface Why {
  readonly list: Pick<ExplainedList, 'radiusBits' | 'detail'>;
  readonly entry: Of;
  readonly answer: Pick<Explanation, 'pdq' | 'oneDimensional' | 'searched'>;
}

function lowQualityWords({ answer: { pdq, oneDimensional } }: Why): string {
  if (oneDimensional)
    return 'the hash is one-dimensional, as of a slide or a sunset, and the list does not take low quality';
  const quality = pdq === null ? 'its quality is below 50' : `its quality of ${pdq.quality} is below 50`;
  return `${quality}, and the list does not take low quality`;
}

/** Reasons of an entry, by the names in the answer. */
export const WHY_WORDS = {
  list_disabled: () => 'the list is disabled',
  beyond_radius: ({ list, entry }: Why) =>
    `${count(entry.distance)} bits are beyond the radius of the list, ${count(list.radiusBits)}`,
  low_quality: lowQualityWords,
  no_detail: () => 'the blockhash has too little detail: unrelated images share it',
  window_not_looked_at: ({ list }: Why) => `of a kind that the list does not look at (detail ${list.detail})`,
  window_too_far: ({ entry, answer }: Why) =>
    `${count(entry.distance)} bits are more than ${count(answer.searched.windowRadiusBits)}, the radius for parts`,
  certain_bits: ({ entry, answer }: Why) =>
    `${count(entry.window?.certainBitsWrong ?? 0)} of its certain bits are wrong, more than ${count(answer.searched.windowWrongBitsMax)}`,
  expired: () => 'the list updated the entry too long ago: it has expired',
  removed: () => 'the entry was removed a moment ago',
  repeat: () => 'another value of the same entry is nearer, and counts for it',
  quarantined: () => 'the entry is in quarantine: its matches do not count',
  known_good_list: () => 'the list says what is known to be good: it makes no hits',
  known_good_file: () => 'the file is known to be good',
  known_good_value: () => 'the value of the entry is known to be good',
} as const;

const whyWords = (why: string, about: Why): string =>
  (WHY_WORDS as Readonly<Record<string, (about: Why) => string>>)[why]?.(about) ?? plainWords(why);

const sentence = (text: string) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

/** Reasons that are of a part of the image. */
const OF_WINDOWS: ReadonlySet<string> = new Set(['window_not_looked_at', 'window_too_far', 'certain_bits']);

/** Say why an entry matches or not. */
export function entryWords(entry: ExplainedEntry, list: ExplainedList, answer: Explanation): string {
  const flood = entry.flooded ? ' A flood marked it: its matches count until a person decides.' : '';
  const words = (isOfWindow: boolean) =>
    entry.why.filter((one) => OF_WINDOWS.has(one) === isOfWindow).map((one) => whyWords(one, { list, entry, answer }));
  const ofWindow = words(true).join('; ');
  const parts = [...words(false), ...(ofWindow === '' ? [] : [`only a part of the image is near: ${ofWindow}`])];
  const why = parts.map(sentence).join(' ');
  if (entry.outcome === 'match')
    return `${entry.matchType === 'exact' ? 'The very bytes are listed.' : `Within ${count(list.radiusBits)} bits.`}${flood}`;
  return `${why}${entry.outcome === 'possible' ? ' For a person to look at.' : ''}${flood}`;
}

const listsWith = ({ lists }: Explanation, outcome: ExplainedEntry['outcome']) =>
  lists.filter(({ entries }) => entries.some((entry) => entry.outcome === outcome));

/** The entry that lacks least, then the nearest, of match lists. */
function nearestOf({ lists }: Explanation): readonly [ExplainedEntry, ExplainedList] | null {
  const all = lists
    .filter(({ kind }) => kind === 'match')
    .flatMap((list) => list.entries.map((entry) => [entry, list] as const));
  all.sort(([a], [b]) => a.why.length - b.why.length || a.distance - b.distance);
  return all[0] ?? null;
}

function noMatchWords(answer: Explanation): string {
  const { degenerate, searched, image, algorithm } = answer;
  const nearest = nearestOf(answer);
  if (nearest !== null) {
    const [entry, list] = nearest;
    const id = entry.entryId === null ? 'an entry' : shownId(entry.entryId);
    const at = entry.matchType === 'exact' ? 'the same digest' : `${count(entry.distance)} bits away`;
    return `What comes nearest to a match is ${id} of ${list.list}, ${at}. ${entryWords(entry, list, answer)}`;
  }
  if (degenerate) return 'The image has no detail: its hash says nothing, and no entry can be near.';
  if (searched.hashes === 0 && image === null && algorithm !== null) return 'No list has this digest.';
  return `No entry is within the radius of its list, or up to ${count(searched.beyondBits)} bits beyond.`;
}

/** Say the verdict and what led to it. */
export function verdictWords(answer: Explanation): string {
  const { verdict, reason, code, says } = answer;
  const names = (lists: readonly ExplainedList[]) => lists.map(({ list }) => list).join(', ');
  const entries = `${count(answer.matchCount)} ${answer.matchCount === 1 ? 'entry matches' : 'entries match'}`;
  const damaged = code === null || says === null ? '' : ` ${says}`;
  if (verdict === 'match') return `${entries}, on ${names(listsWith(answer, 'match'))}.${damaged}`;
  if (verdict === 'suppressed') {
    const lists = listsWith(answer, 'suppressed');
    const list = lists.find(({ kind }) => kind === 'match') ?? lists[0];
    const entry = list?.entries.find(({ outcome }) => outcome === 'suppressed');
    const why = list && entry ? ` ${entryWords(entry, list, answer)}` : '';
    return `${entries}, and none counts.${why}${damaged}`;
  }
  if (reason === 'no_list') {
    const disabled = answer.lists.filter(({ enabled, reached }) => !enabled && reached > 0);
    const near = disabled.length === 0 ? '' : ` Near entries are on disabled lists: ${names(disabled)}.`;
    return `No list in force has a value of this kind: nothing was searched.${near}`;
  }
  if (verdict === 'not_checked') return `The file was not checked.${damaged} No list has its digest.`;
  return `${noMatchWords(answer)}${damaged}`;
}
