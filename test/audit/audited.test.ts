/** Every change by every way is in the audit log, without values and keys. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZEEF } from '../../src/audit/audit.js';
import { approveHeld, rollBack } from '../../src/lists/list-versions.js';
import { NEW_SOURCE } from '../../src/store/source-row.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());

const rows = async (all = false) =>
  [...(await running.service.store.audit.page({ tenant: null, before: null, limit: 1_000, all }))].reverse();
/** Return the rows that `act` added to the log. */
async function added(act: () => Promise<unknown>) {
  const before = (await rows()).length;
  await act();
  return (await rows()).slice(before);
}

const value = (n: number) => n.toString(16).padStart(32, 'a');

test('each change of the store is logged before and after, with actor and subject; a read is not', async () => {
  const { audit, store } = running.service;
  const { lists, keys, tenants } = audit.as('somebody');
  const cases: [string, () => Promise<unknown>, object][] = [
    [
      'list.create',
      () => lists.createList({ list: 'x', kind: 'match', radiusBits: 7 }),
      { target: 'x', details: { kind: 'match', radiusBits: 7 } },
    ],
    ['list.update', () => lists.updateList('x', { radiusBits: 9 }), { target: 'x', details: { radiusBits: 9 } }],
    [
      'list.replace',
      () => lists.replaceEntries('x', stream([entryRow(1, 'md5', value(1))]), { origin: 'file.csv' }),
      { details: { origin: 'file.csv', version: 1, accepted: 1, added: 1 } },
    ],
    [
      'list.add',
      () => lists.addEntries('x', stream([entryRow(2, 'md5', value(2))])),
      { details: { version: 2, added: 1 } },
    ],
    [
      'list.replace',
      () => lists.replaceEntries('x', stream([]), { review: () => [{ rule: 'change', count: 2, limit: 1 }] }),
      { details: { held: 'change' } },
    ],
    ['list.reject', () => lists.dropHeld('x'), { target: 'x' }],
    [
      'list.replace',
      () => lists.replaceEntries('x', stream([]), { review: () => [{ rule: 'change', count: 2, limit: 1 }] }),
      { details: { held: 'change' } },
    ],
    ['list.replace', () => approveHeld(lists, 'x'), { details: { held: null, removed: 2 } }],
    ['list.replace', () => rollBack(lists, 'x', 2), { details: { origin: 'version 2 again' } }],
    [
      'entries.quarantine',
      () => lists.changeEntries('x', { entryId: 'e1' }, 'quarantine'),
      { details: { entryId: 'e1', entries: 1 } },
    ],
    ['entries.release', () => lists.changeEntries('x', { entryId: 'e1' }, 'release'), {}],
    ['entries.flood', () => lists.changeEntries('x', { entryId: 'e1' }, 'flood'), {}],
    ['entries.release', () => lists.changeEntries('x', { entryId: 'e1' }, 'release'), {}],
    ['entries.disable', () => lists.changeEntries('x', { entryId: 'e1' }, 'disable'), {}],
    ['entries.enable', () => lists.changeEntries('x', { entryId: 'e1' }, 'enable'), {}],
    ['entries.remove', () => lists.changeEntries('x', { entryId: 'e1' }, 'remove'), {}],
    [
      'list.source',
      () =>
        lists.setSource('x', {
          ...NEW_SOURCE,
          type: 'ncmec',
          url: 'https://example.org/v2',
          secrets: { password: { env: 'S' } },
          everyMinutes: 5,
        }),
      { details: { host: 'example.org', everyMinutes: 5, secrets: 'password' } },
    ],
    ['list.source', () => lists.setSource('x', null), { details: {} }],
    ['list.rename', () => lists.renameList('x', 'y'), { target: 'x', details: { name: 'y' } }],
    ['list.remove', () => lists.removeList('y'), { target: 'y' }],
    [
      'key.create',
      () => keys.createKey({ tenant: 'acme', scopes: ['check', 'hits'], expiresAt: null, name: 'n' }),
      { tenant: 'acme', details: { scopes: 'check hits', name: 'n' } },
    ],
    [
      'key.rotate',
      async () => keys.rotateKey(null, (await store.keys.keys('acme'))[0]!.id, { nowMs: Date.now(), graceMs: 0 }),
      { tenant: 'acme' },
    ],
    ['key.revoke', async () => keys.revokeKey(null, (await store.keys.keys('acme'))[1]!.id), { tenant: 'acme' }],
    [
      'tenant.set',
      () => tenants.setTenant('acme', { disabled: true, limits: { bytesPerDay: 5, checksPerDay: null } }),
      { tenant: 'acme', details: { disabled: true, bytesPerDay: 5, checksPerDay: null } },
    ],
    [
      'tenant.alarm',
      () => tenants.setTenant('acme', { alarm: { at: 'now', kind: 'edge', queries: 33 } }),
      { details: { alarm: 'edge', queries: 33 } },
    ],
    ['tenant.set', () => tenants.setTenant('acme', { alarm: null }), { details: { alarm: null } }],
    [
      'tenant.set',
      () => tenants.setTenant('acme', { referenceUrl: 'https://a.example/{reference}' }),
      { details: { referenceUrl: 'https://a.example/{reference}' } },
    ],
  ];
  for (const [action, act, about] of cases) {
    const told = await added(act);
    expect(told, action).toHaveLength(1);
    expect(told[0]).toMatchObject({ actor: 'somebody', action, outcome: 'done', ...about });
    const [begun, done] = (await rows(true)).slice(-2);
    expect(begun).toMatchObject({ seq: done!.seq - 1, actor: 'somebody', action, outcome: 'begun', ends: null });
    expect(done).toMatchObject({ ends: begun!.seq, tenant: begun!.tenant });
    // All details but those of the result.
    expect(done!.details).toMatchObject(begun!.details);
  }
  expect(
    await added(async () => {
      await lists.lists();
      await lists.generation();
      await keys.keys(null);
      await tenants.tenants();
    }),
  ).toEqual([]);
  expect(await store.audit.verify()).toMatchObject({ ok: true });
});

test('a sync that moves its checkpoint is not logged; a changed source is', async () => {
  const { lists } = running.service.audit.as('somebody');
  await lists.createList({ list: 'synced', kind: 'match', radiusBits: 31 });
  const source = { type: 'ncmec', url: 'https://example.org/v2', secrets: { password: { env: 'S' } } } as const;
  const begun = { ...NEW_SOURCE, ...source, everyMinutes: 5 };
  expect(await added(() => lists.setSource('synced', begun))).toHaveLength(1);
  const moved = { ...begun, checkpoint: '2026-09-14', syncedAt: '2026-09-14T12:00:00Z' };
  expect(await added(() => lists.setSource('synced', moved))).toEqual([]);
  expect(await lists.source('synced'), 'and it is moved').toMatchObject({ checkpoint: '2026-09-14' });
  const lastTry = { startedAt: 'a', endedAt: 'b', outcome: 'failed', why: 'status 500' } as const;
  expect(await added(() => lists.setSource('synced', { ...moved, lastTry }))).toEqual([]);
  const asked = { ...moved, requestedAt: '2026-09-14T12:00:00Z' };
  expect(await added(() => lists.setSource('synced', asked))).toMatchObject([
    { action: 'list.sync', target: 'synced' },
  ]);
  expect(await added(() => lists.setSource('synced', { ...moved, everyMinutes: 6 }))).toHaveLength(1);
  expect(await added(() => lists.setSource('synced', { ...moved, url: 'https://example.com/v2' }))).toHaveLength(1);
  await lists.removeList('synced');
});

test('a failed change is logged with its code, one without effect with 0 entries', async () => {
  const { lists, keys } = running.service.audit.as('somebody');
  const told = await added(async () => {
    await expect(lists.updateList('nowhere', { enabled: false })).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
    const { key, info } = await running.service.store.keys.createKey({ tenant: 't', scopes: [], expiresAt: null });
    // Keys and values that were taken for ids.
    await expect(keys.revokeKey(null, key)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(keys.rotateKey(null, key, { nowMs: 0, graceMs: 0 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await keys.revokeKey(null, info.id);
    await expect(keys.revokeKey(null, info.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const broken = (async function* () {
      yield entryRow(1, 'md5', value(1));
      throw new TypeError('a bug');
    })();
    await expect(lists.replaceEntries('sample', broken)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(
      running.service.audit.withAudit('somebody', { action: 'store.rekey' }, () =>
        Promise.reject(new TypeError('a bug')),
      ),
    ).rejects.toThrow('a bug');
    expect(await lists.changeEntries('sample', { entryId: value(1) }, 'disable')).toBe(0);
  });
  expect(JSON.stringify(await rows(true))).not.toMatch(new RegExp(`zeef_|${value(1)}`));
  expect(told).toMatchObject([
    {
      action: 'list.update',
      target: 'nowhere',
      outcome: 'failed',
      details: { enabled: false, code: 'LIST_NOT_FOUND' },
    },
    { action: 'key.revoke', tenant: 't', outcome: 'done' },
    { action: 'key.revoke', tenant: 't', outcome: 'failed', details: { code: 'NOT_FOUND' } },
    { action: 'list.replace', target: 'sample', outcome: 'failed', details: { code: 'STORE_FAILED' } },
    { action: 'store.rekey', outcome: 'failed', details: { code: 'INTERNAL' } },
    { action: 'entries.disable', target: 'sample', outcome: 'done', details: { entries: 0 } },
  ]);
  expect(await running.service.store.audit.verify()).toMatchObject({ ok: true });
});

test('over HTTP: the actor of each change is logged, values and keys are not', async () => {
  const { key: admin, info } = await running.service.store.keys.createKey({
    tenant: 'ops',
    scopes: ['admin'],
    expiresAt: null,
  });
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(running.url + path, {
      method,
      headers: { authorization: `Bearer ${admin}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return text === '' ? null : JSON.parse(text);
  };
  const secret = 'c0ffee'.padEnd(32, '7');
  let key = '';
  const told = await added(async () => {
    await ask('PATCH', '/v1/lists/sample', { radiusBits: 30 });
    await ask('POST', '/v1/suppressions', { algorithm: 'md5', value: secret, note: 'logo' });
    const made = await ask('POST', '/v1/keys', { tenant: 'acme2', scopes: ['check'] });
    key = made.key;
    const rotated = await ask('POST', `/v1/keys/${made.info.id}/rotate`, { graceHours: 1 });
    expect(rotated.old.id).toBe(made.info.id);
    await ask('DELETE', `/v1/keys/${made.info.id}`);
    await ask('PATCH', '/v1/tenants/acme2', { limits: { checksPerDay: 1 } });
  });
  expect(told.map(({ action }) => action)).toEqual([
    'list.update',
    'list.add',
    'key.create',
    'key.rotate',
    'key.revoke',
    'tenant.set',
  ]);
  // The list that the import makes.
  expect(told[1]!.details).toMatchObject({ kind: 'suppression', radiusBits: 0 });
  expect(new Set(told.map(({ actor }) => actor))).toEqual(new Set([info.id]));
  const first = await ask('GET', '/v1/audit?limit=4');
  expect(first.entries.map(({ action }: { action: string }) => action)).toEqual([
    'tenant.set',
    'key.revoke',
    'key.rotate',
    'key.create',
  ]);
  const second = await ask('GET', `/v1/audit?limit=2&cursor=${first.cursor}`);
  expect(second.entries.map(({ action }: { action: string }) => action)).toEqual(['list.add', 'list.update']);
  const ofTenant = await ask('GET', '/v1/audit?tenant=acme2');
  expect(ofTenant.entries).toHaveLength(4);
  expect(ofTenant.cursor).toBeNull();
  const whole = JSON.stringify(await rows());
  expect(whole).not.toContain(secret);
  expect(whole).not.toContain(key.slice(5));
});

test('a change by Zeef itself has the actor zeef', async () => {
  const told = await added(() => running.service.audit.as(ZEEF).lists.updateList('sample', { radiusBits: 31 }));
  expect(told[0]).toMatchObject({ actor: 'zeef', action: 'list.update' });
});

test('src/http and src/cli use only reading methods of the plain store', () => {
  const READS = [
    'lists',
    'list',
    'versions',
    'versionRows',
    'source',
    'quarantined',
    'verify',
    'generation',
    'keys',
    'tenants',
    'tenant',
    'usage',
    'entry',
    'entryPage',
    'sent',
    'webhooks',
    'dead',
    // A ping changes nothing that an operator decided.
    'position',
    'addEvents',
  ];
  const offenders = ['src/http', 'src/cli'].flatMap((room) =>
    readdirSync(room, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => {
        const text = readFileSync(join(room, file), 'utf8');
        const uses = text.matchAll(/\bstore\.(lists|feedback|keys|tenants|webhooks)\b(?:\.(\w+)\(|([^.]))/g);
        // Helpers that only read get the store itself.
        const passed = [
          'suppressions(service.store.lists)',
          'listHealth(service.store.lists)',
          'exchangeLines(service.store.lists, list, format)',
          'requireKeysFor(host, service.store.keys)',
        ];
        return [...uses]
          .filter(({ 2: method, index }) => {
            const isPassed = passed.some((one) => text.slice(index - 60, index + 60).includes(one));
            return !isPassed && !READS.includes(method ?? '');
          })
          .map(([use]) => `${file}: ${use}`);
      }),
  );
  expect(offenders).toEqual([]);
});
