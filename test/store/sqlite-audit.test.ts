/** The audit log, damaged on the disk in every way that there is. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { DATABASE_FILE } from '../../src/store/sqlite/database.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { auditContract, auditEvent } from './audit-contract.js';

let dataDir = '';
const fresh = () => {
  dataDir = mkdtempSync(join(tmpdir(), 'zeef-audit-'));
};
auditContract('SQLite: audit', { fresh, open: () => openSqliteStore(dataDir) });

const COLUMNS = ['at', 'actor', 'action', 'tenant', 'target', 'details', 'hash'];
const damages: [string, string, number][] = [
  ...COLUMNS.map((column): [string, string, number] => [
    `${column} changed`,
    `UPDATE audit SET ${column} = 'x' WHERE seq = 4`,
    4,
  ]),
  ['a tenant taken out', 'UPDATE audit SET tenant = NULL WHERE seq = 4', 4],
  ['details in another order', `UPDATE audit SET details = replace(details, '{"flag":true,', '{') WHERE seq = 4`, 4],
  ['the first row deleted', 'DELETE FROM audit WHERE seq = 1', 1],
  ['one deleted', 'DELETE FROM audit WHERE seq = 4', 4],
  [
    'one deleted, the others moved up',
    'DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = seq - 1 WHERE seq > 4',
    4,
  ],
  ['the last one deleted', 'DELETE FROM audit WHERE seq = 7', 7],
  ['all deleted', 'DELETE FROM audit', 1],
  [
    'two exchanged',
    'UPDATE audit SET seq = -3 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = -3',
    3,
  ],
  [
    'one inserted after the last',
    `INSERT INTO audit SELECT 8, at, actor, action, tenant, target, details, hash FROM audit WHERE seq = 7`,
    8,
  ],
  ['the head set back', `UPDATE audit_head SET seq = 6, hash = (SELECT hash FROM audit WHERE seq = 6)`, 7],
  ['the head changed', `UPDATE audit_head SET hash = 'x'`, 8],
  ['the head taken out', `DELETE FROM audit_head`, 1],
];

test.each(damages)('%s: found', async (_name, sql, brokenAt) => {
  fresh();
  const store = await openSqliteStore(dataDir);
  for (let n = 1; n <= 7; n++) await store.audit.append(auditEvent(n));
  const { head } = await store.audit.verify();
  const other = new Database(join(dataDir, DATABASE_FILE));
  other.exec(sql);
  other.close();
  expect(await store.audit.verify()).toMatchObject({ ok: false, brokenAt });
  expect(await store.audit.verify(head)).toMatchObject({ ok: false });
  await store.close();
});

test('any one byte of any row changed is found', async () => {
  fresh();
  const store = await openSqliteStore(dataDir);
  for (let n = 1; n <= 3; n++) await store.audit.append(auditEvent(n));
  const other = new Database(join(dataDir, DATABASE_FILE));
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
