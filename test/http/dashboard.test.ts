/** The dashboard's files and the routes that it needs, over HTTP; test/browser tests it in a browser. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { artefact } from '../../src/core/package-root.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());
const get = (path: string, key?: string) =>
  fetch(running.url + path, {
    redirect: 'manual',
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  });

describe('the page', () => {
  test('is one document whose security policy allows requests to this service only', async () => {
    const response = await get('/dashboard');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    const policy = response.headers.get('content-security-policy')!.split('; ');
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    const text = await response.text();
    expect(text).not.toMatch(/https?:\/\/|style="|\son\w+="|<script>|<style/i);
    // Every file that it references exists.
    for (const [, path] of text.matchAll(/(?:src|href)="(dashboard\/[^"]+)"/g)) {
      expect((await get(`/${path}`)).status, path).toBe(200);
    }
  });

  test('has files with the same policy; no other file of the disk is served', async () => {
    for (const name of readdirSync(artefact('src', 'dashboard')).filter((each) => each.endsWith('.js'))) {
      const response = await get(`/dashboard/${name}`);
      expect(response.headers.get('content-type'), name).toMatch(/^(text|application)\/javascript/);
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    }
    for (const path of ['/dashboard/..%2fschemas.js', '/dashboard/%2e%2e/schemas.js', '/dashboard/nowhere.js']) {
      expect((await get(path)).status, path).toBe(404);
    }
    const slash = await get('/dashboard/');
    expect([slash.status, slash.headers.get('location')]).toEqual([302, '../dashboard']);
  });
});

describe('lists that wait for an operator', () => {
  test('GET /v1/lists returns the number of quarantined entries and the held version', async () => {
    const { lists } = running.service.store;
    const told = async () =>
      ((await (await get('/v1/lists')).json()) as { lists: Record<string, unknown>[] }).lists.find(
        ({ list }) => list === 'sample',
      );
    expect(await told()).toMatchObject({ quarantinedCount: 0, heldVersion: null, version: 1 });
    await lists.changeEntries('sample', { entryId: 'mate-freshflower' }, 'quarantine');
    const nothing = (async function* () {})();
    const review = () => [{ rule: 'change' as const, count: 9, limit: 1 }];
    await lists.replaceEntries('sample', nothing, { review });
    const entries = (await lists.quarantined()).length;
    expect(entries).toBeGreaterThan(0);
    expect(await told()).toMatchObject({ quarantinedCount: entries, heldVersion: 2, version: 1 });
  });
});

describe('whoami and status', () => {
  test('without keys a local client is the tenant local with the scope admin', async () => {
    const { keyNeeded, tenant, scopes, key } = (await (await get('/v1/whoami')).json()) as Record<string, unknown>;
    expect([keyNeeded, tenant, key]).toEqual([false, 'local', null]);
    expect(scopes).toContain('admin');
  });

  test('the pace is a rate and a series of at most 360 slots', async () => {
    const { pace } = (await (await get('/v1/status')).json()) as {
      pace: { series: unknown[]; checksPerSecond: number };
    };
    expect(pace.checksPerSecond).toBeGreaterThanOrEqual(0);
    expect(pace.series.length).toBeLessThanOrEqual(360);
  });

  test('with keys: whoami asks for one, a wrong one gets 401, and the status is for admins only', async () => {
    const { keys } = running.service.store;
    const expiresAt = '2099-01-01T00:00:00.000Z';
    const { key: hits, info } = await keys.createKey({ tenant: 'desk', scopes: ['hits'], expiresAt, name: 'Anna' });
    const { key: admin } = await keys.createKey({ tenant: 'desk', scopes: ['admin'], expiresAt: null });
    await expect
      .poll(async () => (await get('/v1/whoami')).json())
      .toEqual({ keyNeeded: true, tenant: null, scopes: [], key: null });
    const asHits = await (await get('/v1/whoami', hits)).text();
    expect(JSON.parse(asHits)).toEqual({
      keyNeeded: true,
      tenant: 'desk',
      scopes: ['hits'],
      key: { id: info.id, name: 'Anna', expiresAt },
    });
    expect(asHits).not.toContain(hits);
    expect((await get('/v1/whoami', 'zeef_wrong')).status).toBe(401);
    expect([(await get('/v1/status')).status, (await get('/v1/status', hits)).status]).toEqual([401, 403]);
    expect((await get('/v1/status', admin)).status).toBe(200);
  });
});
