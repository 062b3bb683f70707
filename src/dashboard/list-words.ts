/** Words about lists: rules of the review, reasons of rejections, refusals. */
import { type Refusal, refusalWords } from './api.js';
import { count, plainWords } from './words.js';

/** Reason of a rejected row. */
export const REJECT_WORDS = {
  malformed: 'not a value of its algorithm',
  unknown_algorithm: 'unknown algorithm',
  ambiguous_algorithm: 'SHA-256 or PDQ, and not named which',
  weight: 'hash of a flat image',
  low_quality: 'hash of low quality',
  known_good: 'known good',
  not_active: 'withdrawn',
  line_too_long: 'line too long',
  not_a_value: 'a reference, not a value',
  meaningless: 'says nothing, as the digest of an empty file',
  text_invalid: 'text too long, or with control characters',
  outdated: 'older than what the list has',
  other_category: 'another category',
  swallowed_lines: 'swallowed the lines after it',
} as const;

export const rejectWords = (reason: string): string =>
  (REJECT_WORDS as Readonly<Record<string, string>>)[reason] ?? plainWords(reason);

/** Rules that hold a version: what was counted, and what it means. */
export const RULE_WORDS = {
  canary: ['entries match known harmless images', 'Images of everybody would match the list.'],
  shape: [
    'PDQ hashes are one-dimensional',
    'As those of slides, forms and calendars, whose text hardly changes the hash.',
  ],
  crowded: [
    'new entries match many others of the import',
    'As images on one template do: each would match everybody’s images on it.',
  ],
  change: ['entries added or removed', 'Another list, or a truncated one, may have been imported.'],
  repeated_value: ['rows carry the same value', 'As where an exporter cannot read its images.'],
  rejected: ['rows rejected', 'The file may have another format, or be damaged.'],
  swallowed: ['rows swallowed the lines after them', 'A quote in the file is not closed.'],
} as const;

export const ruleWords = (rule: string): readonly [what: string, why: string] =>
  (RULE_WORDS as Readonly<Record<string, readonly [string, string]>>)[rule] ?? [plainWords(rule), ''];

/** Whose a change is. */
export function actorWords(actor: string): string {
  if (actor === 'zeef') return 'Zeef';
  if (actor === 'local') return 'this machine';
  if (actor.startsWith('cli:')) return `${actor.slice('cli:'.length)}, by the command line`;
  return `key ${actor}`;
}

/** Details of a refusal that help a person, by their names in the answer. */
const DETAIL_WORDS: Readonly<Record<string, (fact: string) => string>> = {
  why: (why) => `${why}.`,
  reason: (reason) => `Reason: ${rejectWords(reason)}.`,
  line: (line) => `Line ${line}.`,
  field: (field) => `Field: ${field}.`,
  expected: (expected) => `Expected: ${expected}.`,
  waiting: (waiting) => `${waiting} wait.`,
  state: (state) => `No such version is ${state}.`,
};

const isFact = (fact: unknown): fact is string | number => typeof fact === 'string' || typeof fact === 'number';

/** Say the details of an error in words; those without words are left out. */
export const detailWords = (details: Readonly<Record<string, unknown>>): string =>
  Object.entries(DETAIL_WORDS)
    .flatMap(([name, says]) => (isFact(details[name]) ? [says(String(details[name]))] : []))
    .join(' ');

/** Some lists use a value as the id of an entry: it is not shown. */
export const shownId = (entryId: string): string =>
  /[0-9a-f]{32}/i.test(entryId) || /[A-Za-z0-9+/]{43}/.test(entryId) ? 'an entry whose id is not shown' : entryId;

/** `1 entry`, `2 entries`. */
export const entriesWords = (entries: number): string => `${count(entries)} ${entries === 1 ? 'entry' : 'entries'}`;

/** Say why the service refused a change, or that it is not known whether it was made. */
export function refusedWords(refusal: Refusal): string {
  if (refusal.status === 0)
    return 'The service is unreachable. Whether the change was made is not known: look again once the service answers.';
  const [title, hint] = refusalWords(refusal);
  const { details = {} } = refusal.body as { details?: Readonly<Record<string, unknown>> };
  return [title, detailWords(details), hint].filter(Boolean).join(' ');
}

/** Percent of a share, without the digits that its binary form adds. */
export const percentOf = (ratio: number): string => String(Number((ratio * 100).toPrecision(12)));
