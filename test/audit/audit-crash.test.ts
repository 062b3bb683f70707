/** No change without a row: where a process is killed between the two, and where the log cannot be written. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { Audit } from '../../src/audit/audit.js';
import { systemClock } from '../../src/core/clock.js';
import { artefact } from '../../src/core/package-root.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { auditStore } from '../../src/service/audited-store.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { SERVICE_FILE } from '../../src/sqlite/service/database.js';
import type { Store } from '../../src/store/store.js';

let dataDir = '';
let store: Store;
let audit: Audit;
beforeEach(async () => {
  dataDir = tempFolder('audit-crash');
  store = await openSqliteStore(dataDir);
  audit = auditStore(store, systemClock);
});
afterEach(() => store.close());

const told = async (all = false) =>
  [...(await store.audit.page({ tenant: null, before: null, limit: 100, all }))].reverse();

/** Make a change in another process, which is killed where its code calls `die`. */
async function killed(change: string): Promise<void> {
  const source = `
    import { openSqliteStore } from ${JSON.stringify(artefact('src', 'sqlite', 'open.js'))};
    import { auditStore } from ${JSON.stringify(artefact('src', 'service', 'audited-store.js'))};
    import { systemClock } from ${JSON.stringify(artefact('src', 'core', 'clock.js'))};
    const store = await openSqliteStore(${JSON.stringify(dataDir)});
    const audit = auditStore(store, systemClock);
    const die = () => { process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}); };
    ${change}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'inherit' });
  const signal = await new Promise((resolve) => child.once('exit', (_code, how) => resolve(how)));
  expect(signal).toBe('SIGKILL');
}

test('killed before the change: the begun row stands alone, and nothing has changed', async () => {
  await audit.as('me').lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
  await killed(`
    async function* rows() {
      yield { ok: true, line: 1, entry: { entryId: 'e', algorithm: 'md5', value: '0'.repeat(32), category: null, severity: null, source: null, mediaType: null, status: 'active', updatedAt: null, tags: [] } };
      await die();
    }
    await audit.as('cli:me').lists.replaceEntries('a', rows(), { origin: 'list.csv' });`);
  expect(await store.lists.list('a')).toMatchObject({ version: 0 });
  expect((await told()).slice(1)).toMatchObject([
    { actor: 'cli:me', action: 'list.replace', target: 'a', outcome: 'begun', details: { origin: 'list.csv' } },
  ]);
  expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 3 });
});

test('killed between the change and its outcome: the begun row stands alone', async () => {
  await killed(`
    await audit.withAudit('cli:me', { action: 'list.create', target: 'a', details: { kind: 'match' } }, async () => {
      await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
      await die();
    });`);
  expect(await store.lists.list('a')).not.toBeNull();
  expect(await told()).toMatchObject([{ action: 'list.create', target: 'a', outcome: 'begun', ends: null }]);
  // The log continues after it.
  await audit.as('me').lists.updateList('a', { enabled: false });
  expect(await told()).toMatchObject([
    { seq: 1, outcome: 'begun' },
    { seq: 3, action: 'list.update', outcome: 'done', ends: 2 },
  ]);
  expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 3 });
});

/** Let the database refuse rows of this outcome. */
function refuse(outcome: string): void {
  const other = new Database(join(dataDir, SERVICE_FILE));
  other.exec(
    `CREATE TRIGGER refuse BEFORE INSERT ON audit WHEN NEW.outcome = '${outcome}' BEGIN SELECT RAISE(ABORT, 'no'); END`,
  );
  other.close();
}

test('a change that cannot be recorded is not made', async () => {
  refuse('begun');
  const { lists, keys } = audit.as('me');
  await expect(lists.createList({ list: 'a', kind: 'match', radiusBits: 31 })).rejects.toMatchObject({
    code: 'STORE_FAILED',
  });
  await expect(keys.createKey({ tenant: 't', scopes: ['check'], expiresAt: null })).rejects.toMatchObject({
    code: 'STORE_FAILED',
  });
  expect([await store.lists.lists(), await store.keys.keys(null), await told()]).toEqual([[], [], []]);
});

test('a change whose success cannot be recorded fails, and its begun row stands', async () => {
  refuse('done');
  await expect(audit.as('me').lists.createList({ list: 'a', kind: 'match', radiusBits: 31 })).rejects.toMatchObject({
    code: 'STORE_FAILED',
  });
  expect(await store.lists.lists()).toHaveLength(1);
  expect(await told()).toMatchObject([{ action: 'list.create', target: 'a', outcome: 'begun' }]);
});

test('a failed change whose failure cannot be recorded returns the first error', async () => {
  refuse('failed');
  await expect(audit.as('me').lists.removeList('nowhere')).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
  expect(await told()).toMatchObject([{ action: 'list.remove', target: 'nowhere', outcome: 'begun' }]);
});

test('the begun row exists while the change is made', async () => {
  const seen = await audit.withAudit('me', { action: 'store.rekey' }, () => told());
  expect(seen).toMatchObject([{ action: 'store.rekey', outcome: 'begun' }]);
  expect(await told()).toMatchObject([{ action: 'store.rekey', outcome: 'done', ends: 1 }]);
  expect(await told(true)).toHaveLength(2);
});
