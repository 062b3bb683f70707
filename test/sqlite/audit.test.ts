/** Every kind of damage on disk to the audit log is found. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { LISTS_FILE, MIGRATIONS } from '../../src/sqlite/lists/database.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { SERVICE_FILE } from '../../src/sqlite/service/database.js';
import { auditContract, auditEvent } from '../store/audit-contract.js';

let dataDir = '';
const fresh = () => {
  dataDir = tempFolder('audit');
};
auditContract('SQLite: audit', { fresh, open: () => openSqliteStore(dataDir) });

const COLUMNS = ['at', 'actor', 'action', 'tenant', 'target', 'details', 'hash', 'outcome'];
const damages: [string, string, number][] = [
  ...COLUMNS.map((column): [string, string, number] => [
    `${column} changed`,
    `UPDATE audit SET ${column} = 'x' WHERE seq = 4`,
    4,
  ]),
  ['ends set in a row of an earlier format', 'UPDATE audit SET ends = 2 WHERE seq = 4', 4],
  ['ends set in a begun row', 'UPDATE audit SET ends = 2 WHERE seq = 6', 6],
  ['ends removed from a done row', 'UPDATE audit SET ends = NULL WHERE seq = 7', 7],
  ['a row turned into one of an earlier format', 'UPDATE audit SET outcome = NULL, ends = NULL WHERE seq = 7', 7],
  ['the tenant removed', 'UPDATE audit SET tenant = NULL WHERE seq = 4', 4],
  ['a detail removed', `UPDATE audit SET details = replace(details, '{"flag":true,', '{') WHERE seq = 4`, 4],
  ['the first row deleted', 'DELETE FROM audit WHERE seq = 1', 1],
  ['a row deleted', 'DELETE FROM audit WHERE seq = 4', 4],
  [
    'a row deleted, the later ones renumbered',
    'DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = seq - 1 WHERE seq > 4',
    4,
  ],
  ['the last row deleted', 'DELETE FROM audit WHERE seq = 7', 7],
  ['all rows deleted', 'DELETE FROM audit', 1],
  [
    'two rows exchanged',
    'UPDATE audit SET seq = -3 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = -3',
    3,
  ],
  [
    'a row inserted after the last',
    `INSERT INTO audit SELECT 8, at, actor, action, tenant, target, details, hash, outcome, ends FROM audit WHERE seq = 7`,
    8,
  ],
  ['the head set back', `UPDATE audit_head SET seq = 6, hash = (SELECT hash FROM audit WHERE seq = 6)`, 7],
  ['the head changed', `UPDATE audit_head SET hash = 'x'`, 8],
  ['the head deleted', `DELETE FROM audit_head`, 1],
];

test.each(damages)('%s: verify fails at the row', async (_name, sql, brokenAt) => {
  fresh();
  const store = await openSqliteStore(dataDir);
  for (let n = 1; n <= 5; n++) await store.audit.append(auditEvent(n));
  await store.audit.append(auditEvent(6, { outcome: 'begun' }));
  await store.audit.append(auditEvent(7, { outcome: 'done', ends: 6 }));
  const { head } = await store.audit.verify();
  const other = new Database(join(dataDir, SERVICE_FILE));
  other.exec(sql);
  other.close();
  expect(await store.audit.verify()).toMatchObject({ ok: false, brokenAt });
  expect(await store.audit.verify(head)).toMatchObject({ ok: false });
  await store.close();
});

test('a change of any one byte of a row is found', async () => {
  fresh();
  const store = await openSqliteStore(dataDir);
  for (let n = 1; n <= 3; n++) await store.audit.append(auditEvent(n, { outcome: 'begun' }));
  const other = new Database(join(dataDir, SERVICE_FILE));
  const row = other.prepare<[], Record<string, string>>('SELECT * FROM audit WHERE seq = 2').get()!;
  for (const column of COLUMNS) {
    const change = other.prepare(`UPDATE audit SET ${column} = ? WHERE seq = 2`);
    for (let at = 0; at < row[column]!.length; at++) {
      const text = `${row[column]!.slice(0, at)}${row[column]![at] === '0' ? '1' : '0'}${row[column]!.slice(at + 1)}`;
      change.run(text);
      expect(await store.audit.verify(), `${column} ${at}`).toMatchObject({ ok: false, brokenAt: 2 });
    }
    change.run(row[column]);
  }
  expect(await store.audit.verify()).toMatchObject({ ok: true });
  other.close();
  await store.close();
});

test('a log of an earlier version verifies, and can be continued', async () => {
  fresh();
  const other = new Database(join(dataDir, LISTS_FILE));
  // The schema from before rows had an outcome, with rows hashed as then.
  for (const step of MIGRATIONS.slice(0, 12)) {
    if (typeof step === 'string') other.exec(step);
    else step(other, dataDir);
  }
  other.pragma('user_version = 12');
  let before = '0'.repeat(64);
  for (let seq = 1; seq <= 3; seq++) {
    const row = [seq, '2026-09-14T00:00:00.000Z', 'cli:me', 'list.update', null, 'x', '{"enabled":false}'];
    before = createHash('sha256')
      .update(`zeef audit 1\n${before}\n${JSON.stringify(row)}`)
      .digest('hex');
    other.prepare('INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(...row, before);
  }
  other.prepare('INSERT INTO audit_head VALUES (1, 3, ?)').run(before);
  other.close();
  const store = await openSqliteStore(dataDir);
  const known = { seq: 3, hash: before };
  expect(await store.audit.verify(known)).toEqual({ ok: true, rows: 3, head: known, brokenAt: null });
  await store.audit.append(auditEvent(4, { outcome: 'begun' }));
  expect(await store.audit.verify(known)).toMatchObject({ ok: true, rows: 4 });
  const rows = await store.audit.page({ tenant: null, before: null, limit: 10 });
  expect(rows.map(({ seq, outcome }) => [seq, outcome])).toEqual([
    [4, 'begun'],
    [3, null],
    [2, null],
    [1, null],
  ]);
  await store.close();
});
