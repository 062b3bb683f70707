import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { VALUE_BYTES } from '../../src/core/vocabulary.js';
import { type HashlistFormat, parseHashList } from '../../src/hashlists/importers.js';
import { HASHLIST_LINE_BYTES_MAX } from '../../src/hashlists/lines.js';
import { parseMapping } from '../../src/hashlists/mapping.js';
import type { ListSource } from '../../src/hashlists/source.js';
import { PDQ_WEIGHT_MAX, PDQ_WEIGHT_MIN } from '../../src/hashlists/value-rules.js';

type ImportOptions = Omit<ListSource, 'bytes'> & { format: HashlistFormat };

const MD5 = '900150983cd24fb0d6963f7d28e17f72';
const SHA1 = 'a9993e364706816aba3e25717850c26c9cd0d89d';
const SHA256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
/** A PDQ hash with `weight` bits set. */
const pdqOf = (weight: number) =>
  Array.from({ length: 64 }, (_, digit) =>
    [0, 1, 3, 7, 15][Math.max(0, Math.min(4, weight - digit * 4))]!.toString(16),
  ).join('');
const PDQ = pdqOf(128);

async function* bytesOf(text: string | Uint8Array, pieceBytes = 1_000_000): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function rowsOf(
  text: string | Uint8Array,
  { format = 'plain', ...options }: Partial<ImportOptions> = {},
  pieceBytes?: number,
): Promise<ParsedRow[]> {
  const rows: ParsedRow[] = [];
  for await (const row of parseHashList(format, { bytes: bytesOf(text, pieceBytes), kind: 'match', ...options }))
    rows.push(row);
  return rows;
}

const told = (rows: readonly ParsedRow[]) =>
  rows.map((row) => (row.ok ? `${row.line} ${row.entry.algorithm} ${row.entry.value}` : `${row.line} ${row.reason}`));

describe('plain', () => {
  test.each<[string, string, Partial<ImportOptions>, string[]]>([
    ['MD5 and SHA-1 are known by their length', `${MD5}\n${SHA1}\n`, {}, [`1 md5 ${MD5}`, `2 sha1 ${SHA1}`]],
    ['64 digits alone are ambiguous', SHA256, {}, ['1 ambiguous_algorithm']],
    ['64 digits, named on the line', `sha256 ${SHA256}\npdq ${PDQ}`, {}, [`1 sha256 ${SHA256}`, `2 pdq ${PDQ}`]],
    ['64 digits, named by the caller', PDQ, { assumed: 'pdq' }, [`1 pdq ${PDQ}`]],
    [
      'BOM, CRLF, blank lines, comments, upper case',
      `\uFEFF${MD5.toUpperCase()}\r\n\r\n# a comment\r\n${SHA1}`,
      {},
      [`1 md5 ${MD5}`, `4 sha1 ${SHA1}`],
    ],
    ['base64', `md5 ${Buffer.from(MD5, 'hex').toString('base64')}`, {}, [`1 md5 ${MD5}`]],
    ['an unknown type is rejected', `videntifier abcd\n${MD5}`, {}, ['1 unknown_algorithm', `2 md5 ${MD5}`]],
    [
      'a wrong length, a wrong digit, too many words',
      `md5 ${MD5.slice(1)}\nmd5 g${MD5.slice(1)}\nmd5 ${MD5} x`,
      {},
      ['1 malformed', '2 malformed', '3 malformed'],
    ],
    ['32 characters of PDQ', `pdq ${PDQ.slice(0, 32)}`, {}, ['1 malformed']],
    ['all zero, all one', `pdq ${'0'.repeat(64)}\npdq ${'f'.repeat(64)}`, {}, ['1 weight', '2 weight']],
  ])('%s', async (_name, text, options, expected) => {
    expect(told(await rowsOf(text, options))).toEqual(expected);
  });

  test.each([
    [PDQ_WEIGHT_MIN - 1, false],
    [PDQ_WEIGHT_MIN, true],
    [PDQ_WEIGHT_MAX, true],
    [PDQ_WEIGHT_MAX + 1, false],
  ])('a PDQ hash of weight %i is accepted: %s', async (weight, ok) => {
    expect((await rowsOf(`pdq ${pdqOf(weight)}`))[0]!.ok).toBe(ok);
  });

  test('a line of the maximum length is read; a longer one is rejected, and reading continues', async () => {
    const padding = (length: number) => ' '.repeat(length - MD5.length) + MD5;
    expect(told(await rowsOf(`${padding(HASHLIST_LINE_BYTES_MAX)}\n${MD5}`))).toEqual([`1 md5 ${MD5}`, `2 md5 ${MD5}`]);
    expect(told(await rowsOf(`${padding(HASHLIST_LINE_BYTES_MAX + 1)}\n${MD5}`, {}, 1_000))).toEqual([
      '1 line_too_long',
      `2 md5 ${MD5}`,
    ]);
  });
});

test.each([100, 1_000, HASHLIST_LINE_BYTES_MAX + 1, HASHLIST_LINE_BYTES_MAX + 4])(
  'a byte-order mark and CRLF do not count towards the line limit, in pieces of %i bytes',
  async (pieceBytes) => {
    const longest = MD5.padStart(HASHLIST_LINE_BYTES_MAX);
    expect(told(await rowsOf(`\uFEFF${longest}\r\n${longest}\r`, {}, pieceBytes))).toEqual([
      `1 md5 ${MD5}`,
      `2 md5 ${MD5}`,
    ]);
  },
);

describe.each(['plain', 'csv', 'jsonl'] as const)('the source of %s', (format) => {
  const json = JSON.stringify({ value: MD5, algorithm: 'md5' });
  const text = { plain: `${MD5}\n`, csv: `value\n${MD5}\n${MD5}\n`, jsonl: `${json}\n` }[format];

  test('passes its own failure on as it is, whenever it fails', async () => {
    for (const first of ['', text]) {
      const fault = new Error('the disk');
      const failing = async function* () {
        if (first !== '') yield Buffer.from(first);
        throw fault;
      };
      const read = async () => {
        for await (const row of parseHashList(format, { bytes: failing(), kind: 'match' })) expect(row.ok).toBe(true);
      };
      await expect(read()).rejects.toBe(fault);
    }
  });

  test('is closed when the reader stops early', async () => {
    let isClosed = false;
    const endless = async function* () {
      try {
        for (;;) yield Buffer.from(text);
      } finally {
        isClosed = true;
      }
    };
    for await (const row of parseHashList(format, { bytes: endless(), kind: 'match' })) {
      expect(row.ok).toBe(true);
      break;
    }
    await expect.poll(() => isClosed).toBe(true);
  });
});

test.each([
  ['active', true],
  ['Active', true],
  ['', true],
  ['deleted', false],
  ['Withdrawn', false],
  ['Received', false],
])('an entry of status "%s" is accepted: %s', async (status, ok) => {
  const json = await rowsOf(JSON.stringify({ value: MD5, algorithm: 'md5', status }), { format: 'jsonl' });
  const csv = await rowsOf(`value,status\n${MD5},${status}`, { format: 'csv' });
  expect(told(json)).toEqual([ok ? `1 md5 ${MD5}` : '1 not_active']);
  expect(told(csv)).toEqual([ok ? `2 md5 ${MD5}` : '2 not_active']);
});

describe('CSV', () => {
  const HEADER = 'entryId,algorithm,value,category,quality';
  const csv = (text: string, options: Partial<ImportOptions> = {}) => rowsOf(text, { format: 'csv', ...options });

  test('each field is read by its name', async () => {
    const [row] = await csv(`${HEADER}\ne1,md5,${MD5},A1,\n`);
    expect(row).toMatchObject({
      ok: true,
      line: 2,
      entry: { entryId: 'e1', algorithm: 'md5', value: MD5, category: 'A1', severity: null },
    });
  });

  test('a mapping renames columns; unknown ones are ignored; quoted commas and line breaks are kept', async () => {
    const mapping = parseMapping('value=HASH,algorithm=TYPE,severity=CLASS,entryId=ID');
    const rows = await csv(`ID,HASH,TYPE,CLASS,NOTE\n7,${PDQ},PDQ,"B, ""x""","two\nlines"\n8,${MD5},MD5,C,\n`, {
      mapping,
    });
    expect(rows).toMatchObject([
      { ok: true, entry: { entryId: '7', algorithm: 'pdq', severity: 'B, "x"' } },
      { ok: true, entry: { entryId: '8', algorithm: 'md5', severity: 'C' } },
    ]);
  });

  test.each([
    ['49', false],
    ['50', true],
    ['', true],
    ['abc', false],
    ['101', false],
  ])('PDQ quality "%s" is accepted: %s', async (quality, ok) => {
    expect((await csv(`${HEADER}\ne,pdq,${PDQ},,${quality}`))[0]!.ok).toBe(ok);
  });

  test('a digest needs no quality', async () => {
    expect((await csv(`${HEADER}\ne,md5,${MD5},,10`))[0]!.ok).toBe(true);
  });

  test('known-good entries are rejected from match lists and accepted on suppression lists', async () => {
    expect(told(await csv(`${HEADER}\ne,md5,${MD5},0,`))).toEqual(['2 known_good']);
    expect((await csv(`${HEADER}\ne,md5,${MD5},0,`, { kind: 'suppression' }))[0]!.ok).toBe(true);
  });

  test.each(['', 'a,b\n1,2', `HASH\n${MD5}`])('a file without the column is refused: %j', async (text) => {
    await expect(csv(text)).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
  });

  test.each(['value', 'value=', 'colour=X', 'algorithm=TYPE'])('the mapping "%s" is refused', (text) => {
    expect(() => parseMapping(text)).toThrow(expect.objectContaining({ code: 'HASHLIST_INVALID' }));
  });
});

describe('JSON lines', () => {
  test('entries of Zeef are read; other lines are malformed', async () => {
    const text = `{"value":"${MD5}","algorithm":"md5","entryId":"x","tags":["t"],"unknown":1}\nnot json\n[]\n\n{"value":5}`;
    const rows = await rowsOf(text, { format: 'jsonl' });
    expect(told(rows)).toEqual([`1 md5 ${MD5}`, '2 malformed', '3 malformed', '5 malformed']);
    expect(rows[0]).toMatchObject({ entry: { tags: ['t'] } });
  });
});

describe('properties', () => {
  test('chunk boundaries make no difference', async () => {
    const text = `\uFEFF${MD5}\r\nsha256 ${SHA256}\n\n# é\npdq ${PDQ}\r\nbad line here\n${SHA1}`;
    const whole = await rowsOf(text);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 80 }), async (pieceBytes) => {
        expect(await rowsOf(text, {}, pieceBytes)).toEqual(whole);
      }),
    );
  });

  test('any bytes: entries that keep the rules, rejected rows, or HASHLIST_INVALID', async () => {
    const words = fc.constantFrom(
      MD5,
      SHA1,
      SHA256,
      PDQ,
      'pdq',
      'md5',
      ' ',
      ',',
      '\n',
      '\r\n',
      '"',
      '{',
      '}',
      '\0',
      '\uFEFF',
      'value',
      'é',
    );
    const text = fc
      .array(fc.oneof(words, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 30 })
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom('plain', 'csv', 'jsonl'), async (bytes, format) => {
        let rows: ParsedRow[] = [];
        try {
          rows = await rowsOf(bytes, { format });
        } catch (error) {
          expect(error).toMatchObject({ code: 'HASHLIST_INVALID' });
        }
        for (const row of rows) {
          if (!row.ok) continue;
          expect(row.entry.value).toMatch(/^[0-9a-f]+$/);
          expect(row.entry.value).toHaveLength(VALUE_BYTES[row.entry.algorithm] * 2);
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe('foreign layouts, by a mapping', () => {
  const mapping = parseMapping('md5=MD5,sha1=hashes.sha1,category=grade,entryId=no');
  const record = { no: 7, grade: 'A', MD5: MD5, hashes: { sha1: SHA1.toUpperCase() }, more: [1] };

  test('a row of several values is an entry for each', async () => {
    const csv = `no,grade,MD5,hashes.sha1\n7,A,${MD5},${SHA1}\n8,B,,${SHA1}\n9,C,,\n`;
    expect(told(await rowsOf(csv, { format: 'csv', mapping }))).toEqual([
      `2 md5 ${MD5}`,
      `2 sha1 ${SHA1}`,
      `3 sha1 ${SHA1}`,
      '4 malformed',
    ]);
    const [first] = await rowsOf(csv, { format: 'csv', mapping });
    expect(first).toMatchObject({ entry: { entryId: '7', category: 'A' } });
  });

  test.each<[string, HashlistFormat, string, string]>([
    ['an array', 'json', JSON.stringify([record, 'none', {}]), ''],
    [
      'a nested array',
      'json',
      JSON.stringify({ page: { rows: [record, 'none', {}] }, other: [record] }),
      ',records=page.rows',
    ],
    ['lines', 'jsonl', `${JSON.stringify(record)}\n"none"\n{}\n`, ''],
  ])('JSON: %s', async (_name, format, text, records) => {
    const where = parseMapping(`md5=MD5,sha1=hashes.sha1,category=grade,entryId=no${records}`);
    const rows = await rowsOf(text, { format, mapping: where }, 7);
    expect(told(rows)).toEqual([`1 md5 ${MD5}`, `1 sha1 ${SHA1}`, '2 malformed', '3 malformed']);
    expect(rows[1]).toMatchObject({ entry: { entryId: '7', category: 'A' } });
  });

  test.each<[HashlistFormat, string]>([
    ['json', JSON.stringify([{ md5: MD5, sha1: SHA1.toUpperCase(), entryId: 'e', host: 'h' }])],
    ['jsonl', JSON.stringify({ md5: MD5, sha1: SHA1, entryId: 'e' })],
    ['jsonl', JSON.stringify({ value: MD5, algorithm: 'md5', sha1: SHA1, entryId: 'e' })],
  ])('%s: members named like algorithms need no mapping', async (format, text) => {
    const rows = await rowsOf(text, { format });
    expect(told(rows)).toEqual([`1 md5 ${MD5}`, `1 sha1 ${SHA1}`]);
    expect(rows[1]).toMatchObject({ entry: { entryId: 'e' } });
  });

  test('an id that contains the value is handed on: the store knows how to keep it', async () => {
    const ids = [MD5, MD5.toUpperCase(), `urn:${MD5}`, 'e-1'];
    const csv = `entryId,value\n${ids.map((id) => `${id},${MD5}\n`).join('')}`;
    expect((await rowsOf(csv, { format: 'csv' })).map((row) => row.ok && row.entry.entryId)).toEqual(ids);
  });
});
