/** The contract of every store of keys. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isLive } from '../../src/store/keys-contract.js';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';

type Part = Pick<Store, 'keys' | 'close'>;

const HOUR_MS = 3_600_000;

export function keysContract(name: string, place: Place<Part>): void {
  describe(name, () => {
    let store: Part;
    let other: Part;
    beforeEach(async () => {
      await place.fresh();
      store = await place.open();
      other = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await other.close();
    });
    const make = (tenant = 't', expiresAt: string | null = null) =>
      store.keys.createKey({ tenant, scopes: ['check', 'details'], expiresAt, name: 'uploads' });
    const nowMs = Date.now() + 1_000;

    test('a key has 256 bits, is found by its exact text only, and is revoked once', async () => {
      const { key, info } = await make();
      expect(key).toMatch(/^zeef_[\w-]{43}$/);
      expect(await store.keys.findByKey(key)).toEqual(info);
      expect(info).toMatchObject({ tenant: 't', name: 'uploads', line: info.id, lastUsedAt: null, revokedAt: null });
      for (let at = 0; at < key.length; at++) {
        const other = `${key.slice(0, at)}${key[at] === 'A' ? 'B' : 'A'}${key.slice(at + 1)}`;
        expect(await store.keys.findByKey(other)).toBeNull();
      }
      expect(await store.keys.findByKey('')).toBeNull();
      await store.keys.revokeKey('t', info.id);
      expect((await store.keys.findByKey(key))!.revokedAt).not.toBeNull();
      await expect(store.keys.revokeKey('t', info.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await store.keys.keys(null)).toHaveLength(1);
    });

    test('keys and their ids are unique', async () => {
      const made = await Promise.all(Array.from({ length: 50 }, () => make()));
      expect(new Set(made.map(({ key }) => key)).size).toBe(50);
      expect(new Set(made.map(({ info }) => info.id)).size).toBe(50);
    });

    test('another process reads a key, and its revocation at once; one of two revocations is the first', async () => {
      const { key, info } = await make();
      expect(await other.keys.findByKey(key)).toEqual(info);
      const revoked = await Promise.allSettled(
        [store, other, store, other].map(({ keys }) => keys.revokeKey('t', info.id)),
      );
      expect(revoked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect((await store.keys.findByKey(key))!.revokedAt).not.toBeNull();
      expect((await other.keys.findByKey(key))!.revokedAt).not.toBeNull();
    });

    test('two processes that create keys of one new tenant both do', async () => {
      const made = await Promise.all(
        [store, other, store, other].map(({ keys }) =>
          keys.createKey({ tenant: 'new', scopes: ['check'], expiresAt: null }),
        ),
      );
      expect((await other.keys.keys('new')).map(({ id }) => id).sort()).toEqual(made.map(({ info }) => info.id).sort());
    });

    test('of rotations by two processes at once, one makes the successor', async () => {
      // The first round also opens connections, one after the other.
      for (let round = 0; round < 5; round++) {
        const { info } = await make();
        const rotated = await Promise.allSettled(
          [store, other, store, other].map(({ keys }) => keys.rotateKey('t', info.id, { nowMs, graceMs: HOUR_MS })),
        );
        expect(rotated.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        for (const one of rotated)
          if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'KEYS_LIVE_MAX' });
        expect((await store.keys.keys('t')).filter(({ line }) => line === info.line)).toHaveLength(2);
      }
    });

    test('a key that is revoked during its rotation ends revoked, and at most its successor lives', async () => {
      for (let round = 0; round < 5; round++) {
        const { key, info } = await make();
        const [, rotated] = await Promise.allSettled([
          store.keys.revokeKey('t', info.id),
          other.keys.rotateKey('t', info.id, { nowMs: Date.now(), graceMs: HOUR_MS }),
        ]);
        expect((await store.keys.findByKey(key))!.revokedAt).not.toBeNull();
        const ofLine = (await store.keys.keys('t')).filter(({ line }) => line === info.line);
        expect(ofLine).toHaveLength(rotated.status === 'fulfilled' ? 2 : 1);
      }
    });

    test.each(['', 'ünï 🙂', 'a\0b', '\0', '\x1a0000', 'a\ud800b', `'"\\`])('a name of any text: %j', async (text) => {
      const { key, info } = await store.keys.createKey({ tenant: 't', scopes: ['check'], expiresAt: null, name: text });
      expect(await other.keys.findByKey(key)).toEqual(info);
      // Half of a surrogate pair is in no encoding.
      if (text.isWellFormed()) expect(info.name).toBe(text);
      else expect(info.name).toMatch(/^a\ufffd+b$/);
      for (const id of [text, `${info.id}${text}\0`])
        await expect(store.keys.revokeKey(null, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await store.keys.keys(text)).toEqual([]);
    });

    test('the key of another tenant is not listed, rotated, revoked or touched', async () => {
      const { key, info } = await make('a');
      await make('b');
      expect((await store.keys.keys('b')).map(({ tenant }) => tenant)).toEqual(['b']);
      expect((await store.keys.keys('nobody')).map(({ tenant }) => tenant)).toEqual([]);
      expect((await store.keys.keys(null)).map(({ tenant }) => tenant)).toEqual(['a', 'b']);
      await expect(store.keys.revokeKey('b', info.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(store.keys.rotateKey('b', info.id, { nowMs, graceMs: 0 })).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      await store.keys.touchKey('b', info.id, nowMs);
      expect(await store.keys.findByKey(key)).toEqual(info);
    });

    test('rotation: both keys live through the grace period, never three; then the new one can rotate', async () => {
      const first = await make();
      const second = await store.keys.rotateKey('t', first.info.id, { nowMs, graceMs: HOUR_MS });
      expect(second.info).toMatchObject({
        line: first.info.line,
        tenant: 't',
        name: 'uploads',
        scopes: ['check', 'details'],
      });
      expect(second.info.expiresAt).toBeNull();
      expect(second.old.expiresAt).toBe(new Date(nowMs + HOUR_MS).toISOString());
      expect(await store.keys.findByKey(first.key)).toEqual(second.old);
      expect([nowMs + HOUR_MS - 1, nowMs + HOUR_MS].map((at) => isLive(second.old, at))).toEqual([true, false]);
      for (const { info } of [first, second]) {
        await expect(store.keys.rotateKey('t', info.id, { nowMs, graceMs: HOUR_MS })).rejects.toMatchObject({
          code: 'KEYS_LIVE_MAX',
        });
      }
      const later = { nowMs: nowMs + HOUR_MS, graceMs: 0 };
      await expect(store.keys.rotateKey('t', first.info.id, later)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      const third = await store.keys.rotateKey('t', second.info.id, later);
      expect(isLive(third.old, later.nowMs)).toBe(false);
      expect(await store.keys.keys('t')).toHaveLength(3);
    });

    test('rotation: revoking makes room; grace extends no expiry; the new key has the same lifetime', async () => {
      const first = await make('t', new Date(nowMs + 2 * HOUR_MS).toISOString());
      const lifeMs = Date.parse(first.info.expiresAt!) - Date.parse(first.info.createdAt);
      const second = await store.keys.rotateKey('t', first.info.id, { nowMs, graceMs: 3 * HOUR_MS });
      expect(second.old.expiresAt).toBe(first.info.expiresAt);
      expect(Date.parse(second.info.expiresAt!) - nowMs).toBe(lifeMs);
      await store.keys.revokeKey('t', first.info.id);
      const third = await store.keys.rotateKey('t', second.info.id, { nowMs, graceMs: 0, expiresAt: null });
      expect(third.info.expiresAt).toBeNull();
      await store.keys.revokeKey('t', third.info.id);
      await expect(store.keys.rotateKey('t', third.info.id, { nowMs, graceMs: 0 })).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    });

    test('the time of a key’s last use is kept after reopening', async () => {
      const { key, info } = await make();
      expect(await store.keys.touchKey('t', info.id, nowMs)).toBe(true);
      await store.close();
      store = await place.open();
      expect(await store.keys.findByKey(key)).toEqual({ ...info, lastUsedAt: new Date(nowMs).toISOString() });
    });

    test.each(['', 'a b', 'a/b', '-a', 'x'.repeat(65), 'a\nb', 'ä'])('invalid tenant name: %j', async (tenant) => {
      await expect(make(tenant)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      expect(await store.keys.keys(null)).toEqual([]);
    });
  });
}
