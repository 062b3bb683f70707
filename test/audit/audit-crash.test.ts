/** No change without a row, whatever happens between the two: a process that is killed, a log that cannot be written. */
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

/** A process of its own that makes a change, and is killed where its code says so. */
async function killed(change: string): Promise<void> {
  const from = (...path: string[]) => JSON.stringify(artefact('src', ...path));
  const source = `
    import { openSqliteStore } from ${from('sqlite', 'open.js')};
    import { auditStore } from ${from('service', 'audited-store.js')};
    import { systemClock } from ${from('core', 'clock.js')};
    const store = await openSqliteStore(${JSON.stringify(dataDir)});
    const audit = auditStore(store, systemClock);
    const die = () => { process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}); };
    ${change}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'inherit' });
  const signal = await new Promise((resolve) => child.once('exit', (_code, how) => resolve(how)));
  expect(signal).toBe('SIGKILL');
}

test('killed before the change was made: the row stands alone, and nothing has changed', async () => {
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

test('killed after the change was made, before its end was written down: the row stands alone', async () => {
  await killed(`
    await audit.withAudit('cli:me', { action: 'list.create', target: 'a', details: { kind: 'match' } }, async () => {
      await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
      await die();
    });`);
  expect(await store.lists.list('a')).not.toBeNull();
  expect(await told()).toMatchObject([{ action: 'list.create', target: 'a', outcome: 'begun', ends: null }]);
  // The log goes on after it.
  await audit.as('me').lists.updateList('a', { enabled: false });
  expect(await told()).toMatchObject([
    { seq: 1, outcome: 'begun' },
    { seq: 3, action: 'list.update', outcome: 'done', ends: 2 },
  ]);
  expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 3 });
});

/** The disk takes no row of this outcome. */
function refuse(outcome: string): void {
  const other = new Database(join(dataDir, SERVICE_FILE));
  other.exec(
    `CREATE TRIGGER refuse BEFORE INSERT ON audit WHEN NEW.outcome = '${outcome}' BEGIN SELECT RAISE(ABORT, 'no'); END`,
  );
  other.close();
}

test('what cannot be written down is not done', async () => {
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

test('what was done and cannot be told as done is no success, and its first row stands', async () => {
  refuse('done');
  await expect(audit.as('me').lists.createList({ list: 'a', kind: 'match', radiusBits: 31 })).rejects.toMatchObject({
    code: 'STORE_FAILED',
  });
  expect(await store.lists.lists()).toHaveLength(1);
  expect(await told()).toMatchObject([{ action: 'list.create', target: 'a', outcome: 'begun' }]);
});

test('what failed and cannot be told as failed: the caller hears what failed', async () => {
  refuse('failed');
  await expect(audit.as('me').lists.removeList('nowhere')).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
  expect(await told()).toMatchObject([{ action: 'list.remove', target: 'nowhere', outcome: 'begun' }]);
});

test('the row is there while the change is made', async () => {
  const seen = await audit.withAudit('me', { action: 'store.rekey' }, () => told());
  expect(seen).toMatchObject([{ action: 'store.rekey', outcome: 'begun' }]);
  expect(await told()).toMatchObject([{ action: 'store.rekey', outcome: 'done', ends: 1 }]);
  expect(await told(true)).toHaveLength(2);
});
