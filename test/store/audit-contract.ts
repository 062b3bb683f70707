/** The contract of every audit log. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent, AuditOutcome, AuditPage } from '../../src/store/audit-contract.js';
import type { Store } from '../../src/store/store.js';

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

export function auditContract(name: string, place: { fresh(): void; open(): Promise<Store> }): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      place.fresh();
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
      await other.close();
      expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 40 });
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
