/** Documents that are made to take time or memory, or whose values stand where they should not. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../src/core/errors.js';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { JSON_DEPTH_MAX } from '../../src/hashlists/formats/json-records.js';
import { XML_ATTRIBUTES_MAX, XML_DEPTH_MAX } from '../../src/hashlists/formats/xml.js';
import { HASHLIST_FORMATS, type HashlistFormat, parseHashList } from '../../src/hashlists/importers.js';
import { normalise, TAGS_MAX, TEXT_CHARS_MAX } from '../../src/hashlists/normalise.js';
import { pageFacts } from '../../src/hashlists/sources.js';

const ROOT = '<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">';
const END = '</queryResult>';
/** Far above what a bounded parser takes, far below minutes. */
const AT_ONCE_MS = 5_000;

async function rowsOf(format: HashlistFormat, bytes: Uint8Array): Promise<ParsedRow[]> {
  const rows: ParsedRow[] = [];
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  }
  for await (const row of parseHashList(format, { bytes: pieces(), kind: 'match' })) rows.push(row);
  return rows;
}

const deepXml = (levels: number) => Buffer.from(ROOT + '<a>'.repeat(levels) + '</a>'.repeat(levels) + END);
const attributes = (count: number) =>
  Buffer.from(`${ROOT}<a ${Array.from({ length: count }, (_, n) => `x${n}="" `).join('')}/>${END}`);
const deepJson = (levels: number) => Buffer.from(`{"hashRecords":[],"a":${'['.repeat(levels)}${']'.repeat(levels)}}`);
const TOO_DEEP = `elements are nested deeper than ${XML_DEPTH_MAX}`;
const TOO_MANY = `an element has more than ${XML_ATTRIBUTES_MAX} attributes`;
const TOO_NESTED = `values are nested deeper than ${JSON_DEPTH_MAX}`;

describe('bombs are refused at once', () => {
  // The reason tells a bound from a truncated document: without the bound, the last of each three would be read.
  test.each<[string, 'ncmec' | 'stopncii', string, () => Buffer]>([
    ['deep XML of 100 kB', 'ncmec', TOO_DEEP, () => Buffer.from(ROOT + '<a>'.repeat(33_000))],
    ['deep XML of 30 MB', 'ncmec', TOO_DEEP, () => Buffer.from(ROOT + '<a>'.repeat(10_000_000))],
    ['XML one level too deep', 'ncmec', TOO_DEEP, () => deepXml(XML_DEPTH_MAX)],
    ['an attribute too many', 'ncmec', TOO_MANY, () => attributes(XML_ATTRIBUTES_MAX + 1)],
    ['20 MB of [', 'stopncii', TOO_NESTED, () => Buffer.concat([Buffer.from('{"a":'), Buffer.alloc(20_000_000, '[')])],
    ['JSON one level too deep', 'stopncii', TOO_NESTED, () => deepJson(JSON_DEPTH_MAX)],
  ])('%s', async (_says, format, why, make) => {
    const bytes = make();
    const startedMs = performance.now();
    const page = { code: 'SOURCE_FAILED', details: { why: `invalid page: ${why}` } };
    expect(() => pageFacts(format, bytes, 'http://h/')).toThrow(expect.objectContaining(page));
    await expect(rowsOf(format, bytes)).rejects.toMatchObject({ code: 'HASHLIST_INVALID', details: { why } });
    expect(performance.now() - startedMs).toBeLessThan(AT_ONCE_MS);
  });

  test.each<[string, 'ncmec' | 'stopncii', () => Buffer]>([
    ['XML of the deepest level', 'ncmec', () => deepXml(XML_DEPTH_MAX - 1)],
    ['as many attributes as an element may have', 'ncmec', () => attributes(XML_ATTRIBUTES_MAX)],
    ['JSON of the deepest level', 'stopncii', () => deepJson(JSON_DEPTH_MAX - 1)],
  ])('%s is read', async (_says, format, make) => {
    expect(pageFacts(format, make(), 'http://h/')).toEqual({ next: null, checkpoint: null });
    expect(await rowsOf(format, make())).toEqual([]);
  });
});

describe('sizes', () => {
  const ones = (count: number) => `[${'1,'.repeat(count - 1)}1]`;
  const link = (chars: number) => `{"hashRecords":[],"hasMoreRecords":true,"nextPageToken":"${'t'.repeat(chars)}"}`;
  test.each([
    ['a link', link(8_193), link(8_192), 'a link exceeds 8192 characters'],
    ['records', `{"hashRecords":${ones(1_000_001)}}`, `{"hashRecords":${ones(1_000)}}`, 'more than 1000000 records'],
    [
      'a record',
      `{"hashRecords":[${ones(500_001)}]}`,
      `{"hashRecords":[${ones(499_990)}]}`,
      'record has more than 1000000 values',
    ],
  ])('%s of a page', (_says, long, short, why) => {
    const read = (text: string) => pageFacts('stopncii', Buffer.from(text), 'http://h/');
    expect(() => read(long)).toThrow(expect.objectContaining({ details: { why: `invalid page: ${why}` } }));
    expect(() => read(short)).not.toThrow();
  });

  const entry = (fingerprints: string) =>
    Buffer.from(`${ROOT}<images><image><id>1</id><fingerprints>${fingerprints}</fingerprints></image></images>${END}`);
  const md5s = (count: number) => entry('<md5></md5>'.repeat(count));
  const text = (chars: number) => entry(`<md5>${'a'.repeat(chars)}</md5>`);
  test.each([
    ['fingerprints', md5s(1_001), md5s(1_000), 'an entry has more than 1000 fingerprints'],
    ['a text', text(65_537), text(65_536), 'text exceeds 65536 characters'],
  ])('%s of an entry', async (_says, long, short, why) => {
    await expect(rowsOf('ncmec', long)).rejects.toMatchObject({ details: { why } });
    expect(await rowsOf('ncmec', short)).not.toEqual([]);
  });
});

describe('a value in a wrong place', () => {
  const planted = '5ec4e75ec4e75ec4e75ec4e75ec4e75e';
  const said = (error: unknown): string => {
    if (!(error instanceof Error)) return String(error);
    const details = error instanceof AppError ? JSON.stringify(error.details) : '';
    return `${error.message} ${error.stack} ${details} ${error.cause === undefined ? '' : said(error.cause)}`;
  };
  const texts = [
    `${planted},x\n${planted},y\n`,
    `value;algorithm\n${planted};md5\n`,
    `<_${planted}/>`,
    `${ROOT}<_${planted}></x>`,
    `${ROOT}<a ${planted}="${planted}" _${planted}>`,
    `${ROOT}&${planted};`,
    `${ROOT}<a _${planted}:b="c"/>`,
    `{"hashRecords":[${planted}]}`,
    `[{"${planted}" "${planted}"}]`,
    `{"value":[{"MD5":{"${planted}":1}}], ${planted}`,
    `"${planted}`,
    planted,
  ];
  test('is in no error, whatever stands around it', async () => {
    const noise = fc.constantFrom('', '"', ',', ';', '\n', '{', '[', '<', '>', '\0', '\uFEFF', 'value');
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...HASHLIST_FORMATS),
        fc.constantFrom(...texts),
        noise,
        noise,
        async (format, text, before, after) => {
          const bytes = Buffer.from(before + text + after);
          const error = await rowsOf(format, bytes).then(
            () => null,
            (failure: unknown) => failure,
          );
          expect(said(error)).not.toContain(planted.slice(0, 8));
          for (const type of ['ncmec', 'stopncii'] as const) {
            try {
              pageFacts(type, bytes, 'http://h/');
            } catch (failure) {
              expect(said(failure)).not.toContain(planted.slice(0, 8));
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

test.each([
  ['md5', 'd41d8cd98f00b204e9800998ecf8427e', 'meaningless'],
  ['sha1', 'da39a3ee5e6b4b0d3255bfef95601890afd80709', 'meaningless'],
  ['sha256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'meaningless'],
  ['md5', '0'.repeat(32), 'meaningless'],
  ['sha1', 'f'.repeat(40), 'meaningless'],
  ['blockhash', '0'.repeat(64), 'weight'],
  ['blockhash', `${'f'.repeat(47)}1${'0'.repeat(16)}`, 'weight'],
  ['photodna', '7b'.repeat(144), 'meaningless'],
])('%s %s is rejected: %s', (algorithm, value, reason) => {
  for (const kind of ['match', 'suppression'] as const)
    expect(normalise({ value, algorithm }, 1, { kind })).toEqual({ ok: false, line: 1, reason });
});

test('texts with control or direction characters, or too long, are rejected', () => {
  const value = '900150983cd24fb0d6963f7d28e17f72';
  const reason = (more: object) => normalise({ value, ...more }, 1, { kind: 'match' });
  const long = 'x'.repeat(TEXT_CHARS_MAX);
  expect(reason({ category: long, tags: Array.from({ length: TAGS_MAX }, () => 't') })).toMatchObject({ ok: true });
  const bad = [
    ...['entryId', 'category', 'severity', 'source', 'mediaType', 'updatedAt'].flatMap((field) =>
      ['a\0b', 'a\x1bb', 'a\u202eb', `${long}x`].map((text) => ({ [field]: text })),
    ),
    { tags: ['a\nb'] },
    { tags: Array.from({ length: TAGS_MAX + 1 }, () => 't') },
  ];
  for (const more of bad) expect(reason(more)).toMatchObject({ ok: false, reason: 'text_invalid' });
});

test('the time of a withdrawal is kept up to 512 characters; a longer one is none', () => {
  const atOf = (updatedAt: string) => {
    const row = normalise({ value: '', entryId: 'e1', status: 'deleted', updatedAt }, 1, { kind: 'match' });
    return row.ok ? undefined : row.gone;
  };
  expect(atOf('2026-11-30T00:00:00Z')).toEqual({ entryId: 'e1', at: '2026-11-30T00:00:00Z' });
  expect(atOf('9'.repeat(512))).toEqual({ entryId: 'e1', at: '9'.repeat(512) });
  expect(atOf('9'.repeat(513))).toEqual({ entryId: 'e1' });
});
