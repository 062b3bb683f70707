/** `zeef hits` and `zeef suppressions`, as an abuse desk without a browser uses them. */
import { copyFileSync, linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { inProcess } from '../support/command-line.js';
import { run } from '../support/processes.js';

const work = tempFolder('hits');
const env = { ZEEF_DATA_DIR: join(work, 'data'), ZEEF_LOG_LEVEL: 'error' };
const zeef = (...args: string[]) => inProcess(env, ...args);
const linesOf = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const long = join(work, 'a folder with a name that is rather long', 'another one');
const NAMES = ['mate-freshflower.jpg', 'mate-twowings.jpg', 'palapeli-castle-maintenon.jpg'];

beforeAll(async () => {
  mkdirSync(long, { recursive: true });
  for (const name of NAMES) copyFileSync(join('hashlists', 'sample', 'pictures', name), join(long, name));
  expect(await run(env, 'hits', 'list')).toMatchObject({ code: 0, out: 'no hits\n' });
  await zeef('lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample');
  expect((await zeef('scan', long)).code).toBe(1);
});

test('hits are found by their state, reference, list and time, and each is one line of JSON', async () => {
  const all = linesOf((await zeef('hits', 'list', '--json')).out);
  expect(all.map(({ reference }) => reference).sort()).toEqual(NAMES.map((name) => join(long, name)));
  expect(all.map(({ id }) => id)).toEqual(
    all
      .map(({ id }) => id)
      .toSorted()
      .toReversed(),
  );
  const found = async (...flags: string[]) =>
    linesOf((await zeef('hits', 'list', '--json', ...flags)).out || '[]').flatMap(({ id }) => id ?? []);
  const ids = all.map(({ id }) => id);
  expect(await found('--status', 'open', '--kind', 'image', '--list', 'sample', '--category', 'sample')).toEqual(ids);
  expect(await found('--last', '2')).toEqual(ids.slice(0, 2));
  expect(await found('--all')).toEqual(ids);
  expect(await found('--order', 'oldest')).toEqual(ids.toReversed());
  expect(await found('--reference-prefix', long)).toEqual(ids);
  expect(await found('--reference', all[1].reference)).toEqual([ids[1]]);
  const { sha256 } = all[1].digests;
  expect(await found('--digest', sha256)).toEqual([ids[1]]);
  expect(await found('--digest', sha256.toUpperCase(), '--status', 'open')).toEqual([ids[1]]);
  expect(await zeef('hits', 'list', '--digest', sha256.slice(1))).toMatchObject({ code: 2 });
  for (const nothing of [
    ['--digest', sha256, '--status', 'removed'],
    ['--status', 'removed'],
    ['--kind', 'hash'],
    ['--list', 'other'],
    ['--category', 'other'],
    ['--tenant', 'other'],
    ['--reference', long],
    ['--to', '2020-01-01'],
    ['--overdue'],
  ])
    expect(await found(...nothing), nothing.join(' ')).toEqual([]);
  expect(await zeef('hits', 'list', '--status', 'gone')).toMatchObject({ code: 2 });
  expect(await zeef('hits', 'list', '--from', 'yesterday')).toMatchObject({ code: 2 });
  expect(await zeef('hits', 'list', '--last', '0')).toMatchObject({ code: 2 });
});

test('the table has headings, cuts nothing, and is no wider than its references', async () => {
  const lines = (await zeef('hits', 'list')).out.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^CASE {24}STATUS +DUE \(UTC\) +REFERENCE$/);
  expect(lines).toHaveLength(1 + 2 * NAMES.length);
  for (const line of lines.slice(1))
    expect(line).toMatch(/^[0-9A-Z]{26} {2}open {4}\d{4}-\d\d-\d\d \d\d:\d\d$|^ {4}\//);
  for (const name of NAMES) expect(lines).toContain(`    ${join(long, name)}`);
});

test('decisions are recorded one by one with their note and who decided; one that is refused keeps none back', async () => {
  const [a, b, c] = linesOf((await zeef('hits', 'list', '--json')).out).map(({ id }) => id);
  const first = await zeef('hits', 'decide', a, 'unknown', b, '--status', 'confirmed', '--note', 'seen by two');
  expect(first).toMatchObject({ code: 2, out: `${a}: confirmed\n${b}: confirmed\n` });
  expect(first.err).toMatch(/^zeef: unknown: NOT_FOUND: /);
  const [shown] = linesOf((await zeef('hits', 'show', a, '--json')).out);
  expect(shown).toMatchObject({
    status: 'confirmed',
    history: [{ note: 'seen by two', by: expect.stringMatching(/^cli/) }],
  });
  expect((await zeef('hits', 'show', a)).out).toMatch(
    /^history +\d{4}-\d\d-\d\d \d\d:\d\d confirmed by cli.*: seen by two$/m,
  );
  expect(await zeef('hits', 'decide', a, '--status', 'confirmed')).toMatchObject({
    code: 2,
    err: expect.stringContaining('HIT_STATE'),
  });
  expect((await zeef('hits', 'decide', a, '--status', 'open')).out).toBe(`${a}: open\n`);
  expect(await zeef('hits', 'decide', c, '--status', 'removed', '--suppress')).toMatchObject({ code: 2 });
  const [undecided] = linesOf((await zeef('hits', 'show', c, '--json')).out);
  expect(undecided.history).toEqual([]);
  const audit = linesOf((await zeef('audit', 'show', '--json')).out).filter(({ action }) => action === 'hit.status');
  expect(audit.map(({ target, outcome }) => `${target} ${outcome}`)).toEqual([
    `${a} done`,
    `${b} done`,
    `${a} failed`,
    `${a} done`,
  ]);
  expect(await zeef('hits', 'show', 'unknown')).toMatchObject({ code: 2 });
});

test('cases are assigned and disputed, each change audited, and a decision ends a dispute', async () => {
  const [{ id: a }, { id: b, status }] = linesOf((await zeef('hits', 'list', '--json', '--last', '2')).out);
  expect(await zeef('hits', 'assign', a, 'unknown', b, '--to', 'ann')).toMatchObject({
    code: 2,
    out: `${a}: open, assigned to ann\n${b}: ${status}, assigned to ann\n`,
    err: expect.stringMatching(/^zeef: unknown: NOT_FOUND/m),
  });
  const [disputed] = linesOf((await zeef('hits', 'dispute', a, '--note', 'ticket 4711', '--json')).out);
  expect(disputed).toMatchObject({
    assignee: 'ann',
    disputed: true,
    handling: [
      { assignee: 'ann', note: null },
      { disputed: true, note: 'ticket 4711' },
    ],
  });
  const found = async (...flags: string[]) =>
    linesOf((await zeef('hits', 'list', '--json', ...flags)).out).map(({ id }) => id);
  expect(await found('--assignee', 'ann')).toEqual([a, b]);
  expect(await found('--disputed')).toEqual([a]);
  const { out } = await zeef('hits', 'show', a);
  expect(out).toMatch(/^status +open, disputed\nassigned to +ann$/m);
  expect(out).toMatch(/^handling +\d{4}-\d\d-\d\d \d\d:\d\d disputed by cli.*: ticket 4711$/m);
  expect((await zeef('hits', 'dispute', a, '--end')).out).toBe(`${a}: open, assigned to ann\n`);
  await zeef('hits', 'dispute', a);
  await zeef('hits', 'decide', a, '--status', 'confirmed');
  expect((await zeef('hits', 'assign', a, b, '--none')).out).toBe(
    `${a}: confirmed, assigned to no one\n${b}: ${status}, assigned to no one\n`,
  );
  expect((await zeef('hits', 'list', '--disputed')).out).toBe('no hits\n');
  for (const wrong of [[], ['--to', 'ann', '--none'], ['--to', ' '], ['--to', 'x'.repeat(201)]])
    expect((await zeef('hits', 'assign', a, ...wrong)).code, wrong.join(' ')).toBe(2);
  const audit = linesOf((await zeef('audit', 'show', '--json')).out).filter(({ action }) => action === 'hit.handle');
  expect(audit).toHaveLength(7);
  expect(audit[0]).toMatchObject({ target: a, details: { assignee: 'ann' }, outcome: 'done' });
  await zeef('hits', 'decide', a, '--status', 'open');
});

test('a false positive suppresses its entry, which is listed and counts again once it is removed', async () => {
  const [{ id, entryId }] = linesOf((await zeef('hits', 'list', '--json', '--last', '1')).out);
  await zeef('hits', 'decide', id, '--status', 'false_positive', '--suppress');
  const all = async () => JSON.parse((await zeef('suppressions', 'list', '--json')).out).suppressions;
  expect(await all()).toMatchObject([{ id: null, list: 'sample', entryId }]);
  expect((await zeef('suppressions', 'list')).out).toMatch(new RegExp(`^WHAT +ID +NOTE\nentry +sample/${entryId}\n$`));
  expect((await zeef('suppressions', 'remove', '--list', 'sample', '--entry', entryId)).code).toBe(0);
  expect(await all()).toEqual([]);
  expect((await zeef('suppressions', 'remove', '--list', 'sample', '--entry', entryId)).code).toBe(2);
});

test('a value is suppressed without being shown, and is removed by its id', async () => {
  const value = 'f0e1'.repeat(16);
  const added = await zeef('suppressions', 'add', value, '--algorithm', 'pdq', '--note', 'our logo');
  expect(added).toMatchObject({ code: 0, err: '' });
  const listed = await zeef('suppressions', 'list');
  expect(listed.out).toContain('our logo');
  expect(listed.out + added.out).not.toContain(value);
  const [{ id }] = JSON.parse((await zeef('suppressions', 'list', '--json')).out).suppressions;
  expect(await zeef('suppressions', 'remove', id, '--entry', 'x')).toMatchObject({ code: 2 });
  expect(await zeef('suppressions', 'remove', id)).toMatchObject({ code: 0 });
  expect((await zeef('suppressions', 'list')).out).toBe('none\n');
  for (const wrong of [[], [value], ['--list', 'sample'], [value, '--algorithm', 'pdq', '--list', 'sample']])
    expect((await zeef('suppressions', 'add', ...wrong)).code, wrong.join(' ')).toBe(2);
});

test('more hits than one page has are all listed, each once', async () => {
  const many = join(work, 'many');
  const other = { ...env, ZEEF_DATA_DIR: join(work, 'many-data') };
  mkdirSync(many);
  for (let at = 0; at <= 1_000; at++) linkSync(join(long, NAMES[0]!), join(many, `${at}.jpg`));
  await run(other, 'lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample');
  expect((await run(other, 'scan', many)).code).toBe(1);
  const references = async (...flags: string[]) =>
    linesOf((await run(other, 'hits', 'list', '--json', ...flags)).out).map(({ reference }) => reference);
  expect(new Set(await references('--all')).size).toBe(1_001);
  expect(await references('--last', '1001', '--order', 'due')).toHaveLength(1_001);
  expect(await references('--last', '1000')).toHaveLength(1_000);
});
