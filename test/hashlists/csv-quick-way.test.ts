/** Lines of CSV without a quote are split, the others are read character by character: both ways give the same rows. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { readFields, SEPARATORS } from '../../src/hashlists/formats/csv-lines.js';
import { parseHashList } from '../../src/hashlists/importers.js';

const ENDS = ['\n', '\r', '\r\n'] as const;
const MD5 = 'a'.repeat(31);
const SHA1 = 'b'.repeat(39);

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function rowsOf(text: string, size: number): Promise<ParsedRow[]> {
  const rows: ParsedRow[] = [];
  const source = { bytes: inPieces(Buffer.from(text), size), kind: 'match' as const };
  for await (const row of parseHashList('csv', source)) rows.push(row);
  return rows;
}

const separators = fc.constantFrom(...SEPARATORS);
const ends = fc.constantFrom(...ENDS);
const sizes = fc.constantFrom(1, 5, 64_000);
const header = ['entryId', 'md5', 'sha1', 'category', 'note'];

/** A cell, without a character that would have to be quoted in one of the files. */
const cells = fc.oneof(
  fc.constantFrom('', ' ', '\u00a0', ' n ', 'note', '7', 'A1', '\u0007', '\uFEFF', '\u2028', ...header),
  fc.nat(15).map((n) => MD5 + n.toString(16)),
  fc.nat(15).map((n) => ` ${SHA1}${n.toString(16)}`),
  fc.string({ unit: 'grapheme', maxLength: 6 }).map((text) => text.replace(/[",;\t|\r\n]/g, '')),
);
const rows = fc.array(cells, { minLength: 1, maxLength: 7 }).filter((row) => row.some((cell) => cell.trim() !== ''));

describe('any line without a quote', () => {
  const lines = fc
    .array(fc.oneof(cells, separators, fc.constant(' ')), { maxLength: 12 })
    .map((parts) => parts.join(''));

  test('has the fields that a split gives', () => {
    fc.assert(
      fc.property(lines, separators, fc.boolean(), (line, separator, isAlone) => {
        const split = { fields: line.split(separator), isClean: true, isOpen: false };
        expect(readFields(line, separator, isAlone)).toEqual(split);
      }),
      { numRuns: 2_000 },
    );
  });

  test('gives the rows of the same line with quotes', async () => {
    const lists = fc.array(fc.tuple(rows, fc.boolean()), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(lists, separators, ends, sizes, async (given, separator, end, size) => {
        const textOf = (isQuoted: (chosen: boolean) => boolean) =>
          [[header, false] as const, ...given]
            .map(([row, chosen]) => row.map((cell) => (isQuoted(chosen) ? `"${cell}"` : cell)).join(separator))
            .join(end);
        const plain = await rowsOf(
          textOf(() => false),
          size,
        );
        expect(
          await rowsOf(
            textOf(() => true),
            size,
          ),
        ).toEqual(plain);
        expect(
          await rowsOf(
            textOf((chosen) => chosen),
            size,
          ),
        ).toEqual(plain);
      }),
      { numRuns: 500 },
    );
  });
});

test('any text with quotes has the same rows with each line end, in pieces of each size', async () => {
  const parts = fc.oneof(cells, separators, fc.constantFrom('"', '""', '\n', '\n', `"${MD5}0"`, `\n${MD5}1,`));
  await fc.assert(
    fc.asyncProperty(fc.array(parts, { maxLength: 40 }), separators, sizes, async (given, separator, size) => {
      const text = [header.join(separator), given.join('')].join('\n');
      const read = await rowsOf(text, 64_000);
      for (const end of ENDS) expect(await rowsOf(text.replaceAll('\n', end), size)).toEqual(read);
    }),
    { numRuns: 500 },
  );
});
