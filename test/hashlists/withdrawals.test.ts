/** How each format says that an entry is listed no more, or turned harmless: the row withdraws it, at the source's own time. */
import { describe, expect, test } from 'vitest';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import type { HashlistFormat } from '../../src/hashlists/importers.js';
import { parseMapping } from '../../src/hashlists/mapping.js';
import { parsedRows } from '../support/parsed.js';

const MD5 = '900150983cd24fb0d6963f7d28e17f72';
const AT_SECONDS = 1_700_000_000;
const AT = '2023-11-14T22:13:20.000Z';

/** The row's reason, and the entry or value that it withdraws. */
const said = (rows: readonly ParsedRow[]) =>
  rows.map((row) => (row.ok ? 'ok' : [row.reason, row.gone ?? (row.of ? { of: row.of } : null)]));

const ENTRY = { entryId: 'e', at: AT };
const VALUE = { algorithm: 'md5', value: MD5, at: AT };

const te = (more: object, statuses: readonly string[] = ['MALICIOUS']) =>
  JSON.stringify([
    {
      id: 'e',
      indicator: MD5,
      type: 'HASH_MD5',
      last_updated: AT_SECONDS,
      descriptors: { data: statuses.map((status) => ({ id: 'd', status })) },
      ...more,
    },
  ]);
const tat = (more: object) =>
  JSON.stringify({ results: [{ id: 'e', hash_digest: MD5, algorithm: 'MD5', updated_on: AT_SECONDS, ...more }] });
const stopNcii = (more: object) =>
  JSON.stringify({
    hashRecords: [
      { signalType: 'ImageMD5', hashValue: MD5, hashStatus: 'Active', lastModtimestamp: AT_SECONDS, ...more },
    ],
  });
const vics = (more: object) =>
  JSON.stringify({ value: [{ MediaID: 'e', MD5, Category: 1, DateUpdated: AT, AlternativeHashes: [], ...more }] });
const own = (more: object) =>
  JSON.stringify({ entryId: 'e', algorithm: 'md5', value: MD5, updatedAt: AT, status: 'active', ...more });
const ncmec = (entry: string) =>
  `<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images>${entry}</images></queryResult>`;
const ABOUT = `<member id="42">M</member><id>e</id><timestamp>${AT}</timestamp>`;
const MEMBER_ENTRY = { entryId: '42/e', at: AT };

describe('each format', () => {
  test.each<[string, HashlistFormat, string, unknown]>([
    ['ThreatExchange, as listed', 'threatexchange', te({}), 'ok'],
    ['should_delete', 'threatexchange', te({ should_delete: true }), ['not_active', ENTRY]],
    ['should_delete as a text', 'threatexchange', te({ should_delete: 'True' }), ['not_active', ENTRY]],
    ['should_delete as a number', 'threatexchange', te({ should_delete: 1 }), ['not_active', ENTRY]],
    ['should_delete, not set', 'threatexchange', te({ should_delete: 'false' }), 'ok'],
    ['deleted as a text', 'tech-against-terrorism', tat({ deleted: 'true' }), ['not_active', ENTRY]],
    ['deleted as a number', 'tech-against-terrorism', tat({ deleted: 1 }), ['not_active', ENTRY]],
    ['deleted, not set', 'tech-against-terrorism', tat({ deleted: 0 }), 'ok'],
    ['category 0 with a blank', 'vics', vics({ Category: '0 ' }), ['known_good', ENTRY]],
    ['a time in seconds', 'jsonl', own({ status: 'deleted', updatedAt: AT_SECONDS }), ['not_active', ENTRY]],
    [
      'a time in milliseconds',
      'jsonl',
      own({ status: 'deleted', updatedAt: `${AT_SECONDS}000` }),
      ['not_active', ENTRY],
    ],
    ['no descriptors', 'threatexchange', te({ descriptors: undefined }), ['not_active', ENTRY]],
    ['no descriptors left', 'threatexchange', te({}, []), ['not_active', ENTRY]],
    ['harmless', 'threatexchange', te({}, ['NON_MALICIOUS']), ['known_good', ENTRY]],
    ['harmless, without a value', 'threatexchange', te({ indicator: '' }, ['NON_MALICIOUS']), ['known_good', ENTRY]],
    ['unknown', 'threatexchange', te({}, ['UNKNOWN']), ['not_active', ENTRY]],
    ['suspicious alone', 'threatexchange', te({}, ['SUSPICIOUS']), ['not_active', ENTRY]],
    ['disputed', 'threatexchange', te({}, ['NON_MALICIOUS', 'MALICIOUS']), 'ok'],
    [
      'a time without a colon',
      'threatexchange',
      te({ last_updated: '2023-11-14T22:13:20+0000' }, []),
      ['not_active', ENTRY],
    ],
    ['without an id', 'threatexchange', te({ id: undefined, should_delete: true }), ['not_active', VALUE]],

    ['Tech Against Terrorism, as listed', 'tech-against-terrorism', tat({ deleted: false }), 'ok'],
    ['deleted', 'tech-against-terrorism', tat({ deleted: true }), ['not_active', ENTRY]],
    [
      'deleted, without its digest',
      'tech-against-terrorism',
      tat({ deleted: true, hash_digest: null }),
      ['not_active', ENTRY],
    ],
    ['deleted, without an id', 'tech-against-terrorism', tat({ deleted: true, id: null }), ['not_active', VALUE]],

    ['StopNCII, as listed', 'stopncii', stopNcii({}), 'ok'],
    ...['Received', 'Withdrawn', 'Deleted', 'Unknown', 'Revoked'].map(
      (hashStatus): [string, HashlistFormat, string, unknown] => [
        hashStatus,
        'stopncii',
        stopNcii({ hashStatus }),
        ['not_active', VALUE],
      ],
    ),
    ...[
      { hashStatus: undefined },
      { hashStatus: '' },
      { signalType: undefined },
      { hashValue: null },
      { lastModtimestamp: undefined },
      { lastModtimestamp: '' },
      { lastModtimestamp: 'today' },
    ].map((more): [string, HashlistFormat, string, unknown] => [
      `malformed, ${JSON.stringify(more)}`,
      'stopncii',
      stopNcii(more),
      ['malformed', null],
    ]),

    ['VICS, as listed', 'vics', vics({}), 'ok'],
    ['category 0', 'vics', vics({ Category: 0 }), ['known_good', ENTRY]],
    ['category 0, without values', 'vics', vics({ Category: 0, MD5: null }), ['known_good', ENTRY]],
    ['no values', 'vics', vics({ MD5: null }), ['malformed', { of: ENTRY }]],

    ['NCMEC, as listed', 'ncmec', ncmec(`<image>${ABOUT}<fingerprints><md5>${MD5}</md5></fingerprints></image>`), 'ok'],
    ['a deletion', 'ncmec', ncmec(`<deletedImage>${ABOUT}</deletedImage>`), ['not_active', MEMBER_ENTRY]],
    ['no fingerprints', 'ncmec', ncmec(`<image>${ABOUT}</image>`), ['malformed', { of: MEMBER_ENTRY }]],
    [
      'a fingerprint elsewhere',
      'ncmec',
      ncmec(`<image>${ABOUT}<fingerprints><md5 href="/x"/></fingerprints></image>`),
      ['not_a_value', { of: MEMBER_ENTRY }],
    ],

    ['JSON lines, as listed', 'jsonl', own({}), 'ok'],
    ['deleted', 'jsonl', own({ status: 'deleted' }), ['not_active', ENTRY]],
    ['deleted, without a value', 'jsonl', own({ status: 'deleted', value: '' }), ['not_active', ENTRY]],
    ['deleted, without an id', 'jsonl', own({ status: 'deleted', entryId: '' }), ['not_active', VALUE]],
    ['deleted, without either', 'jsonl', own({ status: 'deleted', entryId: '', value: '' }), ['malformed', null]],
    ['unreadable', 'jsonl', own({ value: 'x' }), ['malformed', { of: ENTRY }]],
    [
      'an id that is the value',
      'jsonl',
      own({ value: 'x-y', entryId: 'x-y' }),
      ['malformed', { of: { ...ENTRY, entryId: 'x-y' } }],
    ],
    [
      'withdrawn, with a dash for a value that the id has too',
      'jsonl',
      own({ status: 'deleted', value: '-', entryId: 'a-1' }),
      ['not_active', { ...ENTRY, entryId: 'a-1' }],
    ],
    [
      'withdrawn, with 0 for a value',
      'jsonl',
      own({ status: 'deleted', value: '0', entryId: 'img-001' }),
      ['not_active', { ...ENTRY, entryId: 'img-001' }],
    ],
  ])('%s (%s)', async (_says, format, text, expected) => {
    expect(said(await parsedRows(format, text))).toEqual([expected]);
  });
});

describe('a mapped status', () => {
  test.each(['withdrawn', 'Deleted', 'removed', 'inactive', 'revoked', 'false_positive', '0', 'no'])(
    '%s withdraws, with a value and without',
    async (word) => {
      const mapping = parseMapping('md5=HASH,entryId=ID,status=STATE,updatedAt=TIME');
      const text = `ID,HASH,STATE,TIME\ne,${MD5},${word},${AT}\ne,,${word},${AT}\n,${MD5},${word},${AT}\n`;
      expect(said(await parsedRows('csv', text, { mapping }))).toEqual([
        ['not_active', ENTRY],
        ['not_active', ENTRY],
        ['not_active', VALUE],
      ]);
      const record = { ID: 'e', HASH: MD5, STATE: word, TIME: AT };
      for (const [format, document] of [
        ['json', JSON.stringify([record])],
        ['jsonl', JSON.stringify(record)],
      ] as const)
        expect(said(await parsedRows(format, document, { mapping }))).toEqual([['not_active', ENTRY]]);
    },
  );

  test.each(['json', 'jsonl'] as const)('a truth value in %s is a word, and no active status', async (format) => {
    const mapping = parseMapping('md5=HASH,entryId=ID,status=deleted');
    const record = JSON.stringify({ ID: 'e', HASH: MD5, deleted: true });
    const text = format === 'json' ? `[${record}]` : record;
    expect(said(await parsedRows(format, text, { mapping }))).toEqual([['not_active', { entryId: 'e' }]]);
  });
});

test('an entry that left the chosen categories is withdrawn, by a record without values too', async () => {
  const categories = ['2'];
  expect(said(await parsedRows('vics', vics({}), { categories }))).toEqual([['other_category', ENTRY]]);
  expect(said(await parsedRows('vics', vics({ MD5: '' }), { categories }))).toEqual([['other_category', ENTRY]]);
  expect(said(await parsedRows('vics', vics({ Category: 2 }), { categories }))).toEqual(['ok']);
});
