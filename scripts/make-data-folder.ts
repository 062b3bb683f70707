/**
 * Makes a data folder as written by one release of Zeef, for `test/sqlite/data-folders.test.ts`: every later version
 * must read the folder of every release, or refuse it with one line. Run it once, with the build of that release:
 *
 *     node dist/scripts/make-data-folder.js PATH_TO_THE_RELEASE VERSION
 *
 * Result: `VERSION.tar.gz` (the data folder and an inventory) and `VERSION.json` (its contents) in
 * `test/fixtures/data-folders`. All values in it are from the sample list.
 */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { childEnv } from '../bench/child.js';
import { PACKAGE_ROOT } from '../src/core/package-root.js';

/** The inventory stores the path of each file, so the images are in a folder that reveals nothing about the machine. */
const WORK = '/tmp/zeef-data-folder';
const OUT = join(PACKAGE_ROOT, 'test', 'fixtures', 'data-folders');
const SAMPLE = join(PACKAGE_ROOT, 'hashlists', 'sample');
const IMAGE = join(SAMPLE, 'pictures', 'mate-freshflower.jpg');
const TENANT = 'acme';

const [release, version] = process.argv.slice(2);
if (!release || !version) throw new Error('usage: make-data-folder PATH_TO_THE_RELEASE VERSION');
const main = join(resolve(release), 'dist', 'src', 'main.js');

rmSync(WORK, { recursive: true, force: true });
mkdirSync(WORK);
const env = childEnv({ ZEEF_DATA_DIR: join(WORK, 'data'), ZEEF_WORKERS: '1', HOOK_SECRET: 'of-a-test' });

/** Run one command and return its stdout. Errors: an unexpected exit code. */
function zeef(args: readonly string[], codes: readonly number[] = [0]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { env, encoding: 'utf8' });
  if (!codes.includes(status ?? -1)) throw new Error(`zeef ${args.join(' ')}: ${status} ${stderr}`);
  return stdout;
}

async function serve(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [main, 'serve', '--port', '0'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const piece of child.stdout!) {
    said += String(piece);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
    if (url) return { child, url };
  }
  throw new Error(`zeef serve ended: ${said}`);
}

zeef(['lists', 'import', join(SAMPLE, 'sample.csv'), '--list', 'sample']);
zeef(['lists', 'disable', 'sample', '--entry', 'mate-dune-full'], [0, 2]);
const { key } = JSON.parse(
  zeef(['keys', 'create', '--tenant', TENANT, '--scopes', 'check', 'check:hashes', 'details', 'hits', '--json']),
);
zeef(['tenants', 'set', TENANT, '--checks-per-day', '123456']);
zeef(['webhooks', 'add', 'http://127.0.0.1:9/hook', '--tenant', TENANT, '--secret-env', 'HOOK_SECRET']);

const { child, url } = await serve();
const headers = { authorization: `Bearer ${key}` };
const verdicts: string[] = [];
for (const [reference, idempotencyKey] of [
  ['a', 'one'],
  ['a', 'one'],
  ['b', 'two'],
] as const) {
  const answer = await fetch(`${url}/v1/check?reference=${reference}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'image/jpeg', 'idempotency-key': idempotencyKey },
    body: readFileSync(IMAGE),
  });
  verdicts.push(((await answer.json()) as { verdict: string }).verdict);
}
const { hits } = (await (await fetch(`${url}/v1/hits`, { headers })).json()) as { hits: { id: string }[] };
const changed = await fetch(`${url}/v1/hits/${hits[0]!.id}`, {
  method: 'PATCH',
  headers: { ...headers, 'content-type': 'application/json' },
  body: JSON.stringify({ status: 'confirmed' }),
});
if (!changed.ok) throw new Error(`the hit could not be changed: ${await changed.text()}`);
child.kill('SIGTERM');
await new Promise((done) => child.once('exit', done));

cpSync(join(SAMPLE, 'pictures'), join(WORK, 'images'), { recursive: true });
zeef(['scan', join(WORK, 'images'), '--resume', join(WORK, 'inventory')], [0, 1]);
zeef(['lists', 'export']);

const { lists } = JSON.parse(zeef(['lists', 'show', '--json'])) as { lists: { list: string; entryCount: number }[] };
const facts = {
  version,
  tenant: TENANT,
  key,
  checksPerDay: 123456,
  verdicts,
  confirmed: hits[0]!.id,
  lists: lists.map(({ list }) => list),
  entries: lists[0]!.entryCount,
  ledger: zeef(['ledger', 'verify']).trim(),
  audit: zeef(['audit', 'verify']).trim(),
};
mkdirSync(OUT, { recursive: true });
writeFileSync(join(OUT, `${version}.json`), `${JSON.stringify(facts, null, 2)}\n`);
// The archive names no user; its file times are from this run of the release.
const archive = join(OUT, `${version}.tar.gz`);
execFileSync('tar', ['-czf', archive, '--owner=0', '--group=0', '--numeric-owner', '-C', WORK, 'data', 'inventory']);
rmSync(WORK, { recursive: true });
