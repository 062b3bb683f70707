/** Who may do what, at the level of the hook itself: keys of a real store, limits of a real gate, and no server. */
import { EventEmitter } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { systemClock } from '../../src/core/clock.js';
import { createAuthoriser, requireDetailsFor, requireKeysFor, seesDetails } from '../../src/http/authorise.js';
import type { Service } from '../../src/service/service.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { isLive, type KeyInfo, type NewKey, SCOPES, type Scope } from '../../src/store/keys-contract.js';
import type { Store } from '../../src/store/store.js';
import type { TenantLimits } from '../../src/store/tenants-contract.js';
import { createTenantGates, type TenantGates } from '../../src/tenants/tenant-gates.js';
import { UNLIMITED } from '../support/unlimited.js';

const HOUR_MS = 3_600_000;

let store: Store;
let gates: TenantGates;
beforeEach(async () => {
  store = await openSqliteStore(tempFolder('authorise'));
  gates = openGates({});
});
afterEach(async () => {
  vi.useRealTimers();
  await gates.close();
  await store.close();
});

function openGates(limits: Partial<TenantLimits>): TenantGates {
  return createTenantGates(store.tenants, {
    clock: systemClock,
    shares: store.shares,
    defaults: { ...UNLIMITED, ...limits },
    alarmedPerSecond: 0,
    onSaveError: (error) => {
      throw error;
    },
  });
}

const authoriser = (host = '127.0.0.1') => createAuthoriser({ config: { host }, store, gates } as unknown as Service);

async function createKey(
  scopes: readonly Scope[],
  about: Partial<NewKey> = {},
): Promise<{ key: string; info: KeyInfo }> {
  return store.keys.createKey({ tenant: 'hoster', scopes, expiresAt: null, ...about });
}

interface Asked {
  readonly key?: string | undefined;
  readonly authorization?: string;
  readonly query?: object;
  readonly bytes?: number;
}

/** Returns the request that the hook accepted, with what ends it. */
async function ask(hook: ReturnType<ReturnType<typeof createAuthoriser>>, asked: Asked = {}) {
  const raw = new EventEmitter();
  const authorization = asked.authorization ?? (asked.key === undefined ? undefined : `Bearer ${asked.key}`);
  const request = {
    headers: { authorization, 'content-length': asked.bytes === undefined ? undefined : String(asked.bytes) },
    query: asked.query ?? {},
    params: {},
    log: { warn: () => {} },
  } as unknown as FastifyRequest;
  await hook(request, { raw } as unknown as FastifyReply);
  return { caller: request.caller, end: () => raw.emit('close') };
}

const refused = (code: string) => expect.objectContaining({ code });

describe('a service without keys', () => {
  test('on loopback: every scope, as the tenant `local`', async () => {
    for (const scope of SCOPES)
      expect((await ask(authoriser()(scope))).caller).toMatchObject({ tenant: 'local', actor: 'local' });
  });

  test.each(['0.0.0.0', '::', '192.0.2.1', '128.0.0.1', '1127.0.0.1', 'localhost.example'])(
    'on %s: a key is required, also to start',
    async (host) => {
      await expect(ask(authoriser(host)('check'))).rejects.toEqual(refused('KEY_MISSING'));
      await expect(requireKeysFor(host, store.keys)).rejects.toEqual(refused('CONFIG_INVALID'));
      await createKey(['check'], { expiresAt: new Date(Date.now() - 1).toISOString() });
      await expect(requireKeysFor(host, store.keys)).rejects.toEqual(refused('CONFIG_INVALID'));
      await createKey(['check']);
      await requireKeysFor(host, store.keys);
    },
  );

  test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('starts on %s without a key', async (host) => {
    await requireKeysFor(host, store.keys);
  });
});

test('with the first key, every request needs one', async () => {
  vi.useFakeTimers({ toFake: ['performance'], now: 0 });
  const needs = authoriser();
  await ask(needs('check'));
  const { key } = await createKey(['check']);
  // The absence of keys is remembered for a second.
  vi.advanceTimersByTime(1_000);
  await expect(ask(needs('check'))).rejects.toEqual(refused('KEY_MISSING'));
  expect((await ask(needs('check'), { key })).caller.tenant).toBe('hoster');
  expect(await needs.whoAsks({ headers: {} } as FastifyRequest)).toEqual({ keyNeeded: true, caller: null });
});

describe('a key', () => {
  test('has the scopes that it was given, and no other; `admin` has all', async () => {
    for (const given of SCOPES) {
      const { key, info } = await createKey([given]);
      for (const scope of SCOPES) {
        const answer = ask(authoriser()(scope), { key });
        if (scope === given || given === 'admin') expect((await answer).caller.actor).toBe(info.id);
        else await expect(answer, `${given} asks for ${scope}`).rejects.toEqual(refused('SCOPE_MISSING'));
      }
    }
  });

  test.each([
    ['unknown', async () => ({ key: `zeef_${'0'.repeat(43)}` })],
    [
      'revoked',
      async () => {
        const { key, info } = await createKey(['check']);
        await store.keys.revokeKey(null, info.id);
        return { key };
      },
    ],
    ['expired', async () => createKey(['check'], { expiresAt: new Date(Date.now() - 1).toISOString() })],
    [
      'of a disabled tenant',
      async () => {
        await store.tenants.setTenant('hoster', { disabled: true });
        return createKey(['check']);
      },
    ],
    ['without `Bearer`', async () => ({ authorization: (await createKey(['check'])).key })],
    ['of another scheme', async () => ({ authorization: `Basic ${(await createKey(['check'])).key}` })],
    ['with a word after it', async () => ({ authorization: `Bearer ${(await createKey(['check'])).key} x` })],
    ['empty', async () => ({ authorization: '' })],
  ] satisfies [string, () => Promise<Asked>][])(
    'that is %s is KEY_INVALID, on a service without other keys too',
    async (_, make) => {
      await expect(ask(authoriser()('check'), await make())).rejects.toEqual(refused('KEY_INVALID'));
    },
  );

  test('is live up to the moment of its expiry, and not at it', () => {
    const atMs = Date.parse('2026-09-14T12:00:00Z');
    const key = { revokedAt: null, expiresAt: new Date(atMs).toISOString() } as KeyInfo;
    expect([isLive(key, atMs - 1), isLive(key, atMs)]).toEqual([true, false]);
    expect(isLive({ ...key, expiresAt: null }, atMs)).toBe(true);
    expect(isLive({ ...key, expiresAt: null, revokedAt: new Date(atMs - HOUR_MS).toISOString() }, atMs)).toBe(false);
  });
});

describe('a radius', () => {
  const hook = () => authoriser()('check', { mayNarrow: true });

  test.each(['0', '31', '', 'x'])('of %j needs the scope `details`', async (radius) => {
    const plain = await createKey(['check']);
    await expect(ask(hook(), { key: plain.key, query: { radius } })).rejects.toMatchObject({
      code: 'SCOPE_MISSING',
      details: { scope: 'details' },
    });
    for (const scopes of [['check', 'details'], ['admin']] as const)
      await ask(hook(), { key: (await createKey(scopes)).key, query: { radius } });
    await ask(hook(), { key: plain.key });
  });

  test('is a detail that `details` and `admin` see', () => {
    for (const scope of SCOPES) {
      const caller = { scopes: new Set([scope]) };
      expect(seesDetails(caller), scope).toBe(scope === 'details' || scope === 'admin');
      if (seesDetails(caller)) requireDetailsFor(caller, 'radius', 0);
      else expect(() => requireDetailsFor(caller, 'radius', 0)).toThrow(refused('SCOPE_MISSING'));
    }
  });
});

describe('limits', () => {
  test('of concurrent requests: a place is taken before the body, and returned once at its end', async () => {
    gates = openGates({ concurrentRequests: 1 });
    const { key } = await createKey(['check']);
    const hook = authoriser()('check');
    const first = await ask(hook, { key });
    await expect(ask(hook, { key })).rejects.toEqual(refused('TOO_MANY_CONCURRENT'));
    first.end();
    first.end();
    await ask(hook, { key });
    await expect(ask(hook, { key })).rejects.toEqual(refused('TOO_MANY_CONCURRENT'));
  });

  test('of checks and bytes: what the head states is taken before the body', async () => {
    gates = openGates({ checksPerDay: 2, bytesPerDay: 100 });
    const { key } = await createKey(['check']);
    const needs = authoriser();
    const { caller } = await ask(needs('check', { checks: 1 }), { key, bytes: 60 });
    expect(caller.gate.usage).toMatchObject({ checks: 1, bytes: 60 });
    await expect(ask(needs('check'), { key, bytes: 41 })).rejects.toMatchObject({ details: { quota: 'bytesPerDay' } });
    await ask(needs('check', { checks: 1 }), { key, bytes: 40 });
    for (const checks of [1, 'counted'] as const)
      await expect(ask(needs('check', { checks }), { key })).rejects.toMatchObject({
        details: { quota: 'checksPerDay' },
      });
  });

  test('do not hold for what only an administrator may do', async () => {
    gates = openGates({ concurrentRequests: 1, bytesPerDay: 1 });
    const { key } = await createKey(['admin']);
    const hook = authoriser()('admin');
    for (let n = 0; n < 3; n++) expect((await ask(hook, { key, bytes: 100 })).caller.gate.usage.bytes).toBe(0);
  });
});
