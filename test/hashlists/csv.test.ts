/** CSV as programs and people write it: separators, headers, encodings, and quotes that would swallow rows. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { CSV_ROW_LINES_MAX } from '../../src/hashlists/formats/csv-lines.js';
import { type HashlistFormat, parseHashList } from '../../src/hashlists/importers.js';
import { parseMapping } from '../../src/hashlists/mapping.js';
import { corpusPath, hasCorpus } from '../support/corpus.js';

const md5 = (n: number) => (n + 1).toString(16).padStart(32, 'a');
const sha1 = (n: number) => (n + 1).toString(16).padStart(40, 'b');

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function rowsOf(
  text: string | Uint8Array,
  { format = 'csv' as HashlistFormat, map = undefined as string | undefined, size = 64_000 } = {},
) {
  const separators: string[] = [];
  const rows: ParsedRow[] = [];
  const bytes = inPieces(typeof text === 'string' ? Buffer.from(text) : text, size);
  const mapping = map === undefined ? {} : { mapping: parseMapping(map) };
  const source = { bytes, kind: 'match' as const, ...mapping, onSeparator: (one: string) => void separators.push(one) };
  for await (const row of parseHashList(format, source)) rows.push(row);
  return { rows, separators };
}
const said = (rows: readonly ParsedRow[]) =>
  rows.map((row) => (row.ok ? `${row.line} ${row.entry.algorithm} ${row.entry.value}` : `${row.line} ${row.reason}`));

describe('separators', () => {
  test.each([';', '\t', '|'])('%j is found by the header, and reported', async (separator) => {
    const text = [
      ['md5', 'sha1', 'note'],
      [md5(1), sha1(1), 'a, b'],
    ]
      .map((cells) => cells.join(separator))
      .join('\n');
    const { rows, separators } = await rowsOf(text);
    expect(said(rows)).toEqual([`2 md5 ${md5(1)}`, `2 sha1 ${sha1(1)}`]);
    expect(separators).toEqual([separator]);
    expect(rows[0]!.ok && rows[0]!.entry.notes).toEqual({ note: 'a, b' });
  });

  test('a comma is not reported', async () => {
    expect((await rowsOf(`md5\n${md5(1)}\n`)).separators).toEqual([]);
  });

  test('none that gives a column of values is an error, which quotes nothing', async () => {
    for (const text of [`${md5(1)};${md5(2)}\n`, 'a,b\n1,2\n'])
      await expect(rowsOf(text)).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
    await expect(rowsOf(`${md5(1)};${md5(2)}\n`)).rejects.not.toThrow(md5(1));
  });
});

describe('headers', () => {
  test.each(['MD5', ' Md5 ', 'md-5', 'MD_5', '"MD5"'])('%j is the column of digests', async (name) => {
    expect(said((await rowsOf(`ID,${name}\n7,${md5(1)}\n`)).rows)).toEqual([`2 md5 ${md5(1)}`]);
  });

  test('of a mapping are taken exactly first, and in any case else', async () => {
    const text = `hash,HASH\n${md5(1)},${md5(2)}\n`;
    expect(said((await rowsOf(text, { map: 'md5=HASH' })).rows)).toEqual([`2 md5 ${md5(2)}`]);
    expect(said((await rowsOf(text, { map: 'md5=Hash' })).rows)).toEqual([`2 md5 ${md5(1)}`]);
  });

  test('columns without a field are notes; those that hold values are not', async () => {
    const { rows } = await rowsOf(`entryId,md5,Officer,SHA512,empty\n7,${md5(1)},K. L.,${'c'.repeat(128)},\n`);
    expect(rows[0]!.ok && rows[0]!.entry.notes).toEqual({ Officer: 'K. L.', 'notes left out': '1' });
  });
});

describe('encodings', () => {
  const text = `md5,note\r\n${md5(1)},é\r\n${md5(2)},y\r\n`;
  const le = Buffer.from(text, 'utf16le');
  const be = Buffer.from(le).swap16();
  test.each([
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16, little-endian, with a mark', Buffer.concat([Buffer.of(0xff, 0xfe), le])],
    ['UTF-16, big-endian, with a mark', Buffer.concat([Buffer.of(0xfe, 0xff), be])],
    ['UTF-16, little-endian', le],
    ['UTF-16, big-endian', be],
    ['carriage returns alone', Buffer.from(text.replaceAll('\r\n', '\r'))],
    ['line feeds alone', Buffer.from(text.replaceAll('\r\n', '\n'))],
  ])('%s', async (_name, bytes) => {
    for (const size of [1, 7, 64_000]) {
      const { rows } = await rowsOf(bytes, { size });
      expect(said(rows)).toEqual([`2 md5 ${md5(1)}`, `3 md5 ${md5(2)}`]);
      expect(rows[0]!.ok && rows[0]!.entry.notes).toEqual({ note: 'é' });
    }
  });

  test('a mark in the middle, where pages were put together, is no part of a value', async () => {
    const { rows } = await rowsOf(`${md5(1)}\n\uFEFF${md5(2)}\n`, { format: 'plain' });
    expect(said(rows)).toEqual([`1 md5 ${md5(1)}`, `2 md5 ${md5(2)}`]);
  });
});

describe('quotes', () => {
  const HEAD = 'md5,sha1,note\n';
  const row = (n: number, note: string) => `${md5(n)},${sha1(n)},${note}\n`;
  const lines = (count: number) => Array.from({ length: count }, (_, n) => `line ${n}`).join('\n');

  test('a note of several lines is a note', async () => {
    const { rows } = await rowsOf(HEAD + row(1, `"${lines(CSV_ROW_LINES_MAX)}"`) + row(2, 'x'));
    expect(rows.map(({ line, ok }) => [line, ok])).toEqual([2, 2, 10, 10].map((line) => [line, true]));
  });

  test('files that were put together repeat the header', async () => {
    const text = HEAD + row(1, 'x');
    expect((await rowsOf(`${text}\uFEFF${text}`)).rows.map(({ line, ok }) => [line, ok])).toEqual(
      [2, 2, 4, 4].map((line) => [line, true]),
    );
  });

  test('one of more lines is reported by its first line, and its row is read', async () => {
    const { rows } = await rowsOf(HEAD + row(1, `"${lines(CSV_ROW_LINES_MAX + 1)}"`) + row(2, 'x'));
    expect(said(rows).slice(0, 3)).toEqual(['2 swallowed_lines', `2 md5 ${md5(1)}`, `2 sha1 ${sha1(1)}`]);
    expect(said(rows)).toContain(`11 md5 ${md5(2)}`);
  });

  test('a stray quote swallows no row, whether another follows or not', async () => {
    for (const end of ['', row(9, '7"'), row(9, '"')]) {
      const { rows } = await rowsOf(HEAD + row(1, '"A4 page') + row(2, 'x') + row(3, 'y') + end);
      expect(said(rows)).toContain('2 swallowed_lines');
      for (const n of [1, 2, 3]) expect(said(rows)).toContain(`${n + 1} md5 ${md5(n)}`);
    }
  });

  test('a quote in the middle of a field is a character', async () => {
    const { rows } = await rowsOf(HEAD + row(1, '5" disk') + row(2, 'x'));
    expect(rows.map(({ ok }) => ok)).toEqual([true, true, true, true]);
    expect(rows[0]!.ok && rows[0]!.entry.notes).toEqual({ note: '5" disk' });
  });

  test('two rows in one line are reported', async () => {
    const { rows } = await rowsOf(HEAD + row(1, 'x').trim() + row(2, 'y'));
    expect(said(rows)).toContain('2 swallowed_lines');
  });

  test('a row of the cache that a quote swallows is read, too', async () => {
    const text = `${md5(1)},1,,"a\n${md5(2)},2,,b\n${md5(3)},3,,c"\n`;
    const { rows } = await rowsOf(text, { format: 'threatexchange-csv' });
    expect(said(rows)).toEqual(['1 swallowed_lines', ...[1, 2, 3].map((n) => `${n} md5 ${md5(n)}`)]);
  });

  test('a row in the middle of a remark is a row, whatever ends the remark', async () => {
    const { rows } = await rowsOf(`${HEAD}${row(1, '"A4')}${row(2, 'x')}end"\n`);
    expect(said(rows)).toEqual([
      '2 swallowed_lines',
      ...[1, 2].flatMap((n) => [`${n + 1} md5 ${md5(n)}`, `${n + 1} sha1 ${sha1(n)}`]),
      '4 swallowed_lines',
      '4 malformed',
    ]);
  });

  test('two rows whose quotes make one are reported, though no line stands between them', async () => {
    const { rows } = await rowsOf(HEAD + row(1, '"A4') + row(2, 'A5"'));
    expect(said(rows)).toEqual([
      '2 swallowed_lines',
      ...[1, 2].flatMap((n) => [`${n + 1} md5 ${md5(n)}`, `${n + 1} sha1 ${sha1(n)}`]),
    ]);
  });

  test.each(['md"5,sha1', '"md5,sha1', 'md5",sha1', 'sha1,"md5'])(
    'one in the header hides no column: %s',
    async (head) => {
      const cells = head.startsWith('sha1') ? [sha1(1), md5(1)] : [md5(1), sha1(1)];
      const { rows } = await rowsOf(`${head}\n${cells.join(',')}\n`);
      expect(said(rows)).toContain('1 swallowed_lines');
      expect(said(rows)).toContain(`2 md5 ${md5(1)}`);
      expect(said(rows)).toContain(`2 sha1 ${sha1(1)}`);
    },
  );

  test('a row with fewer fields is read; with two that a quote has joined, it is reported', async () => {
    const short = await rowsOf(`${HEAD}${md5(1)},${sha1(1)}\n"${md5(2)}","${sha1(2)}"\n`);
    expect(short.rows.map(({ ok }) => ok)).toEqual([true, true, true, true]);
    const joined = await rowsOf(`md5,note,sha1\n${md5(1)},"n,5",${sha1(1)}\n${md5(2)},"n,5,${sha1(2)}"\n`);
    expect(said(joined.rows).slice(2)).toEqual(['3 swallowed_lines', `3 md5 ${md5(2)}`]);
  });
});

describe('any CSV of a writer that keeps to the RFC', () => {
  const notes = ['', 'n', 'a b', 'x, y', 'two\nlines', 'he said "no"', 'p, q\nr, s', '5', 'x\n', '"', ',\n"'];
  const orders = [
    ['md5', 'sha1', 'note'],
    ['md5', 'note', 'sha1'],
    ['note', 'md5', 'sha1'],
    ['md5', 'note'],
    ['note', 'md5'],
    ['md5'],
  ];
  const files = fc
    .tuple(
      fc.constantFrom(...orders),
      fc.array(fc.constantFrom(...notes), { minLength: 1, maxLength: 7 }),
      fc.boolean(),
      fc.constantFrom('\n', '\r\n'),
    )
    .map(([columns, given, isQuoted, end]) => {
      const quoted = (cell: string) =>
        isQuoted || /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""').replaceAll('\n', end)}"` : cell;
      const rowOf = (note: string, n: number) =>
        columns.map((name) => quoted(name === 'md5' ? md5(n) : name === 'sha1' ? sha1(n) : note)).join(',');
      const values = given.flatMap((_, n) =>
        columns.filter((name) => name !== 'note').map((name) => (name === 'md5' ? md5(n) : sha1(n))),
      );
      return { text: [columns.join(','), ...given.map(rowOf), ''].join(end), values, given };
    });
  const valuesOf = (rows: readonly ParsedRow[]) => rows.flatMap((one) => (one.ok ? [one.entry.value] : []));

  test('is read whole, notes of several lines in any column', async () => {
    await fc.assert(
      fc.asyncProperty(files, async ({ text, values }) => {
        const { rows } = await rowsOf(text);
        expect(said(rows).filter((one) => one.includes('swallowed'))).toEqual([]);
        expect(valuesOf(rows)).toEqual(values);
      }),
      { numRuns: 500 },
    );
  });

  test('loses no value in silence by a quote put anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.nat(), async ({ text, values }, where) => {
        const at = where % (text.length + 1);
        const read = await rowsOf(`${text.slice(0, at)}"${text.slice(at)}`).catch(() => null);
        // No column of values is found any more: nothing is imported.
        if (read === null) return;
        const found = new Set(valuesOf(read.rows));
        const lost = values.filter((value) => !found.has(value));
        if (lost.length > 0) expect(read.rows.some(({ ok }) => !ok)).toBe(true);
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('sums', () => {
  test.each([
    ['md5sum', `${md5(1)}  a file.jpg`],
    ['md5sum, binary', `${md5(1)} *a file.jpg`],
    ['md5sum, an escaped name', `\\${md5(1)}  a\\nfile.jpg`],
    ['BSD', `MD5 (a file.jpg) = ${md5(1)}`],
    ['with a carriage return', `${md5(1)}  a file.jpg\r`],
  ])('%s', async (_name, line) => {
    const { rows } = await rowsOf(`${line}\n`, { format: 'plain' });
    expect(said(rows)).toEqual([`1 md5 ${md5(1)}`]);
    expect(rows[0]!.ok && rows[0]!.entry.notes.file).toMatch(/^a.*file\.jpg$/);
  });

  test('sha256sum: the digits alone could be PDQ, the name of a file says that they are not', async () => {
    const value = `${'0123456789abcdef'.repeat(4)}`;
    expect(said((await rowsOf(`${value}  x`, { format: 'plain' })).rows)).toEqual([`1 sha256 ${value}`]);
    expect(said((await rowsOf(value, { format: 'plain' })).rows)).toEqual(['1 ambiguous_algorithm']);
  });

  test('the algorithm that the caller names is that of 64 digits: lists of PDQ have such lines, too', async () => {
    const value = '71'.repeat(32);
    const rowsWith = async (assumed: 'pdq' | 'sha256' | 'md5') => {
      const rows: ParsedRow[] = [];
      const bytes = inPieces(Buffer.from(`${value}  x\n${md5(1)}  y\n`), 64_000);
      for await (const row of parseHashList('plain', { bytes, kind: 'match', assumed })) rows.push(row);
      return said(rows);
    };
    expect(await rowsWith('pdq')).toEqual([`1 pdq ${value}`, `2 md5 ${md5(1)}`]);
    expect(await rowsWith('sha256')).toEqual([`1 sha256 ${value}`, `2 md5 ${md5(1)}`]);
    expect(await rowsWith('md5')).toEqual([`1 sha256 ${value}`, `2 md5 ${md5(1)}`]);
  });
});

describe('values with spaces', () => {
  test('PhotoDNA as numbers, on a plain line', async () => {
    const numbers = Array.from({ length: 144 }, (_, at) => at);
    const hex = Buffer.from(numbers).toString('hex');
    const { rows } = await rowsOf(`photodna ${numbers.join(' ')}\nPDNA ${numbers.join(', ')}\nmd5 ${md5(1)} x\n`, {
      format: 'plain',
    });
    expect(said(rows)).toEqual([`1 photodna ${hex}`, `2 photodna ${hex}`, '3 malformed']);
  });
});

test('a note with a value within it is left out', async () => {
  const { rows } = await rowsOf(`md5,file,place\n${md5(1)},/x/${md5(2)}.jpg,desk 7\n`);
  expect(rows[0]!.ok && rows[0]!.entry.notes).toEqual({ place: 'desk 7', 'notes left out': '1' });
});

test('what `zeef hash --json` prints is a list', async () => {
  const pdq = `${'0f'.repeat(32)}`;
  const line = JSON.stringify({
    path: 'a.jpg',
    digests: { md5: md5(1), sha1: sha1(1) },
    pdq: { hash: pdq, quality: 100 },
    pdqFull: { hash: pdq.replace('0f0f', 'f00f'), quality: 49 },
  });
  const { rows } = await rowsOf(`${line}\n`, { format: 'jsonl' });
  expect(said(rows)).toEqual([`1 md5 ${md5(1)}`, `1 sha1 ${sha1(1)}`, `1 pdq ${pdq}`, '1 low_quality']);
  expect(rows[0]!.ok && rows[0]!.entry.notes).toEqual({ path: 'a.jpg' });
});

describe('files that failed', () => {
  const read = (name: string) => readFileSync(corpusPath('cases', 'lists', name));
  test.runIf(hasCorpus)('are read', async () => {
    expect((await rowsOf(read('F01-semicolon.csv'))).rows.every(({ ok }) => ok)).toBe(true);
    expect((await rowsOf(read('F15-upper-header.csv'))).rows.every(({ ok }) => ok)).toBe(true);
    for (const name of ['F02-sums.md5', 'F02-sums.bsd'])
      expect((await rowsOf(read(name), { format: 'plain' })).rows.map(({ ok }) => ok)).toEqual([true, true]);
    const { rows } = await rowsOf(read('R16-stray-quote.csv'));
    expect(rows.filter(({ ok }) => ok)).toHaveLength(600);
    expect(said(rows).filter((one) => one.includes('swallowed'))).toEqual(['102 swallowed_lines']);
  });
});
