/** Banks of HMA: dumps of its database, and contents as its interface answers them. */
import { describe, expect, test } from 'vitest';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { HmaDump } from '../../src/hashlists/formats/hma-dump.js';
import { type HmaFacts, joinedFacts } from '../../src/hashlists/hma-facts.js';
import { HASHLIST_LINE_BYTES_MAX } from '../../src/hashlists/lines.js';
import { hmaDump } from '../support/hma-dump.js';
import { parsedRows } from '../support/parsed.js';

const MD5 = '900150983cd24fb0d6963f7d28e17f72';
const PDQ = '71'.repeat(32);
const OTHER = '17'.repeat(32);
const UNTIL = 1_900_000_000;
/** Past: it counts. */
const COUNTS = '1970-01-01T00:00:01.000Z';

async function read(text: string, bank?: string) {
  const told: HmaFacts[] = [];
  const rows = await parsedRows('hma', text, { bank, onHma: (one) => void told.push(one) });
  return { rows, facts: joinedFacts(told) };
}
const said = (rows: readonly ParsedRow[]) =>
  rows.map((row) =>
    row.ok
      ? `${row.entry.entryId} ${row.entry.algorithm} ${row.entry.value}`
      : `${row.reason} ${JSON.stringify(row.gone ?? row.of ?? null)}`,
  );
const refused = (text: string, bank?: string) =>
  read(text, bank).then(
    () => null,
    (error: unknown) => error,
  );

const NOTE = 'a\ttab, a \\ and\na line';
const METADATA = { content_id: 'post 5', content_uri: 'https://media.example.org/5', json: { seen: 2 } };
const PARTS = {
  contents: [
    [17, 1, 1, NOTE, JSON.stringify(METADATA)],
    [18, 1, 0],
    [19, 1, UNTIL],
    [20, 1, 1],
  ],
  signals: [
    [17, 'pdq', PDQ],
    [17, 'video_md5', MD5],
    [18, 'pdq', PDQ],
    [18, 'vpdq', 'x'],
    [19, 'pdq', OTHER],
    [20, 'vpdq', 'a,b'],
    [20, 'text_tlsh', 'T1'],
  ],
  exchanges: ['NCMEC_INDUSTRY', 'STOPNCII'],
} as const;
const EXPECTED = [
  `hma-17 pdq ${PDQ}`,
  `hma-17 md5 ${MD5}`,
  'not_active {"entryId":"hma-18"}',
  'not_active {"entryId":"hma-18"}',
  `hma-19 pdq ${OTHER}`,
  'unknown_algorithm {"entryId":"hma-20"}',
  'unknown_algorithm {"entryId":"hma-20"}',
];
const ORDERS = [
  ['as pg_dump has them', undefined],
  ['signals first', ['content_signal', 'exchange', 'bank_content', 'bank']],
  ['banks last', ['bank_content', 'exchange_data', 'content_signal', 'bank', 'exchange']],
  ['contents last', ['bank', 'exchange', 'content_signal', 'bank_content']],
] as const;

describe('a dump', () => {
  test.each(ORDERS)('blocks %s', async (_says, order) => {
    const { rows, facts } = await read(hmaDump({ ...PARTS, ...(order ? { order } : {}) }));
    expect(said(rows)).toEqual(EXPECTED);
    expect(facts).toEqual({
      bank: 'DESK',
      ratio: 1,
      contents: 4,
      disabledForEver: 1,
      notesLeftOut: 0,
      otherTypes: { vpdq: 1, text_tlsh: 1 },
      exchanges: ['NCMEC_INDUSTRY', 'STOPNCII'],
    });
    const entries = rows.flatMap((row) => (row.ok ? [row.entry] : []));
    expect(entries.map(({ mediaType }) => mediaType)).toEqual([null, 'video', null]);
    const until = new Date(UNTIL * 1000).toISOString();
    expect(entries.map(({ inactiveUntil }) => inactiveUntil)).toEqual([COUNTS, COUNTS, until]);
    expect(JSON.parse(entries[0]!.notes.metadata!)).toEqual(METADATA);
    // A control character of a note is shown, and changes no line.
    expect(entries[0]!.notes.note).toBe(NOTE.replaceAll(/[\t\n]/g, '\uFFFD'));
    expect(entries[2]!.notes).toEqual({});
  });

  test('line ends of Windows, a byte-order mark, UTF-16', async () => {
    const text = hmaDump(PARTS);
    expect(said((await read(text.replaceAll('\n', '\r\n'))).rows)).toEqual(EXPECTED);
    expect(said((await read(`\uFEFF${text}`)).rows)).toEqual(EXPECTED);
  });

  test('a note or metadata with a value, or too long, is left out and counted', async () => {
    const { rows, facts } = await read(
      hmaDump({
        contents: [
          [1, 1, 1, 'kept', JSON.stringify({ content_id: MD5 })],
          [2, 1, 1, 'x'.repeat(5_000)],
          [3, 1, 1, 'kept', '[1]'],
          [4, 1, 1, null, 'null'],
        ],
        signals: [1, 2, 3, 4].map((at) => [at, 'pdq', PDQ] as const),
      }),
    );
    expect(facts).toMatchObject({ contents: 4, notesLeftOut: 3 });
    expect(rows.map((row) => row.ok && row.entry.notes.note)).toEqual(['kept', undefined, 'kept', undefined]);
    expect(JSON.stringify(rows)).not.toContain(MD5);
  });

  test('values that identify nothing are rejected as in every list', async () => {
    const signals = [
      [1, 'pdq', '0'.repeat(64)],
      [1, 'video_md5', 'd41d8cd98f00b204e9800998ecf8427e'],
      [1, 'pdq', 'broken'],
    ] as const;
    const { rows } = await read(hmaDump({ contents: [[1]], signals }));
    const of = '{"entryId":"hma-1"}';
    expect(said(rows)).toEqual([`weight ${of}`, `meaningless ${of}`, `malformed ${of}`]);
  });
});

describe('several banks', () => {
  const several = (order?: readonly string[]) =>
    hmaDump({
      banks: [
        [1, 'DESK', 1],
        [2, 'OTHER_BANK', 0.25],
      ],
      contents: [
        [1, 1, 0, 'x'.repeat(5_000)],
        [2, 2, 1],
      ],
      signals: [
        [1, 'vpdq', 'x'],
        [2, 'pdq', PDQ],
      ],
      ...(order ? { order } : {}),
    });

  test.each(ORDERS)('one is chosen, blocks %s', async (_says, order) => {
    const { rows, facts } = await read(several(order), 'OTHER_BANK');
    expect(said(rows)).toEqual([`hma-2 pdq ${PDQ}`]);
    expect(facts).toMatchObject({ bank: 'OTHER_BANK', ratio: 0.25, contents: 1, disabledForEver: 0, notesLeftOut: 0 });
    expect(facts!.otherTypes).toEqual({});
  });

  test('without a choice, or with another name, the banks are named', async () => {
    expect(await refused(several())).toMatchObject({
      code: 'HASHLIST_INVALID',
      details: { expected: '--bank with one of DESK OTHER_BANK' },
    });
    expect(await refused(several(), 'NONE')).toMatchObject({
      code: 'HASHLIST_INVALID',
      details: { bank: 'NONE', expected: 'DESK OTHER_BANK' },
    });
  });

  test('files of different banks are no list', () => {
    const none = { ratio: 1, contents: 1, disabledForEver: 0, notesLeftOut: 0, otherTypes: { a: 1 }, exchanges: ['E'] };
    expect(joinedFacts([])).toBeNull();
    expect(
      joinedFacts([
        { bank: 'A', ...none },
        { bank: 'A', ...none },
      ]),
    ).toMatchObject({
      contents: 2,
      otherTypes: { a: 2 },
      exchanges: ['E'],
    });
    expect(() =>
      joinedFacts([
        { bank: 'A', ...none },
        { bank: 'B', ...none },
      ]),
    ).toThrow(expect.objectContaining({ details: expect.objectContaining({ expected: '--bank with one of A B' }) }));
  });
});

describe('damage', () => {
  const whole = hmaDump({ contents: [[1]], signals: [[1, 'pdq', PDQ]] });
  test.each([
    ['a row cut off', whole.slice(0, whole.indexOf(PDQ) + 9), 'truncated'],
    ['no signals', whole.replace('public.content_signal', 'public.elsewhere'), 'no COPY block of content_signal'],
    ['a missing column', whole.replace(', signal_val)', ', signal_text)'), 'has no column signal_val'],
    ['a column twice', whole.replace('(bank_id, id', '(bank_id, bank_id, id'), 'the COPY block of bank_content'],
    ['a table twice', whole + whole, 'two COPY blocks of bank'],
    ['a bank without a name', whole.replace('1\tDESK\t', '1\t\\N\t'), 'damaged row of bank'],
    ['a share that is none', whole.replace('1\tDESK\t1', '1\tDESK\t2'), 'damaged row of bank'],
    ['a bank that is not there', whole.replace('1\tDESK', '7\tDESK'), 'contents of a bank'],
    ['no bank', whole.replace('1\tDESK\t1\t\\N\n', ''), 'the dump has no bank'],
    ['a custom dump', `PGDMP\u0001\u000e${'x'.repeat(500)}`, 'no COPY block of bank, bank_content, content_signal'],
    ['inserts', "INSERT INTO public.bank VALUES (1, 'DESK', 1);\n", 'no COPY block of bank'],
    ['white space', '\n\n', 'empty file'],
  ])('%s is refused', async (_says, text, why) => {
    const error = await refused(text);
    expect(error).toMatchObject({ code: 'HASHLIST_INVALID', details: { why: expect.stringContaining(why) } });
    expect(JSON.stringify(error)).not.toContain(PDQ.slice(0, 8));
  });

  test('a damaged content, and the signals of it, are reported with their lines', async () => {
    const text = hmaDump({
      contents: [[1], [2, 1, -5], [3, 1, 1, 'x'.repeat(HASHLIST_LINE_BYTES_MAX)]],
      signals: [
        [1, 'pdq', PDQ],
        [2, 'pdq', PDQ],
        [3, 'pdq', PDQ],
        [99, 'pdq', PDQ],
      ],
    }).replace(`${PDQ}\n`, `${PDQ}\tmore\n`);
    const { rows } = await read(text);
    const lines = text.split('\n');
    const numbered = rows.map((row) => [row.ok ? 'ok' : row.reason, lines[row.line - 1]!.slice(0, 3)]);
    expect(numbered).toEqual([
      ['malformed', '1\t2'],
      ['line_too_long', '1\t3'],
      ['malformed', '1\t2'],
      ['malformed', '2\t2'],
      ['malformed', '3\t2'],
      ['malformed', '99\t'],
    ]);
  });

  test('what is held is bounded: contents, their notes, and signals before them', () => {
    const take = (text: string, bytesMax: number) => {
      const dump = new HmaDump({ kind: 'match' }, bytesMax);
      let count = 0;
      for (const [at, line] of text.split('\n').entries())
        for (const row of dump.take({ number: at + 1, text: line })) count += row.ok ? 1 : 0;
      return count;
    };
    const contents = Array.from({ length: 100 }, (_, at) => [at, 1, 1]);
    const signals = Array.from({ length: 100 }, (_, at) => [at, 'pdq', PDQ] as const);
    expect(take(hmaDump({ contents, signals }), 10_000)).toBe(100);
    const why = 'contents, and signals before them, exceed 10000 bytes of memory';
    const exceeded = expect.objectContaining({ details: { line: expect.any(Number), why } });
    const order = ['content_signal', 'bank_content', 'bank'];
    expect(() => take(hmaDump({ contents, signals, order }), 10_000)).toThrow(exceeded);
    const noted = contents.map((row) => [...row, 'a note of a hundred characters'.padEnd(100, '.')]);
    expect(() => take(hmaDump({ contents: noted, signals }), 10_000)).toThrow(exceeded);
  });
});

describe('contents as JSON lines', () => {
  const content = (id: number, more: object = {}) =>
    JSON.stringify({
      id,
      disable_until_ts: 1,
      original_media_uri: null,
      bank: { name: 'DESK', matching_enabled_ratio: 0.5 },
      signals: { pdq: PDQ },
      ...more,
    });
  const lines = [
    content(17, { signals: { pdq: PDQ, video_md5: MD5 }, note: 'seen', metadata: METADATA }),
    content(18, { disable_until_ts: 0 }),
    content(19, { disable_until_ts: UNTIL, signals: { pdq: OTHER } }),
    '',
    content(20, { signals: { vpdq: 'x' } }),
    content(21, { signals: undefined }),
    content(22, { signals: undefined, disable_until_ts: 0 }),
    content(23, { bank: { name: MD5 } }),
    content(24, { disable_until_ts: 'soon' }),
    content(25, { note: 'x'.repeat(HASHLIST_LINE_BYTES_MAX) }),
    '[1]',
    '{"message": "not found"}',
  ];

  test('each is an entry', async () => {
    const { rows, facts } = await read(lines.join('\n'));
    expect(said(rows)).toEqual([
      `hma-17 pdq ${PDQ}`,
      `hma-17 md5 ${MD5}`,
      'not_active {"entryId":"hma-18"}',
      `hma-19 pdq ${OTHER}`,
      'unknown_algorithm {"entryId":"hma-20"}',
      'malformed {"entryId":"hma-21"}',
      'not_active {"entryId":"hma-22"}',
      'malformed null',
      'malformed null',
      'line_too_long null',
      'malformed null',
      'malformed null',
    ]);
    expect(rows[0]).toMatchObject({ entry: { notes: { note: 'seen', metadata: JSON.stringify(METADATA) } } });
    expect(rows[3]).toMatchObject({ entry: { inactiveUntil: new Date(UNTIL * 1000).toISOString() } });
    expect(facts).toEqual({
      bank: 'DESK',
      ratio: 0.5,
      contents: 6,
      disabledForEver: 2,
      notesLeftOut: 0,
      otherTypes: { vpdq: 1 },
      exchanges: [],
    });
  });

  test('of several banks one is chosen', async () => {
    const text = [content(1), content(2, { bank: { name: 'OTHER_BANK', matching_enabled_ratio: 1 } })].join('\n');
    expect(said((await read(text, 'OTHER_BANK')).rows)).toEqual([`hma-2 pdq ${PDQ}`]);
    expect(await refused(text)).toMatchObject({ details: { expected: '--bank with one of DESK OTHER_BANK' } });
    expect(await read(text, 'NONE')).toEqual({ rows: [], facts: null });
  });

  test('names of other types are told only where they are names', async () => {
    const { facts } = await read(content(1, { signals: { [PDQ]: 'x', vpdq: 'y' } }));
    expect(facts!.otherTypes).toEqual({ others: 1, vpdq: 1 });
  });
});
