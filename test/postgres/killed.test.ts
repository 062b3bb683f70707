/** A server that is killed while stores write to it loses nothing that was acknowledged, and counts nothing twice. */
import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/store/audit-contract.js';
import type { ImportJob } from '../../src/store/jobs-contract.js';
import { openPostgres } from '../store/backends.js';
import { orLeftOut } from '../support/left-out.js';
import { hasPostgres, PostgresServer } from '../support/postgres.js';

const canKill = orLeftOut(hasPostgres && process.platform === 'linux', 'No PostgreSQL on Linux', 'tests of its kill');

const ROUNDS = 4;
const event = (target: string): AuditEvent => ({
  at: '2026-09-14T00:00:00.000Z',
  actor: 'zeef',
  action: 'tenant.set',
  tenant: null,
  target,
  details: {},
  outcome: null,
  ends: null,
});
const job = (id: string): ImportJob => ({
  id,
  list: 'a',
  state: 'queued',
  request: {},
  bytes: 1,
  sameAs: id,
  createdAt: '2026-09-14T00:00:00.000Z',
  finishedAt: null,
  report: null,
  error: null,
});

describe.runIf(canKill)('a server that is killed during writes', () => {
  test('has every acknowledged audit row once, and every acknowledged job', async () => {
    const server = await PostgresServer.create();
    const stores = await Promise.all([openPostgres(server.url()), openPostgres(server.url())]);
    let isEnding = false;
    const rows: string[] = [];
    const jobs: string[] = [];
    const writing = stores.flatMap((store, of) => [
      (async () => {
        for (let n = 0; !isEnding; n++) {
          await store.audit.append(event(`${of}-${n}`));
          rows.push(`${of}-${n}`);
        }
      })(),
      (async () => {
        for (let n = 0; !isEnding; n++) {
          const id = `${of}-${n}`;
          await store.jobs.addJob(job(id));
          jobs.push(id);
        }
      })(),
    ]);
    for (let round = 0; round < ROUNDS; round++) {
      const before = rows.length + jobs.length;
      await expect.poll(() => rows.length + jobs.length, { interval: 1 }).toBeGreaterThan(before + 20);
      await server.killAll();
      await server.start();
    }
    isEnding = true;
    await Promise.all(writing);
    const store = stores[0]!;
    expect(await store.audit.verify()).toMatchObject({ ok: true, rows: rows.length });
    const targets = (await store.audit.page({ tenant: null, before: null, limit: 1e6 })).map(({ target }) => target);
    expect(targets.sort()).toEqual(rows.sort());
    // A commit whose reply was lost is found by its id, so no outcome is unknown.
    const found = (await store.jobs.jobs()).map(({ id }) => id);
    expect(found.sort()).toEqual(jobs.sort());
    await Promise.all(stores.map((one) => one.close()));
    await server.stop();
  });
});
