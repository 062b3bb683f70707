/** The contract of every audit log. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent, AuditOutcome, AuditPage, AuditRow } from '../../src/store/audit-contract.js';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';

type Part = Pick<Store, 'audit' | 'close'>;

export const auditEvent = (n: number, more: Partial<AuditEvent> = {}): AuditEvent => ({
  at: new Date(Date.parse('2026-09-14T00:00:00Z') + n).toISOString(),
  actor: 'cli:somebody',
  action: 'tenant.set',
  tenant: n % 2 === 0 ? 'even' : 'odd',
  target: `t${n}`,
  details: { n, name: 'ä "quoted"\n', flag: true, nothing: null },
  outcome: null,
  ends: null,
  ...more,
});

const COLUMNS = ['at', 'actor', 'action', 'tenant', 'target', 'details', 'hash', 'outcome'] as const;
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

export function auditContract(name: string, place: Place<Part> & { damage(sql: string): Promise<void> }): void {
  describe(name, () => {
    let store: Part;
    beforeEach(async () => {
      await place.fresh();
      store = await place.open();
    });
    afterEach(() => store.close());

    test('an empty log verifies', async () => {
      expect(await store.audit.verify()).toEqual({
        ok: true,
        rows: 0,
        head: { seq: 0, hash: '0'.repeat(64) },
        brokenAt: null,
      });
    });

    test('rows are numbered from 1 and returned newest first, by page and tenant, also after reopening', async () => {
      for (let n = 1; n <= 5; n++)
        expect(await store.audit.append(auditEvent(n))).toMatchObject({ seq: n, target: `t${n}` });
      await store.close();
      store = await place.open();
      const page = async (tenant: string | null, before: number | null, limit: number) =>
        (await store.audit.page({ tenant, before, limit })).map(({ seq }) => seq);
      expect(await page(null, null, 3)).toEqual([5, 4, 3]);
      expect(await page(null, 3, 3)).toEqual([2, 1]);
      expect(await page('even', null, 10)).toEqual([4, 2]);
      expect(await page('nobody', null, 10)).toEqual([]);
      const [row] = await store.audit.page({ tenant: null, before: 2, limit: 1 });
      expect(row).toMatchObject(auditEvent(1));
      expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 5, head: { seq: 5 } });
    });

    test('each hash is that of the hash before and the row', async () => {
      let before = '0'.repeat(64);
      for (let n = 1; n <= 3; n++) {
        const { hash } = await store.audit.append(auditEvent(n));
        const details = `{"flag":true,"n":${n},"name":"ä \\"quoted\\"\\n","nothing":null}`;
        const { at, tenant } = auditEvent(n);
        const row = JSON.stringify([n, at, 'cli:somebody', 'tenant.set', tenant, `t${n}`, details]);
        expect(hash).toBe(createHash('sha256').update(`zeef audit 1\n${before}\n${row}`).digest('hex'));
        before = hash;
      }
    });

    test('the hash of a row with an outcome covers what it ends', async () => {
      let before = '0'.repeat(64);
      const ends = [
        ['begun', null],
        ['done', 1],
        ['failed', 1],
      ] as const;
      for (const [at, [outcome, ended]] of ends.entries()) {
        const event = auditEvent(at, { details: {}, outcome, ends: ended });
        const { hash } = await store.audit.append(event);
        const row = JSON.stringify([
          at + 1,
          event.at,
          event.actor,
          event.action,
          event.tenant,
          event.target,
          '{}',
          outcome,
          ended,
        ]);
        expect(hash).toBe(createHash('sha256').update(`zeef audit 2\n${before}\n${row}`).digest('hex'));
        before = hash;
      }
      expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 3 });
    });

    test('a begun row is returned while its outcome is unknown, and always with `all`', async () => {
      const write = (outcome: AuditOutcome, ends: number | null) =>
        store.audit.append(auditEvent(2, { outcome, ends, details: {} }));
      await store.audit.append(auditEvent(1));
      await write('begun', null);
      await write('begun', null);
      await write('begun', null);
      await write('failed', 4);
      await write('done', 2);
      const told = async (page: Partial<AuditPage>) =>
        (await store.audit.page({ tenant: null, before: null, limit: 10, ...page })).map(({ seq }) => seq);
      expect(await told({})).toEqual([6, 5, 3, 1]);
      // Also where the row that ends it is on another page.
      expect(await told({ limit: 3 })).toEqual([6, 5, 3]);
      expect(await told({ before: 5 })).toEqual([3, 1]);
      expect(await told({ tenant: 'even' })).toEqual([6, 5, 3]);
      expect(await told({ all: true })).toEqual([6, 5, 4, 3, 2, 1]);
      expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 6 });
    });

    test('two stores append to one chain', async () => {
      const other = await place.open();
      await Promise.all(Array.from({ length: 40 }, (_, n) => (n % 2 ? store : other).audit.append(auditEvent(n))));
      expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 40 });
      // Also one after the other, with what the other one wrote read in between.
      for (let n = 40; n < 44; n++) {
        const { seq } = await (n % 2 ? store : other).audit.append(auditEvent(n));
        expect(await (n % 2 ? other : store).audit.page({ tenant: null, before: null, limit: 1 })).toMatchObject([
          { seq },
        ]);
      }
      expect(await other.audit.verify()).toEqual(await store.audit.verify());
      await other.close();
    });

    test.each(['', 'ünï 🙂', 'a\0b', '\x1a0000', 'a\ud800b\udc00', `'"\\`])(
      'a row of any text verifies: %j',
      async (text) => {
        const row = await store.audit.append(
          auditEvent(1, { actor: text, target: text, tenant: text, details: { text } }),
        );
        await store.audit.append(auditEvent(2));
        expect(row.target).toBe(text.toWellFormed());
        expect(row.details).toEqual({ text });
        expect(await store.audit.page({ tenant: null, before: 2, limit: 1 })).toEqual([row]);
        expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 2 });
      },
    );

    test.each(damages)('%s: verify fails at the row', async (_name, sql, brokenAt) => {
      for (let n = 1; n <= 5; n++) await store.audit.append(auditEvent(n));
      await store.audit.append(auditEvent(6, { outcome: 'begun' }));
      await store.audit.append(auditEvent(7, { outcome: 'done', ends: 6 }));
      const { head } = await store.audit.verify();
      await place.damage(sql);
      expect(await store.audit.verify()).toMatchObject({ ok: false, brokenAt });
      expect(await store.audit.verify(head)).toMatchObject({ ok: false });
    });

    test('a change of any one byte of a row is found', async () => {
      const details = { n: 1 };
      for (let n = 1; n <= 3; n++)
        await store.audit.append(auditEvent(n, { outcome: 'begun', tenant: 'ten', details }));
      const [row] = (await store.audit.page({ tenant: null, before: 3, limit: 1, all: true })) as [AuditRow];
      for (const column of COLUMNS) {
        const value = column === 'details' ? JSON.stringify(details) : String(row[column]);
        for (let at = 0; at < value.length; at++) {
          const text = `${value.slice(0, at)}${value[at] === '0' ? '1' : '0'}${value.slice(at + 1)}`;
          await place.damage(`UPDATE audit SET ${column} = '${text}' WHERE seq = 2`);
          expect(await store.audit.verify(), `${column} ${at}`).toMatchObject({ ok: false, brokenAt: 2 });
        }
        await place.damage(`UPDATE audit SET ${column} = '${value}' WHERE seq = 2`);
      }
      expect(await store.audit.verify()).toMatchObject({ ok: true });
    });

    test('verify fails where a given head is not in the chain', async () => {
      for (let n = 1; n <= 4; n++) await store.audit.append(auditEvent(n));
      const { head } = await store.audit.verify();
      await store.audit.append(auditEvent(5));
      expect(await store.audit.verify(head)).toMatchObject({ ok: true, rows: 5 });
      expect(await store.audit.verify({ seq: 4, hash: 'f'.repeat(64) })).toMatchObject({ ok: false, brokenAt: 4 });
      expect(await store.audit.verify({ seq: 9, hash: head.hash })).toMatchObject({ ok: false, brokenAt: 6 });
    });
  });
}
