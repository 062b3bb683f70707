/** Tables of the commands that list, drawn with long and odd values: they fit a terminal, control nothing and lose nothing. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { replicasText } from '../../src/cli/replicas.js';
import { tableText } from '../../src/cli/table.js';
import { inProcess, onTerminal } from '../support/command-line.js';

const COLUMNS = 80;
const folder = tempFolder('tables');
const env = { ZEEF_DATA_DIR: join(folder, 'data'), ZEEF_LOG_LEVEL: 'silent' };

/** Control of a terminal, a line of its own, the other direction, characters of two columns and of none. */
const ODD = 'red \x1b[31m\r\nx\tз\u202e漢字漢字 e\u0301 👍👍 ';
const LONG_NAME = `${'n'.repeat(60)}-end`;
/** An import takes no control character in an id. */
const ODD_ID = `з漢字漢字 e\u0301 👍👍 ${'y'.repeat(90)} end`;
const ODD_TEXT = `${ODD}${ODD}${'y'.repeat(90)} end`;

const hasWide = /[漢字👍]/u;
/** Columns of a line, of the characters that are used here. */
const widthOf = (line: string) =>
  [...line].reduce((sum, char) => sum + (char === '\u0301' ? 0 : hasWide.test(char) ? 2 : 1), 0);

/** Expect a table with these headings that fits, and return it without its breaks. */
function expectFits(text: string, headings: string): string {
  const lines = text.trimEnd().split('\n');
  for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(COLUMNS);
  expect(text).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
  const whole = text.replaceAll(/\s+/g, '');
  expect(whole.startsWith(headings.replaceAll(/\s+/g, '')), text).toBe(true);
  return whole;
}

async function drawn(headings: string, ...args: string[]): Promise<string> {
  const { code, out, err } = await onTerminal(COLUMNS, env, ...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return expectFits(out, headings);
}

/** A list of two entries with such ids; a version of it that holds many more is held. */
async function importOdd() {
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) =>
      JSON.stringify({ entryId: `${ODD_ID} ${from + at}`, md5: (from + at + 1).toString(16).padStart(32, '0') }),
    ).join('\n');
  const file = join(folder, `${'f'.repeat(100)}.jsonl`);
  writeFileSync(file, rows(0, 40));
  const list = ['lists', 'import', file, '--list', LONG_NAME];
  expect(await inProcess(env, ...list)).toMatchObject({ code: 0, err: '' });
  writeFileSync(file, rows(30, 90));
  expect(await inProcess(env, ...list)).toMatchObject({ code: 2, out: expect.stringContaining('HELD') });
}

beforeAll(async () => {
  await importOdd();
  const map = ['--category-map', `${'c'.repeat(100)}=term`, '--entry-days', '7', '--expires', '2099-01-01'];
  await inProcess(env, 'lists', 'set', LONG_NAME, ...map);
  await inProcess(env, 'lists', 'quarantine', LONG_NAME, '--entry', `${ODD_ID} 7`);
  const scopes = ['check', 'check:hashes', 'details', 'hits', 'lists', 'admin'];
  await inProcess(env, 'keys', 'create', '--tenant', LONG_NAME, '--scopes', ...scopes, '--name', ODD_TEXT);
  const limits = ['--checks-per-day', '9007199254740991', '--checks-per-second', '1'];
  await inProcess(env, 'tenants', 'set', LONG_NAME, ...limits, '--reference-url', 'https://admin.example/{reference}');
  const hook = ['webhooks', 'add', `https://desk.example/${'p'.repeat(300)}`, '--tenant', LONG_NAME];
  await inProcess(env, ...hook, '--secret-env', `S${'_'.repeat(90)}`);
});

test('keys', async () => {
  // The id is in one piece, since it is copied.
  expect((await onTerminal(COLUMNS, env, 'keys', 'list')).out).toMatch(/^[0-9A-Z]{26} /m);
  const text = await drawn('ID  TENANT  STATE (UTC)  LAST USED  SCOPES: NAME', 'keys', 'list');
  expect(text).toContain('\\u001b[31m\\u000d\\nx\\tз\\u202e漢字漢字e\u0301👍👍');
});

test('tenants', async () => {
  const text = await drawn('TENANT  STATE  CHECKS TODAY  BYTES TODAY  LIMITS', 'tenants', 'list');
  expect(text).toContain('checksPerDay9007199254740991,');
  expect(text).toMatch(/referenceshttps:\/\/admin\.example\/\{reference\}$/);
});

test('lists', async () => {
  const text = await drawn('LIST  STATE  ENTRIES  VERSION  IMPORTED (UTC)  WHAT', 'lists', 'show');
  expect(text).toContain(`${'c'.repeat(50)}`);
  expect(text).toMatch(/1,2held/);
});

test('versions, and why one is held', async () => {
  const headings = 'VERSION  STATE  IMPORTED  ADDED  REMOVED  REJECTED  ORIGIN';
  const text = await drawn(headings, 'lists', 'versions', LONG_NAME);
  expect(text).toMatch(/2held\d{4}-\d\d-\d\dT[\d:.]+Z/);
  expect(text).toContain('80entriesaddedorremoved(limit');
});

test('quarantined entries', async () => {
  const text = await drawn('LIST  STATE  ENTRY', 'lists', 'quarantined');
  expect(text).toMatch(/quarantined.*yend7$/);
});

test('webhooks', async () => {
  const text = await drawn('ID  TENANT  SECRET IN  WAITING  FAILED  ADDRESS', 'webhooks', 'list');
  expect(text).toContain(`https://desk.example/${'p'.repeat(300)}`);
});

test('the audit log', async () => {
  const text = await drawn('ROW  AT (UTC)  ACTOR  ACTION  END  ABOUT', 'audit', 'show', '--last', '20');
  expect(text).toContain(`target=${LONG_NAME}`);
});

test('suppressions', async () => {
  await drawn('WHAT  ID  NOTE', 'suppressions', 'list');
});

test('replicas', () => {
  const replica = { id: '0123456789ab', kind: 'serve', codeVersion: '0.2.0', isLive: false } as const;
  const long = { host: `${ODD_TEXT}${LONG_NAME}`, generation: 2 ** 53, skewMs: -123_456, seenMsAgo: 90_000_000 };
  const text = replicasText([{ ...replica, ...long }], COLUMNS);
  expect(expectFits(text, 'ID  KIND  VERSION  GENERATION  SEEN  SKEW  HOST')).toContain(LONG_NAME);
});

test('without a terminal a row is one line, or two with its last cell alone, and no cell is broken', () => {
  const [long, odd] = ['a'.repeat(70), 'b '.repeat(60).trim()];
  expect(tableText(['ONE', 'TWO', 'THREE'], [['1', long, odd]], null)).toBe(
    `ONE  TWO  THREE\n1    ${long}\n    ${odd}\n`,
  );
  expect(tableText(['ONE'], [], null)).toBe('none\n');
});

test('a wider terminal is used, and one that is too narrow gets lines of 40 columns', () => {
  const row = ['0123456789', 'b '.repeat(50).trim()];
  expect(tableText(['ONE', 'TWO'], [row], 200).split('\n')[1]).toBe(row.join('  '));
  for (const line of tableText(['ONE', 'TWO'], [row], 5).split('\n')) expect(line.length).toBeLessThanOrEqual(40);
});
