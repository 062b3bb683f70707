/** The audit log of earlier versions. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { MIGRATIONS } from '../../src/sqlite/lists/database.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { auditEvent } from '../store/audit-contract.js';

test('a log of an earlier version verifies, and can be continued', async () => {
  const dataDir = tempFolder('audit');
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
