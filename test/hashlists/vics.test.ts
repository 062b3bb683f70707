/** VICS: chosen categories, the notes of a medium, and PhotoDNA values in every spelling that tools write. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { parseCategories } from '../../src/hashlists/categories.js';
import { algorithmNamed, normalise } from '../../src/hashlists/normalise.js';
import type { ListSource } from '../../src/hashlists/source.js';
import { parsedRows } from '../support/parsed.js';

const MD5 = '900150983cd24fb0d6963f7d28e17f72';
const CONTEXT = 'http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media';

const vics = (media: object, options: Partial<ListSource> = {}, context = CONTEXT) =>
  parsedRows('vics', JSON.stringify({ '@odata.context': context, value: [{ MediaID: 7, MD5, ...media }] }), options);

/** `ok`, or the reason and what is withdrawn. */
const outcome = ([row]: readonly ParsedRow[]) =>
  row!.ok ? 'ok' : `${row!.reason}${row!.gone ? ` ${JSON.stringify(row!.gone)}` : ''}`;

describe('chosen categories', () => {
  const OTHER = 'other_category {"entryId":"7"}';
  test.each<[unknown, string, string]>([
    [1, '1', 'ok'],
    ['1', '1', 'ok'],
    [1, '2,1', 'ok'],
    [1, 'US/1', 'ok'],
    [1, 'us/1', 'ok'],
    [2, '1', OTHER],
    [11, '1', OTHER],
    [1, '11', OTHER],
    [1, 'UK/1', OTHER],
    [1, 'S/1', OTHER],
    [undefined, '1', OTHER],
    [null, '1', OTHER],
    [0, '1', 'known_good {"entryId":"7"}'],
    [0, '0', 'known_good {"entryId":"7"}'],
  ])('category %j of --categories %s: %s', async (Category, chosen, expected) => {
    expect(outcome(await vics({ Category }, { categories: parseCategories(chosen) }))).toBe(expected);
  });

  test('without the option every category is taken, and entries without one', async () => {
    expect(outcome(await vics({ Category: 3 }))).toBe('ok');
    expect(outcome(await vics({}))).toBe('ok');
  });

  test('a file without a region has the category alone', async () => {
    const noRegion = (categories: string[]) => vics({ Category: 1 }, { categories }, 'x');
    expect(outcome(await noRegion(['1']))).toBe('ok');
    expect(outcome(await noRegion(['US/1']))).toBe(OTHER);
  });

  test('a withdrawal has the time of its row', async () => {
    const rows = await vics({ Category: 2, DateUpdated: '2026-01-01T00:00:00Z' }, { categories: ['1'] });
    expect(outcome(rows)).toBe('other_category {"entryId":"7","at":"2026-01-01T00:00:00Z"}');
  });

  test('on a suppression list category 0 can be chosen', async () => {
    expect(outcome(await vics({ Category: 0 }, { kind: 'suppression', categories: ['0'] }))).toBe('ok');
    expect(outcome(await vics({ Category: 1 }, { kind: 'suppression', categories: ['0'] }))).toBe(OTHER);
  });

  test('of any format: CSV, with an id and without', async () => {
    const rows = await parsedRows('csv', `entryId,value,category\na,${MD5},A1\nb,${MD5},B1\n,${MD5},B1\n`, {
      categories: ['A1'],
    });
    expect(rows.map((row) => outcome([row]))).toEqual([
      'ok',
      'other_category {"entryId":"b"}',
      `other_category {"algorithm":"md5","value":"${MD5}"}`,
    ]);
  });

  test.each([
    ['A/1', 'other_category'],
    ['AB/1', 'ok'],
    ['ABCDEFGH/1', 'ok'],
    ['ABCDEFGHI/1', 'other_category'],
    ['US/UK/1', 'other_category'],
    ['US1', 'other_category'],
  ])('a region has two to eight letters: %s of --categories 1 is %s', async (category, expected) => {
    const [row] = await parsedRows('csv', `value,category\n${MD5},${category}\n`, { categories: ['1'] });
    expect(row!.ok ? 'ok' : row!.reason).toBe(expected);
  });

  test.each(['', '1,', ',1', '1,,2', ' '])('the categories "%s" are refused', (text) => {
    expect(() => parseCategories(text)).toThrow(expect.objectContaining({ code: 'HASHLIST_INVALID' }));
  });

  test('spaces around a category do not count', () => {
    expect(parseCategories('1, US/2')).toEqual(['1', 'US/2']);
  });
});

describe('notes', () => {
  const notesOf = async (media: object) => {
    const [row] = await vics({ Category: 1, ...media });
    return row!.ok ? row!.entry.notes : null;
  };

  test('the scalar members that are no field of the entry', async () => {
    const mapped = { SHA1: null, MimeType: 'image/jpeg', DateUpdated: '2026-01-01T00:00:00Z', Tags: 'a' };
    const nested = { MediaFiles: [{ MD5 }], Exifs: [], AlternativeHashes: [], Object: { a: 1 } };
    const odata = { '@odata.type': '#Media', 'Exifs@odata.navigationLink': 'Media(7)/Exifs' };
    const said = { VictimIdentified: true, IsDistributed: false, Series: 'S', MediaSize: 0, Comments: null };
    expect(await notesOf({ ...mapped, ...nested, ...odata, ...said })).toEqual({
      VictimIdentified: 'true',
      IsDistributed: 'false',
      Series: 'S',
      MediaSize: '0',
    });
  });

  test('a value is left out, in any spelling', async () => {
    const decimals = Array.from({ length: 144 }, (_, at) => at).join(',');
    expect(await notesOf({ SHA256: 'a1'.repeat(32), PhotoDNA: decimals, Series: 'S' })).toEqual({
      Series: 'S',
      'notes left out': '2',
    });
    const short = decimals.replace('0,', '');
    expect(await notesOf({ Numbers: short }), 'numbers that are no value').toEqual({ Numbers: short });
  });
});

describe('names of algorithms', () => {
  test.each<[string, string | null]>([
    ...['PhotoDNA', 'photo_dna', 'photo-dna', 'Photo DNA', 'PDNA', 'PhotoDNAHash', 'PhotoDNA_Hash'].map(
      (name): [string, string] => [name, 'photodna'],
    ),
    ['hash_photodna', 'photodna'],
    ['ImagePhotoDNA', 'photodna'],
    ['SHA_256', 'sha256'],
    ['Sha-1', 'sha1'],
    ['HASH PDQ', 'pdq'],
    ['md-5', 'md5'],
    [`md5${' '.repeat(61)}`, 'md5'],
    [`md5${' '.repeat(62)}`, null],
    ['PhotoDNA2', null],
    ['PhotoDNA MD5', null],
    ['Photo', null],
    ['DNA', null],
    ['SHA-512', null],
    ['SHA3-256', null],
    ['constructor', null],
    ['', null],
    ['-', null],
  ])('"%s" is %s', (name, algorithm) => {
    expect(algorithmNamed(name)).toBe(algorithm);
  });
});

const photoDna = (value: string) => {
  const row = normalise({ value, algorithm: 'PhotoDNA' }, 1, { kind: 'match' });
  return row.ok ? row.entry.value : row.reason;
};
const hexBytes = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
const hexOf = (bytes: Uint8Array) => hexBytes(bytes).join('');
const base64Of = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const lines = (text: string, length: number, end: string) => text.match(new RegExp(`.{1,${length}}`, 'g'))!.join(end);

const SPELLINGS: Readonly<Record<string, (bytes: Uint8Array) => string>> = {
  hex: hexOf,
  'upper-case hex': (bytes) => hexOf(bytes).toUpperCase(),
  'hex after 0x': (bytes) => `0x${hexOf(bytes)}`,
  'hex after 0X, upper case': (bytes) => `0X${hexOf(bytes).toUpperCase()}`,
  'hex with spaces': (bytes) => hexBytes(bytes).join(' '),
  'hex with colons': (bytes) => hexBytes(bytes).join(':'),
  'hex with dashes': (bytes) => hexBytes(bytes).join('-').toUpperCase(),
  'hex with commas': (bytes) => hexBytes(bytes).join(','),
  'hex with commas and spaces': (bytes) => hexBytes(bytes).join(', '),
  'hex in lines': (bytes) => lines(hexOf(bytes), 64, '\r\n'),
  'bytes as 0x..': (bytes) => `{ ${hexBytes(bytes).join(', 0x').replace(/^/, '0x')} }`,
  'bytes as 0x., without zeros': (bytes) => [...bytes].map((byte) => `0x${byte.toString(16)}`).join(','),
  base64: base64Of,
  'base64 for URLs': (bytes) => Buffer.from(bytes).toString('base64url'),
  'base64 with padding': (bytes) => `${base64Of(bytes)}==`,
  'base64 in lines': (bytes) => lines(base64Of(bytes), 76, '\r\n'),
  'base64 for URLs in lines': (bytes) => lines(Buffer.from(bytes).toString('base64url'), 64, '\n'),
  'base64 with spaces': (bytes) => lines(base64Of(bytes), 48, ' '),
  'decimal with commas': (bytes) => bytes.join(','),
  'decimal with commas and spaces': (bytes) => bytes.join(', '),
  'decimal with spaces': (bytes) => bytes.join(' '),
  'decimal with semicolons': (bytes) => bytes.join(';'),
  'decimal in brackets': (bytes) => `[${bytes.join(', ')}]`,
  'decimal in round brackets, with lines': (bytes) => `(\n${bytes.join(',\n')}\n)`,
  'decimal of three digits': (bytes) => [...bytes].map((byte) => String(byte).padStart(3, '0')).join(' '),
};

describe('PhotoDNA', () => {
  /** A value of one byte repeated is meaningless. */
  const values = fc
    .uint8Array({ minLength: 144, maxLength: 144 })
    .filter((bytes) => bytes.some((byte) => byte !== bytes[0]));

  test.each(Object.entries(SPELLINGS))('%s', (_name, spell) => {
    fc.assert(
      fc.property(values, (bytes) => {
        expect(photoDna(spell(bytes))).toBe(hexOf(bytes));
      }),
      // Zeros and ones, which have the shortest spellings.
      {
        examples: [
          [Uint8Array.from({ length: 144 }, (_, at) => at % 2)],
          [Uint8Array.from({ length: 144 }, (_, at) => 255 - at)],
        ],
      },
    );
  });

  const numbers = (count: number, last = 7) => [...Array.from({ length: count - 1 }, (_, at) => (at % 9) + 1), last];
  test.each<[string, string, boolean]>([
    ['144 numbers', numbers(144).join(','), true],
    ['143 numbers', numbers(143).join(','), false],
    ['145 numbers', numbers(145).join(','), false],
    ['96 numbers of two digits, as many digits as base64', Array(96).fill('17').join(' '), false],
    ['48 pieces of four hex digits', Array(48).fill('a1b2').join(' '), false],
    ['255', numbers(144, 255).join(' '), true],
    ['256', numbers(144, 256).join(' '), false],
    ['a number of four digits', `${numbers(143).join(' ')} 0012`, false],
    ['a negative number', numbers(144, -7).join(','), false],
    ['a fraction', numbers(144, 1.5).join(','), false],
    ['decimal numbers with colons', numbers(144).join(':'), false],
    ['a number missing', numbers(144).join(',').replace(',2,', ',,'), false],
    ['an empty number more', numbers(144).join(',').replace(',2,', ',2,,'), false],
    ['another bracket at the end', `[${numbers(144).join(',')})`, false],
    ['a bracket missing', `[${numbers(144).join(',')}`, false],
    ['two-digit numbers that may be hex', Array.from({ length: 144 }, (_, at) => 10 + (at % 90)).join(' '), false],
    ['the same with dashes: hex', Array.from({ length: 144 }, (_, at) => 10 + (at % 90)).join('-'), true],
    ['143 bytes as hex', Array(143).fill('a1').join(':'), false],
    ['145 bytes as hex', Array(145).fill('a1').join(':'), false],
    ['a digit too many', `${'a1 '.repeat(143)}a10`, false],
    ['no hex digit', `${'a1 '.repeat(143)}g1`, false],
    ['half a byte twice', `a ${'a1 '.repeat(142)}a1 b`, false],
    ['141 bytes as base64 in lines', lines(base64Of(Uint8Array.from({ length: 141 }, (_, at) => at)), 76, '\n'), false],
    ['147 bytes as base64 in lines', lines(base64Of(Uint8Array.from({ length: 147 }, (_, at) => at)), 76, '\n'), false],
  ])('%s', (_name, text, isTaken) => {
    if (isTaken) expect(photoDna(text)).toMatch(/^[0-9a-f]{288}$/);
    else expect(photoDna(text)).toBe('malformed');
  });

  test.each(['1 ', ' ', '0x', ',', ': ', '[', '-', 'A'])('a line of "%s" is refused in a moment', (text) => {
    const began = performance.now();
    for (let times = 0; times < 100; times++)
      expect(photoDna(`1${text.repeat(65_534 / text.length)}1`)).toBe('malformed');
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  test('at most 16 characters a byte', () => {
    const bytes = Uint8Array.from({ length: 144 }, (_, at) => at);
    const spelled = bytes.join(' ');
    const wide = (chars: number) => spelled.replace(' ', ' '.repeat(chars - spelled.length + 1));
    expect(photoDna(wide(144 * 16))).toBe(hexOf(bytes));
    expect(photoDna(wide(144 * 16 + 1))).toBe('malformed');
  });

  test('other algorithms have hex and base64 alone', () => {
    const spaced = Buffer.from(MD5, 'hex').join(' ');
    expect(normalise({ value: spaced, algorithm: 'md5' }, 1, { kind: 'match' })).toMatchObject({ reason: 'malformed' });
  });

  test('an alternative hash of VICS', async () => {
    const bytes = Uint8Array.from({ length: 144 }, (_, at) => at);
    const AlternativeHashes = [{ HashName: 'Photo DNA', HashValue: bytes.join(',') }];
    const rows = await vics({ AlternativeHashes });
    expect(rows[1]).toMatchObject({ ok: true, entry: { entryId: '7', algorithm: 'photodna', value: hexOf(bytes) } });
  });
});
