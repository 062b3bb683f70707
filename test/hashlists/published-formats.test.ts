/** Lists in their published formats: a valid sample of each, damaged ones, and a seeded fuzz of every parser. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { AppError } from '../../src/core/errors.js';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { VALUE_BYTES } from '../../src/core/vocabulary.js';
import { HASHLIST_FORMATS, type HashlistFormat, parseHashList } from '../../src/hashlists/importers.js';
import { HASHLIST_RECORD_BYTES_MAX } from '../../src/hashlists/lines.js';
import type { ListSource } from '../../src/hashlists/source.js';
import { hmaDump } from '../support/hma-dump.js';

const MD5 = '900150983cd24fb0d6963f7d28e17f72';
const SHA1 = 'a9993e364706816aba3e25717850c26c9cd0d89d';
const PDQ = '71'.repeat(32);
const PHOTODNA = Buffer.from(Array.from({ length: 144 }, (_, at) => at)).toString('base64');
const PHOTODNA_HEX = Buffer.from(PHOTODNA, 'base64').toString('hex');

const NCMEC = `<?xml version="1.0" encoding="UTF-8"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
  <images count="2" maxTimestamp="2024-10-24T15:10:00Z">
    <image>
      <member id="42">Example &amp; Member</member><timestamp>2024-10-24T15:00:00Z</timestamp><id>img-0001</id>
      <classification>A1</classification>
      <fingerprints><md5>${MD5}</md5><sha1>${SHA1.toUpperCase()}</sha1><pdna>${PHOTODNA}</pdna><pdq>${PDQ}</pdq>
        <videntifier rel="self" href="/v2/entries/1/fingerprints/VIDENTIFIER"/><netclean>abcd</netclean></fingerprints>
    </image>
    <deletedImage><member id="43">M2</member><id>img-0004</id><timestamp>2024-10-24T15:10:00Z</timestamp></deletedImage>
  </images>
  <videos count="1"><video><member id="42">Example</member><id>vid-1</id><timestamp>2024-10-24T15:00:00Z</timestamp>
    <fingerprints><md5>${MD5}</md5></fingerprints></video></videos>
  <paging><next>/v2/entries?from=a&amp;start=2001&amp;size=1000&amp;max=3000</next></paging>
</queryResult>`;

const media = (more: object) => ({
  MediaID: 1,
  Category: 1,
  MD5: MD5.toUpperCase(),
  SHA1,
  MimeType: 'image/jpeg',
  ...more,
});
const VICS_CONTEXT = 'http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media';
const VICS = JSON.stringify({
  '@odata.context': VICS_CONTEXT,
  value: [
    media({ AlternativeHashes: [{ HashName: 'PhotoDNA', HashValue: PHOTODNA }], Series: 'S', Tags: 'a, b' }),
    media({ MediaID: 2, Category: 0, AlternativeHashes: [], MediaFiles: [{ MD5 }], Exifs: [] }),
    media({ MediaID: 3, MD5: 'broken', SHA1: null }),
  ],
});
const VICS_CASE = JSON.stringify({
  'odata.metadata': VICS_CONTEXT.replace('2.0.xml/US', '1.3.xml/UK'),
  value: [{ CaseID: 'c', Media: [media({ MediaID: 7 }), media({ MediaID: 8, SHA1: undefined })] }],
});
const STOPNCII = JSON.stringify({
  count: 3,
  nextSetTimestamp: 1625175071,
  nextPageToken: 'x',
  hasMoreRecords: false,
  hashRecords: [
    {
      lastModtimestamp: 1625175071,
      signalType: 'ImagePDQ',
      hashValue: PDQ,
      hashStatus: 'Active',
      caseNumbers: { c1: 'Active' },
    },
    { lastModtimestamp: 1625175072, signalType: 'ImagePDQ', hashValue: PDQ.toUpperCase(), hashStatus: 'Withdrawn' },
    { lastModtimestamp: 1625175073, signalType: 'VideoTMK', hashValue: 'abc', hashStatus: 'Active' },
  ],
});
const descriptor = (status: string) => ({
  id: 'd',
  type: 'HASH_PDQ',
  owner: { id: '77' },
  status,
  tags: { data: [{ text: 't' }] },
});
const THREATEXCHANGE = [
  {
    id: '1',
    indicator: PDQ,
    type: 'HASH_PDQ',
    last_updated: 1625175071,
    descriptors: { data: [descriptor('MALICIOUS')] },
  },
  { id: '2', indicator: PDQ, type: 'HASH_PDQ', should_delete: true, descriptors: { data: [descriptor('MALICIOUS')] } },
  { id: '3', indicator: MD5, type: 'HASH_MD5' },
  { id: '4', indicator: MD5, type: 'HASH_MD5', descriptors: { data: [descriptor('NON_MALICIOUS')] } },
  { id: '5', indicator: MD5, type: 'HASH_MD5', descriptors: { data: [descriptor('UNKNOWN')] } },
];
const TAT = JSON.stringify({
  count: 3,
  next: null,
  checkpoint: '1724856487.7,10594',
  results: [
    {
      id: 1,
      hash_digest: MD5,
      algorithm: 'MD5',
      ideology: 'i',
      file_type: 'png',
      deleted: false,
      updated_on: 1724856487.7,
    },
    { id: 2, hash_digest: MD5, algorithm: 'MD5', deleted: true },
    { id: 3, hash_digest: PDQ, algorithm: 'PDQ', deleted: false, updated_on: null },
  ],
});

const HMA = hmaDump({
  contents: [
    [17, 1, 1, 'a note', '{"content_id": "5"}'],
    [18, 1, 0],
  ],
  signals: [
    [17, 'pdq', PDQ],
    [17, 'video_md5', MD5],
    [18, 'pdq', PDQ],
  ],
}).replace(/Data for Name: exchange_data.*/s, '');
/** Line of the first signal. */
const HMA_AT = HMA.slice(0, HMA.indexOf(PDQ)).split('\n').length;

async function* pieces(text: string | Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
async function rowsOf(
  format: HashlistFormat,
  text: string | Uint8Array,
  options: Partial<ListSource> = {},
  pieceBytes = 1_000_000,
): Promise<ParsedRow[]> {
  const rows: ParsedRow[] = [];
  for await (const row of parseHashList(format, { bytes: pieces(text, pieceBytes), kind: 'match', ...options }))
    rows.push(row);
  return rows;
}
const told = (rows: readonly ParsedRow[]) =>
  rows.map((row) =>
    row.ok
      ? `${row.line} ${row.entry.entryId} ${row.entry.algorithm} ${row.entry.value}`
      : `${row.line} ${row.reason}${row.gone ? ` ${JSON.stringify(row.gone)}` : ''}`,
  );

const SAMPLES: readonly [string, HashlistFormat, string, string[]][] = [
  [
    'NCMEC',
    'ncmec',
    NCMEC,
    [
      `1 42/img-0001 md5 ${MD5}`,
      `1 42/img-0001 sha1 ${SHA1}`,
      `1 42/img-0001 photodna ${PHOTODNA_HEX}`,
      `1 42/img-0001 pdq ${PDQ}`,
      '1 not_a_value',
      '1 unknown_algorithm',
      '2 not_active {"entryId":"43/img-0004","at":"2024-10-24T15:10:00Z"}',
      `3 42/vid-1 md5 ${MD5}`,
    ],
  ],
  [
    'VICS',
    'vics',
    VICS,
    [
      `1 1 md5 ${MD5}`,
      `1 1 sha1 ${SHA1}`,
      `1 1 photodna ${PHOTODNA_HEX}`,
      '2 known_good {"entryId":"2"}',
      '2 known_good {"entryId":"2"}',
      '3 malformed',
    ],
  ],
  ['VICS, a case', 'vics', VICS_CASE, [`1 7 md5 ${MD5}`, `1 7 sha1 ${SHA1}`, `2 8 md5 ${MD5}`]],
  [
    'StopNCII',
    'stopncii',
    STOPNCII,
    [
      `1  pdq ${PDQ}`,
      `2 not_active ${JSON.stringify({ algorithm: 'pdq', value: PDQ, at: '2021-07-01T21:31:12.000Z' })}`,
      '3 unknown_algorithm',
    ],
  ],
  ...(
    [
      ['an array', JSON.stringify(THREATEXCHANGE)],
      ['under data, indented', JSON.stringify({ data: THREATEXCHANGE, paging: { next: 'x' } }, null, 2)],
      ['one a line', THREATEXCHANGE.map((one) => JSON.stringify(one)).join('\n')],
    ] as const
  ).map(([says, text]): [string, HashlistFormat, string, string[]] => [
    `ThreatExchange, ${says}`,
    'threatexchange',
    text,
    [
      `1 1 pdq ${PDQ}`,
      '2 not_active {"entryId":"2"}',
      '3 not_active {"entryId":"3"}',
      '4 known_good {"entryId":"4"}',
      '5 not_active {"entryId":"5"}',
    ],
  ]),
  [
    'Tech Against Terrorism',
    'tech-against-terrorism',
    TAT,
    [`1 1 md5 ${MD5}`, '2 not_active {"entryId":"2"}', `3 3 pdq ${PDQ}`],
  ],
  [
    'HMA',
    'hma',
    HMA,
    [`${HMA_AT} hma-17 pdq ${PDQ}`, `${HMA_AT + 1} hma-17 md5 ${MD5}`, `${HMA_AT + 2} not_active {"entryId":"hma-18"}`],
  ],
];

describe('a valid sample', () => {
  test.each(SAMPLES)('%s', async (_name, format, text, expected) => {
    expect(told(await rowsOf(format, text))).toEqual(expected);
    expect(told(await rowsOf(format, `\uFEFF${text}`)), 'with a byte-order mark').toEqual(expected);
    for (const pieceBytes of [1, 7, 100]) expect(told(await rowsOf(format, text, {}, pieceBytes))).toEqual(expected);
  });

  test('ThreatExchange’s cache: no header, labels are tags, the algorithm comes from the caller', async () => {
    const rows = await rowsOf('threatexchange-csv', `${PDQ},17,2024-01-01,a b\n${MD5},18,,\n`, { assumed: 'pdq' });
    expect(told(rows)).toEqual([`1 17 pdq ${PDQ}`, '2 malformed']);
    expect(rows[0]).toMatchObject({ entry: { tags: ['a', 'b'], updatedAt: '2024-01-01' } });
  });

  test('the attributes of an entry are kept', async () => {
    const entry = async (format: HashlistFormat, text: string) => {
      const [row] = await rowsOf(format, text);
      return row!.ok ? row!.entry : null;
    };
    expect(await entry('ncmec', NCMEC)).toMatchObject({
      category: 'A1',
      source: 'Example & Member',
      mediaType: 'image',
      updatedAt: '2024-10-24T15:00:00Z',
    });
    expect(await entry('vics', VICS)).toMatchObject({
      category: 'US/1',
      source: 'S',
      tags: ['a', 'b'],
      mediaType: 'image/jpeg',
    });
    expect(await entry('vics', VICS_CASE)).toMatchObject({ category: 'UK/1' });
    expect(await entry('stopncii', STOPNCII)).toMatchObject({
      updatedAt: '2021-07-01T21:31:11.000Z',
      source: 'StopNCII',
    });
    expect(await entry('threatexchange', JSON.stringify(THREATEXCHANGE))).toMatchObject({ source: '77', tags: ['t'] });
    expect(await entry('tech-against-terrorism', TAT)).toMatchObject({ category: 'i', mediaType: 'png' });
  });

  test('known-good entries are kept on a suppression list: VICS category 0 and NON_MALICIOUS', async () => {
    const good = { kind: 'suppression' as const };
    expect(
      told(await rowsOf('threatexchange', JSON.stringify(THREATEXCHANGE), good)).filter(
        (row) => !/not_active/.test(row),
      ),
    ).toEqual([`4 4 md5 ${MD5}`]);
    expect(told(await rowsOf('vics', VICS, good))).toContain(`2 2 md5 ${MD5}`);
  });

  test('the id of a StopNCII entry without a case is no part of its hash', async () => {
    const text = STOPNCII.replace('{"c1":"Active"}', '{}');
    const [row] = await rowsOf('stopncii', text);
    expect(row).toMatchObject({ ok: true });
    expect(row, 'the store makes one').toMatchObject({ entry: { entryId: '' } });
  });
});

describe('NSRL', () => {
  function database(sql: string): string {
    const path = join(tempFolder('nsrl'), 'rds.db');
    const db = new Database(path);
    db.exec(sql);
    db.close();
    return path;
  }
  const nsrl = (path: string, kind: ListSource['kind']) => rowsOf('nsrl', '', { path, kind });
  const filled = () =>
    database(`CREATE TABLE METADATA (object_id, sha256 TEXT, sha1 TEXT, md5 TEXT, crc32 TEXT);
      CREATE TABLE PKG (name TEXT);
      INSERT INTO METADATA VALUES (1, '', '${SHA1.toUpperCase()}', '${MD5.toUpperCase()}', 'x'), (2, NULL, '${SHA1}x', '${MD5.toUpperCase()}', 'y')`);

  test('each value of every digest column is read once, and is known good on a match list', async () => {
    expect(told(await nsrl(filled(), 'suppression'))).toEqual([`1  sha1 ${SHA1}`, '2 malformed', `3  md5 ${MD5}`]);
    expect(told(await nsrl(filled(), 'match'))).toEqual(['1 known_good', '2 known_good', '3 known_good']);
  });

  test('a missing file, a file that is not a database and one without digests are refused', async () => {
    const text = database('CREATE TABLE a (b)');
    await expect(nsrl(text, 'suppression')).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
    writeFileSync(text, 'not a database, but long enough to look like one'.repeat(40));
    await expect(nsrl(text, 'suppression')).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
    await expect(nsrl(`${text}.none`, 'suppression')).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
    await expect(rowsOf('nsrl', 'bytes')).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
  });
});

describe('damage', () => {
  const cut = (text: string) => text.slice(0, Math.floor(text.length * 0.7));
  test.each(SAMPLES.filter(([name]) => !name.includes('one a line')))(
    '%s, truncated, is refused',
    async (_name, format, text) => {
      await expect(rowsOf(format, cut(text))).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
    },
  );

  test.each([
    ['ncmec', '<other/>'],
    ['ncmec', '<queryResult xmlns="https://example.org/other"/>'],
    ['ncmec', ''],
    ['ncmec', '<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images><image></images>'],
    ['vics', 'MD5,SHA1\n'],
    ['vics', ''],
    ['stopncii', '{"hashRecords":['],
  ] as const)('%s: %s is refused', async (format, text) => {
    await expect(rowsOf(format, text)).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
  });

  test('a document type with entities is refused: neither files nor billions of laughs are read', async () => {
    const text = NCMEC.replace(
      '<queryResult',
      '<!DOCTYPE q [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "&b;&b;">]><queryResult',
    ).replace('Example &amp; Member', '&a;&b;');
    await expect(rowsOf('ncmec', text)).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
  });

  test('a record without an end is refused', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"hashRecords":[{"hashValue":"');
      for (let at = 0; at < 40; at++) yield Buffer.alloc(1_000_000, 'a');
    }
    const parse = async () => {
      for await (const row of parseHashList('stopncii', { bytes: endless(), kind: 'match' })) expect(row).toBeNull();
    };
    await expect(parse()).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
  });
});

test('any bytes in any format: rows that keep the rules, or HASHLIST_INVALID', async () => {
  const texts = [...SAMPLES.map(([, , text]) => text), `value,algorithm\n${PDQ},pdq\n`, `pdq ${PDQ}\n${MD5}`];
  const kept = /^(md5|sha1|sha256|pdq|blockhash|photodna)$/;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...HASHLIST_FORMATS),
      fc.constantFrom(...texts),
      fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'double')), { maxLength: 8 }),
      fc.integer({ min: 1, max: 400 }),
      async (format, text, changes, pieceBytes) => {
        let bytes = Buffer.from(text);
        for (const [where, byte, how] of changes) {
          const at = where % Math.max(1, bytes.length);
          if (how === 'set') bytes[at] = byte;
          else if (how === 'cut') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + byte)]);
          else bytes = Buffer.concat([bytes.subarray(0, at + byte), bytes.subarray(at)]);
        }
        try {
          for (const row of await rowsOf(format, bytes, {}, pieceBytes)) {
            if (!row.ok) continue;
            expect(row.entry.algorithm).toMatch(kept);
            expect(row.entry.value).toMatch(/^[0-9a-f]+$/);
            expect(row.entry.value).toHaveLength(VALUE_BYTES[row.entry.algorithm] * 2);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          expect(error).toMatchObject({ code: 'HASHLIST_INVALID' });
        }
      },
    ),
    { numRuns: 1_500, seed: 5 },
  );
});

test.each([
  ['text', '<images><image><id>', 'x'],
  ['comment', '<!--', ' '],
  ['tag', '<images count="', '1'],
])('XML: a %s without an end is refused before it fills the memory', async (_what, opening, filling) => {
  const head = `<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">${opening}`;
  let given = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(head);
    for (const piece = Buffer.from(filling.repeat(1_000_000)); ; given += piece.length) yield piece;
  }
  const read = async () => {
    for await (const row of parseHashList('ncmec', { bytes: endless(), kind: 'match' })) expect(row.ok).toBe(false);
  };
  await expect(read()).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
  expect(given).toBeLessThan(HASHLIST_RECORD_BYTES_MAX * 2);
});
