/**
 * Two services on one data folder: an import and a sync are done by one of them, once, and audited once; when it is killed
 * or stopped, the other takes the work over after the lease.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { DUTY_LEASE_MS } from '../../src/duties/with-duty.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { NEW_SOURCE } from '../../src/store/source-row.js';
import type { Store } from '../../src/store/store.js';
import { type Serving, serve } from '../support/processes.js';

/** Rows of an import that takes a few seconds. */
const ROWS = 80_000;
const TAKEN_OVER_MS_MAX = DUTY_LEASE_MS + 100_000;
const TIMEOUT_MS = 400_000;

const body = (seed: number) =>
  Array.from({ length: ROWS }, (_, n) => (seed * 1e9 + n).toString(16).padStart(32, '0')).join('\n');

interface Two {
  readonly services: readonly [Serving, Serving];
  readonly store: Store;
}
const open: { services: Serving[]; stores: Store[]; servers: Server[] } = { services: [], stores: [], servers: [] };
afterEach(async () => {
  for (const { child } of open.services.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await ended;
  }
  for (const store of open.stores.splice(0)) await store.close();
  for (const server of open.servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function two(prepare: (store: Store) => Promise<void> = async () => {}): Promise<Two> {
  const dataDir = join(tempFolder('two'), 'data');
  const store = await openSqliteStore(dataDir);
  open.stores.push(store);
  await prepare(store);
  const env = { ZEEF_DATA_DIR: dataDir, ZEEF_WORKERS: '1', ZEEF_LOG_LEVEL: 'silent' };
  const services = await Promise.all([serve(env), serve(env)]);
  open.services.push(...services);
  return { services, store };
}

async function submit({ url }: Serving, list: string, text: string): Promise<string> {
  const response = await fetch(`${url}/v1/lists/${list}/entries?format=plain&algorithm=md5&mode=add`, {
    method: 'POST',
    body: text,
    headers: { 'content-type': 'application/octet-stream' },
  });
  expect(response.status).toBe(202);
  return ((await response.json()) as { id: string }).id;
}

/** Rows of the audit log of the list's imports, by outcome, with their codes. */
async function audited({ audit }: Store, list: string): Promise<Record<string, (string | undefined)[]>> {
  const found: Record<string, (string | undefined)[]> = {};
  for (const { target, action, outcome, details } of await audit.page({
    tenant: null,
    before: null,
    limit: 1_000,
    all: true,
  })) {
    if (target !== list || action !== 'list.add') continue;
    const codes = found[outcome!] ?? [];
    found[outcome!] = codes;
    codes.push(details.code === undefined ? undefined : String(details.code));
  }
  return found;
}

/** Wait until so many imports of the list have begun: each writes for seconds after that. */
const begun = (store: Store, list: string, count: number) =>
  expect
    .poll(async () => (await audited(store, list)).begun?.length, { timeout: TAKEN_OVER_MS_MAX, interval: 20 })
    .toBe(count);
const done = (store: Store, id: string, timeout = TAKEN_OVER_MS_MAX) =>
  expect.poll(async () => (await store.jobs.job(id))?.state, { timeout, interval: 100 }).toBe('done');
const versions = async (store: Store, list: string) => (await store.lists.versions(list)).map(({ added }) => added);

describe('imports', () => {
  test(
    'run once each, in their order, whichever process they were sent to',
    async () => {
      const {
        services: [a, b],
        store,
      } = await two();
      const ids: string[] = [];
      for (const [n, service] of [a, b, a, b].entries()) ids.push(await submit(service, `x${n}`, body(n + 1)));
      for (const id of ids) await done(store, id, 120_000);
      const made: string[] = [];
      for (const [n, id] of ids.entries()) {
        const found = await store.lists.versions(`x${n}`);
        expect(found).toMatchObject([{ added: ROWS, origin: `job ${id}` }]);
        made.push(found[0]!.importedAt);
        expect(await audited(store, `x${n}`)).toEqual({ begun: [undefined], done: [undefined] });
      }
      expect(made).toEqual([...made].sort());
    },
    TIMEOUT_MS,
  );

  test(
    'are taken over from a process that was killed, and end once',
    async () => {
      const {
        services: [a],
        store,
      } = await two();
      const id = await submit(a, 'x', body(1));
      await begun(store, 'x', 1);
      await a.end('SIGKILL');
      await done(store, id);
      expect(await versions(store, 'x')).toEqual([ROWS]);
      // The killed process left its first row.
      const rows = await audited(store, 'x');
      expect([rows.begun!.length, rows.done!.length, rows.failed]).toEqual([2, 1, undefined]);
    },
    TIMEOUT_MS,
  );

  test(
    'of a process that was stopped past its lease and continues are not completed a second time',
    async () => {
      const {
        services: [a],
        store,
      } = await two();
      const id = await submit(a, 'x', body(1));
      await begun(store, 'x', 1);
      a.child.kill('SIGSTOP');
      // The other process has the duty, and perhaps waits for the lists’ file.
      await begun(store, 'x', 2);
      a.child.kill('SIGCONT');
      await done(store, id);
      // Time for the first process to notice.
      await expect.poll(async () => (await audited(store, 'x')).failed, { timeout: 30_000 }).toEqual(['LEASE_LOST']);
      expect(await versions(store, 'x')).toEqual([ROWS]);
      expect((await audited(store, 'x')).done).toHaveLength(1);
    },
    TIMEOUT_MS,
  );
});

describe('a source', () => {
  test(
    'with an interval is fetched by one process',
    async () => {
      const asked: ServerResponse[] = [];
      const server = createServer((_request, response) => void asked.push(response));
      open.servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`;
      const { services } = await two(async ({ lists }) => {
        await lists.createList({ list: 's', kind: 'match', radiusBits: 31 });
        await lists.setSource('s', { ...NEW_SOURCE, type: 'ncmec', url, everyMinutes: 1 });
      });
      await expect.poll(() => asked.length, { timeout: 60_000 }).toBe(1);
      // Both have looked by then.
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      expect(asked).toHaveLength(1);
      await Promise.all(services.map((service) => service.end('SIGKILL')));
      asked[0]!.destroy();
    },
    TIMEOUT_MS,
  );
});
