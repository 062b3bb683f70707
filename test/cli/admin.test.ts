/** `zeef keys`, `tenants`, `audit` and `webhooks`, as an operator uses them. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { SERVICE_FILE } from '../../src/sqlite/service/database.js';
import { inProcess } from '../support/command-line.js';
import { run } from '../support/processes.js';

const dataDir = tempFolder('admin');
const env = childEnv({ ZEEF_DATA_DIR: dataDir });

const zeef = (...args: string[]) => inProcess(env, ...args);
const json = async (...args: string[]) => JSON.parse((await zeef(...args, '--json')).out);

test('changes of keys and tenants are audited with their outcome, and `audit verify` finds a changed row', async () => {
  const made = await run(env, 'keys', 'create', '--tenant', 'acme', '--scopes', 'check', 'hits', '--name', 'uploads');
  expect(made.out).toMatch(/^zeef_[\w-]{43}\n$/);
  const [first] = (await json('keys', 'list')).keys;
  expect(first).toMatchObject({ tenant: 'acme', name: 'uploads', scopes: ['check', 'hits'], line: first.id });
  const rotated = await json('keys', 'rotate', first.id, '--grace', '1');
  expect(rotated.key).toMatch(/^zeef_/);
  expect(rotated.old.id).toBe(first.id);
  expect(await zeef('keys', 'rotate', first.id)).toMatchObject({
    code: 2,
    err: expect.stringContaining('KEYS_LIVE_MAX'),
  });
  expect(await zeef('keys', 'revoke', first.id)).toMatchObject({ code: 0 });
  expect((await zeef('keys', 'list')).out).toMatch(
    /^ID +TENANT +STATE \(UTC\) +LAST USED\n +SCOPES: NAME\n\w+ +acme +revoked .{16} +never\n +check, hits: uploads\n\w+ +acme +live +never\n +check, hits: uploads\n$/,
  );

  const set = await json('tenants', 'set', 'acme', '--checks-per-second', '7', '--bytes-per-day', '0', '--disable');
  expect(set).toMatchObject({ tenant: 'acme', disabled: true, ownLimits: { checksPerSecond: 7, bytesPerDay: 0 } });
  const back = await json('tenants', 'set', 'acme', '--checks-per-second', 'default', '--enable');
  expect(back).toMatchObject({ disabled: false, ownLimits: { bytesPerDay: 0 }, limits: { checksPerSecond: 0 } });
  expect((await zeef('tenants', 'list', 'acme')).out).toMatch(/^acme\n {2}concurrentRequests 256 \(default\)\n/);
  expect(await zeef('tenants', 'list', 'nobody')).toMatchObject({ code: 2 });
  expect(await zeef('tenants', 'set', 'acme', '--checks-per-day', '-1')).toMatchObject({ code: 2 });

  const rows = (await zeef('audit', 'show', '--tenant', 'acme', '--json')).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(rows.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    'key.create done',
    'key.rotate done',
    'key.rotate failed',
    'key.revoke done',
    'tenant.set done',
    'tenant.set done',
  ]);
  expect(rows.every(({ actor }) => /^cli/.test(actor))).toBe(true);
  expect(JSON.stringify(rows)).not.toContain(made.out.trim().slice(5));
  // The row written before each change is shown with --all only.
  const all = (await zeef('audit', 'show', '--tenant', 'acme', '--all')).out;
  expect(all).toMatch(/^ROW +AT \(UTC\) +ACTOR +ACTION +END +ABOUT\n/);
  expect(all.match(/^\d+ .* key\.\w+ +BEGUN|^\d+ .* tenant\.set +BEGUN/gm)).toHaveLength(6);
  expect(all.match(/ FAILED\n? +tenant=acme target=\w+ code=KEYS_LIVE_MAX/g)).toHaveLength(1);
  expect(all.match(/^\d/gm)).toHaveLength(12);
  const verified = await zeef('audit', 'verify');
  const head = /head (\d+:[0-9a-f]{64})/.exec(verified.out)![1]!;
  expect(verified.code).toBe(0);
  expect(await zeef('audit', 'verify', '--head', head)).toMatchObject({ code: 0 });
  expect((await zeef('audit', 'show', '--last', '2')).out.match(/^\d/gm)).toHaveLength(2);

  const other = new Database(join(dataDir, SERVICE_FILE));
  other.prepare(`UPDATE audit SET actor = 'cli:nobody' WHERE seq = 2`).run();
  other.close();
  expect(await zeef('audit', 'verify')).toMatchObject({ code: 2, out: expect.stringContaining('BROKEN at row 2') });
});

test('a webhook is added, pinged, listed and removed; only the variable of its secret is shown', async () => {
  const hook = await json(
    'webhooks',
    'add',
    'http://127.0.0.1:9/in',
    '--secret-env',
    'HOOK_SECRET',
    '--tenant',
    'acme',
  );
  expect(hook).toMatchObject({ tenant: 'acme', url: 'http://127.0.0.1:9/in', secretEnv: 'HOOK_SECRET', waiting: 0 });
  expect(await zeef('webhooks', 'ping', hook.id)).toMatchObject({ code: 0 });
  expect((await zeef('webhooks', 'list')).out).toMatch(
    new RegExp(`^ID .*\n${hook.id}  acme    HOOK_SECRET  1        0\n    http://127.0.0.1:9/in\n$`),
  );
  expect(await zeef('webhooks', 'retry', hook.id)).toMatchObject({ out: `${hook.id}: 0 events\n` });
  expect(await zeef('webhooks', 'remove', hook.id)).toMatchObject({ out: expect.stringContaining('1 events') });
  for (const [url, secretEnv] of [
    ['file:///x', 'S'],
    ['http://x/', 'ZEEF_LIST_KEY'],
  ] as const) {
    expect(await zeef('webhooks', 'add', url, '--secret-env', secretEnv)).toMatchObject({
      code: 2,
      err: expect.stringContaining('REQUEST_INVALID'),
    });
  }
  expect(await zeef('webhooks', 'remove', hook.id)).toMatchObject({ code: 2 });
});

test('a webhook whose variable is not set here is added with a warning', async () => {
  const { code, err } = await zeef('webhooks', 'add', 'http://127.0.0.1:9/in', '--secret-env', 'NOT_SET_HERE');
  expect([code, err]).toEqual([0, expect.stringMatching(/^zeef: .*NOT_SET_HERE is not set here: zeef serve.*\n$/)]);
});

test('a list that has expired is brought back, and its entries match for ever', async () => {
  expect(await zeef('lists', 'import', 'hashlists/sample/sample.csv', '--list', 'expiring')).toMatchObject({ code: 0 });
  const set = (...flags: string[]) => json('lists', 'set', 'expiring', ...flags);
  expect(await set('--expires', '2020-01-01', '--entry-days', '5')).toMatchObject({
    expiresAt: '2020-01-01T00:00:00.000Z',
    entryDaysMax: 5,
  });
  expect(await set('--expires', 'never', '--entry-days', 'all')).toMatchObject({ expiresAt: null, entryDaysMax: null });
  expect(await set('--category-map', 'none', '--severity-map', 'none')).toMatchObject({ expiresAt: null });
  expect(await set('--bank', 'EXPIRING')).toMatchObject({ bank: 'EXPIRING' });
  expect(await set('--no-bank')).toMatchObject({ bank: null });
});

test('the secret variable of a list source must not start with ZEEF_', async () => {
  const source = ['lists', 'source', 'remote', '--type', 'ncmec', '--url', 'http://127.0.0.1:9/', '--secret-env'];
  expect(await zeef(...source, 'ZEEF_PASSWORD')).toMatchObject({ code: 2, err: expect.stringContaining('ZEEF_') });
  expect(await zeef(...source, 'NCMEC_PASSWORD')).toMatchObject({ code: 0 });
});

test('the template of references of a tenant is set, shown, refused where it leads elsewhere, and removed', async () => {
  const template = 'https://admin.example/{reference}';
  expect(await json('tenants', 'set', 'linked', '--reference-url', template)).toMatchObject({ referenceUrl: template });
  expect(await zeef('tenants', 'set', 'linked', '--reference-url', 'ftp://x/{reference}')).toMatchObject({ code: 2 });
  expect((await zeef('tenants', 'list', 'linked')).out).toContain(`\n  references ${template}\n`);
  expect(await json('tenants', 'set', 'linked', '--no-reference-url')).toMatchObject({ referenceUrl: null });
});
