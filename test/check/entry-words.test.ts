/** What a match tells of its entry: within bounds, and nothing that may be a value. */
import { describe, expect, test } from 'vitest';
import { WORDS_CHARS_MAX, WORDS_MAX, wordsOf } from '../../src/check/entry-words.js';
import { NO_ATTRIBUTES } from '../../src/core/vocabulary.js';

const HEX = '0123456789abcdef'.repeat(4);
const bytes = Buffer.from(HEX, 'hex');

test('an entry says what its list said', () => {
  const said = {
    mediaType: 'image/jpeg',
    updatedAt: '2026-01-02T03:04:05Z',
    tags: ['reviewed', 'series'],
    notes: { case: '6f1c2a34-0000-4000-8000-1234567890ab', remark: 'of a known series' },
  };
  expect(wordsOf(said)).toEqual(said);
  expect(wordsOf(NO_ATTRIBUTES)).toEqual({ mediaType: null, updatedAt: null, tags: [], notes: {} });
});

test('the mark of a derived value is not told twice', () => {
  const tags = ['derived:crop', 'mine', 'derived:rotation', 'derived:other'];
  expect(wordsOf({ ...NO_ATTRIBUTES, tags }).tags).toEqual(['mine', 'derived:other']);
});

describe('a text that may be a value', () => {
  const forms: readonly (readonly [form: string, text: string])[] = [
    ['MD5 in hex', HEX.slice(0, 32)],
    ['SHA-1 in upper case', HEX.slice(0, 40).toUpperCase()],
    ['PDQ', HEX],
    ['within a name', `photo-${HEX.slice(0, 32)}.jpg`],
    ['MD5 in base64', bytes.subarray(0, 16).toString('base64')],
    ['SHA-1 in base64', bytes.subarray(0, 20).toString('base64')],
    ['SHA-256 in base64', bytes.toString('base64')],
    ['SHA-256 in base64url', bytes.toString('base64url')],
    ['SHA-1 in base32', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'],
    ['PhotoDNA as numbers', Array.from({ length: 144 }, (_, at) => at).join(',')],
  ];

  test.each(forms)('%s is in no tag, no note, no name of a note and no other field', (_, text) => {
    const told = wordsOf({
      mediaType: text,
      updatedAt: text,
      tags: ['before', text, 'behind'],
      notes: { a: 'before', of: text, [text]: 'named', z: 'behind' },
    });
    expect(told).toEqual({
      mediaType: null,
      updatedAt: null,
      tags: ['before', 'behind'],
      notes: { a: 'before', z: 'behind' },
    });
  });
});

describe('bounds', () => {
  const long = 'word '.repeat(WORDS_CHARS_MAX);

  test('characters of tags and notes together, of whole texts alone', () => {
    const over = { a: long.slice(0, WORDS_CHARS_MAX) };
    expect(wordsOf({ ...NO_ATTRIBUTES, notes: over }).notes).toEqual({});
    const exactly = { a: long.slice(0, WORDS_CHARS_MAX - 1) };
    expect(wordsOf({ ...NO_ATTRIBUTES, notes: exactly }).notes).toEqual(exactly);
    expect(wordsOf({ ...NO_ATTRIBUTES, notes: { a: long, b: 'short' } }).notes).toEqual({ b: 'short' });
    expect(wordsOf({ ...NO_ATTRIBUTES, tags: ['t'], notes: exactly })).toMatchObject({ tags: ['t'], notes: {} });
  });

  test('the number of tags, and of notes', () => {
    const tags = Array.from({ length: WORDS_MAX + 1 }, (_, at) => `t${at}`);
    const notes = Object.fromEntries(tags.map((tag) => [tag, 'x']));
    const told = wordsOf({ ...NO_ATTRIBUTES, tags, notes });
    expect(told.tags).toEqual(tags.slice(0, WORDS_MAX));
    expect(Object.keys(told.notes)).toEqual(tags.slice(0, WORDS_MAX));
  });
});
