/** `--json`: every command has it, and prints what the API answers to the same request. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TObject } from '@sinclair/typebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { CliContext } from '../../src/cli/context.js';
import { allOf, definitionOf } from '../../src/cli/definitions.js';
import { createProgram } from '../../src/cli/program.js';
import { ImportReportResult, ListResult } from '../../src/http/list-schemas.js';
import { inProcess } from '../support/command-line.js';
import { PICTURES, type Running, startService } from '../support/running.js';

/** Commands whose output is no result, or has a format of its own. */
const WITHOUT: Readonly<Record<string, string>> = {
  serve: 'it runs until it is stopped; its logs are JSON',
  scan: 'its matches and its summary are JSON always',
  report: '--format json',
  completion: 'a script for a shell',
  man: 'a page for man',
};

const folder = tempFolder('json');
const dataDir = join(folder, 'data');
const env = { ZEEF_DATA_DIR: dataDir, ZEEF_LOG_LEVEL: 'silent', HOOK_SECRET: 'of-a-hook' };
let running: Running;

/** Run a command that succeeds, and return the one object that it prints. */
async function json(...args: string[]) {
  const { code, out, err } = await inProcess(env, ...args, '--json');
  expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
  expect(out).toMatch(/^\{.*\}\n$/);
  return JSON.parse(out);
}
const get = async (path: string) => (await fetch(`${running.url}${path}`)).json();
const fieldsOf = (schema: TObject) => Object.keys(schema.properties).sort();

beforeAll(async () => {
  running = await startService({ dataDir });
});
afterAll(() => running.stop());

test('every command has --json, but for those that are named here with the reason', () => {
  const all = allOf(definitionOf(createProgram({ out() {}, err() {} } as unknown as CliContext)));
  const leaves = all.filter(({ commands }) => commands.length === 0);
  const without = leaves.filter(({ options }) => !options.some(({ name }) => name === '--json'));
  expect(without.map(({ path }) => path).sort()).toEqual(Object.keys(WITHOUT).sort());
});

test('a list that is changed is printed as PATCH /v1/lists/{list} answers it; of entries, their number', async () => {
  expect(Object.keys(await json('lists', 'set', 'sample', '--radius', '20')).sort()).toEqual(fieldsOf(ListResult));
  expect(await json('lists', 'disable', 'sample')).toMatchObject({ list: 'sample', enabled: false, radiusBits: 20 });
  expect(await json('lists', 'enable', 'sample')).toEqual(await get('/v1/lists/sample'));
  const entry = ['sample', '--entry', 'mate-twowings'];
  for (const verb of ['disable', 'enable', 'quarantine', 'release', 'remove'])
    expect(await json('lists', verb, ...entry), verb).toEqual({ entries: expect.toSatisfy((count) => count > 0) });
  expect((await json('lists', 'show')).lists).toEqual((await get('/v1/lists')).lists);
  expect(await json('lists', 'quarantined')).toEqual({ entries: [] });
});

/** Import MD5 values of these numbers. */
async function importNumbers(from: number, to: number) {
  const file = join(folder, `${from}.txt`);
  const lines = Array.from({ length: to - from }, (_, at) => `md5 ${(from + at + 1).toString(16).padStart(32, '0')}`);
  writeFileSync(file, lines.join('\n'));
  return inProcess(env, 'lists', 'import', file, '--list', 'own', '--json');
}

test('versions are approved, rejected and rolled back with the report of an import, or the name of the list', async () => {
  expect((await importNumbers(0, 100)).code).toBe(0);
  const held = await importNumbers(50, 150);
  // A version that is held ends with 2, and stdout has its report.
  expect({ ...held, out: JSON.parse(held.out) }).toMatchObject({
    code: 2,
    err: '',
    out: { held: [{ rule: 'change' }] },
  });
  expect(await json('lists', 'reject', 'own')).toEqual({ list: 'own' });
  await importNumbers(50, 150);
  const approved = await json('lists', 'approve', 'own');
  expect(Object.keys(approved).sort()).toEqual(fieldsOf(ImportReportResult));
  expect(await json('lists', 'rollback', 'own', '--to', '1')).toMatchObject({ list: 'own', version: 3, added: 50 });
  expect(await json('lists', 'versions', 'own')).toEqual(await get('/v1/lists/own/versions'));
  expect(await json('lists', 'verify', 'own')).toMatchObject({ list: 'own', ok: true });
  const file = join(folder, 'own.sealed');
  expect(await json('lists', 'export', file, '--list', 'own')).toEqual({
    list: 'own',
    file,
    format: 'jsonl',
    sealed: true,
  });
  expect(await json('lists', 'rotate-key')).toEqual({ keyId: 2 });
  expect(await json('lists', 'remove', 'own')).toEqual({ list: 'own' });
});

test('a decision with --imported-at is on the version that was seen, and on no other', async () => {
  expect((await importNumbers(0, 100)).code).toBe(0);
  await importNumbers(50, 150);
  const heldNow = async () => (await json('lists', 'versions', 'own')).versions[0];
  const seen = await heldNow();
  const decisions = (verb: string, at: string) => inProcess(env, 'lists', verb, 'own', '--imported-at', at, '--json');
  // What is copied from the text names the version that it shows.
  expect((await inProcess(env, 'lists', 'versions', 'own')).out).toContain(
    `  zeef lists approve own --imported-at ${seen.importedAt}\n`,
  );
  await importNumbers(60, 160);
  const now = await heldNow();
  expect(now).toMatchObject({ version: seen.version, state: 'held' });
  for (const verb of ['approve', 'reject']) {
    const path = `/v1/lists/own/${verb}?importedAt=${seen.importedAt}`;
    const { code } = await (await fetch(`${running.url}${path}`, { method: 'POST' })).json();
    expect(await decisions(verb, seen.importedAt)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(new RegExp(`^zeef: ${code}: .*"importedAt":"${seen.importedAt}"`)),
    });
  }
  expect(await heldNow()).toEqual(now);
  expect(await decisions('reject', now.importedAt)).toMatchObject({ code: 0 });
  await importNumbers(70, 170);
  const { importedAt } = await heldNow();
  expect(await decisions('approve', importedAt)).toMatchObject({ code: 0, out: expect.stringMatching(/"version":2/) });
  expect(await decisions('approve', 'yesterday')).toMatchObject({ code: 2 });
  await json('lists', 'remove', 'own');
});

test('the source of a list is printed as GET /v1/lists/{list}/source answers it', async () => {
  const source = ['lists', 'source', 'remote'];
  const set = ['--type', 'ncmec', '--url', 'http://127.0.0.1:9/', '--secret-env', 'NCMEC_PASSWORD'];
  expect(await json(...source, ...set)).toEqual(await get('/v1/lists/remote/source'));
  const text = (await inProcess(env, ...source)).out;
  expect(text).toMatch(/^list {8}remote\ntype {8}ncmec\nurl .*\nsecrets {5}password in NCMEC_PASSWORD\n/);
  expect(await json(...source, '--forget')).toEqual({ list: 'remote' });
  expect(await inProcess(env, ...source, '--json')).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringMatching(/^zeef: NOT_FOUND: /),
  });
  // Lists that have a source: none.
  expect(await inProcess(env, 'lists', 'sync', '--json')).toEqual({ code: 0, out: '', err: '' });
});

test('keys, webhooks and suppressions are named by what was changed', async () => {
  const { info } = await json('keys', 'create', '--tenant', 'acme', '--scopes', 'admin');
  expect(await json('keys', 'list')).toEqual({ keys: [info] });
  expect(await json('keys', 'revoke', info.id)).toEqual({ id: info.id });
  const hook = await json('webhooks', 'add', 'http://127.0.0.1:9/in', '--secret-env', 'HOOK_SECRET');
  expect(await json('webhooks', 'ping', hook.id)).toEqual({ events: 1 });
  expect(await json('webhooks', 'retry', hook.id)).toEqual({ events: 0 });
  expect(await json('webhooks', 'list')).toEqual({ webhooks: [{ ...hook, waiting: 1, deadEvents: [] }] });
  expect(await json('webhooks', 'remove', hook.id)).toEqual({ id: hook.id, waiting: 1, dead: 0 });
  const value = 'f0e1'.repeat(16);
  const { id } = await json('suppressions', 'add', value, '--algorithm', 'pdq');
  expect(await json('suppressions', 'remove', id)).toEqual({ id });
  await json('suppressions', 'add', '--list', 'sample', '--entry', 'mate-freshflower');
  const entry = ['--list', 'sample', '--entry', 'mate-freshflower'];
  expect(await json('suppressions', 'remove', ...entry)).toEqual({ list: 'sample', entryId: 'mate-freshflower' });
});

test('a notice has its language beside its text, and a copy of the ledger its size', async () => {
  const image = join(PICTURES, 'mate-freshflower.jpg');
  expect((await inProcess(env, 'check', image)).code).toBe(1);
  const { id } = JSON.parse((await inProcess(env, 'hits', 'list', '--json')).out);
  const text = (await inProcess(env, 'notice', id, '--language', 'nl')).out;
  const made = await json('notice', id, '--language', 'nl');
  expect(made).toEqual({ id, language: 'nl', text: expect.stringContaining(image) });
  expect(made.text.split('\n')).toHaveLength(text.split('\n').length);
  const file = join(folder, 'ledger.copy');
  expect(await json('ledger', 'backup', file)).toEqual({ file, bytes: expect.toSatisfy((bytes) => bytes > 0) });
});
