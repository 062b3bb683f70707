/**
 * Several `zeef serve` on one PostgreSQL of this machine: rates, commits, processor time and what the database waits for, by the number of
 * replicas; and a model of more replicas from these figures (`fleet-model.ts`). All of them, and the client, share the machine's cores.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import { Client } from 'pg';
import { artefact } from '../src/core/package-root.js';
import { openPostgresLedger } from '../src/postgres/ledger/ledger.js';
import { childEnv, endWithParent, processorSeconds } from './child.js';
import { type FleetInputs, forecast } from './fleet-model.js';
import { pdqLike } from './pdq-like.js';
import { isPostgresThere, POSTGRES, PostgresServer } from './postgres-server.js';
import type { BenchOptions, BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

const MAIN = artefact('src', 'main.js');
const CONNECTIONS = 16;
const BATCH_ITEMS = 1_000;
/** Of a replica: docs/scale.md. */
const POOLED = 17;
const SAMPLE_MS = 20;
const READY_MS_MAX = 60_000;
/** A note on a terminal of 100 columns. */
const NOTE_CHARS = 94;

interface Replica {
  readonly child: ChildProcess;
  readonly url: string;
}

interface Load {
  readonly name: string;
  readonly checks: number;
  /** Of each replica. */
  readonly amount: number;
  readonly requests: autocannon.Request[];
}

interface Measured {
  readonly checks: number;
  readonly seconds: number;
  readonly commits: number;
  readonly failed: number;
  readonly replicaSeconds: number;
  readonly databaseSeconds: number;
  /** Shares of the sampled sessions that were in a transaction: waiting for the log, for locks, for their client. */
  readonly waits: readonly [number, number, number];
}

const hexOf = (values: Uint8Array, at: number) => Buffer.from(values.subarray(at * 32, at * 32 + 32)).toString('hex');

function loads(smoke: boolean): Load[] {
  const queries = pdqLike(BATCH_ITEMS, 9);
  const items = Array.from({ length: BATCH_ITEMS }, (_, at) => ({ pdq: hexOf(queries, at) }));
  const post = (some: readonly object[]): autocannon.Request => ({
    method: 'POST',
    path: '/v1/check/hashes',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ items: some }),
  });
  return [
    {
      name: 'one hash',
      checks: 1,
      amount: smoke ? 100 : 20_000,
      requests: items.slice(0, 50).map((one) => post([one])),
    },
    { name: '1,000 hashes', checks: BATCH_ITEMS, amount: smoke ? 32 : 1_000, requests: [post(items)] },
  ];
}

class Fleet {
  readonly #server: PostgresServer;
  readonly #url: string;
  readonly #env: Record<string, string>;
  readonly #client: Client;
  readonly replicas: Replica[] = [];

  private constructor(server: PostgresServer, url: string) {
    this.#server = server;
    this.#url = url;
    this.#env = {
      ZEEF_DATABASE_URL: url,
      ZEEF_LIST_KEY: '5a'.repeat(32),
      ZEEF_WORKERS: '1',
      ZEEF_LOG_LEVEL: 'silent',
      // A replica that has just started has a small share of this limit: its first requests would be 429.
      ZEEF_TENANT_CONCURRENT_REQUESTS: '0',
    };
    this.#client = new Client({ connectionString: url });
  }

  static async start(entries: number): Promise<Fleet> {
    const server = await PostgresServer.create();
    const fleet = new Fleet(server, await server.createDatabase());
    await fleet.#client.connect();
    const values = pdqLike(entries, 1);
    const file = join(tempFolder('fleet-list'), 'list.txt');
    writeFileSync(file, Array.from({ length: entries }, (_, at) => `${hexOf(values, at)}\n`).join(''));
    const args = ['lists', 'import', file, '--list', 'bench', '--format', 'plain', '--algorithm', 'pdq', '--approved'];
    execFileSync(process.execPath, [MAIN, ...args], { env: fleet.#environment(), stdio: 'pipe' });
    return fleet;
  }

  #environment(): Record<string, string> {
    return childEnv({ ...this.#env, ZEEF_DATA_DIR: join(tempFolder('fleet'), 'data') });
  }

  async grow(count: number): Promise<void> {
    while (this.replicas.length < count) this.replicas.push(await this.#serve());
  }

  async #serve(): Promise<Replica> {
    const options = { env: this.#environment(), stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'] };
    const child = endWithParent(spawn(process.execPath, [MAIN, 'serve', '--port', '0'], options));
    for await (const line of createInterface(child.stdout!)) {
      const url = /zeef listens on ([^\s;]+)/.exec(line)?.[1];
      if (url === undefined) continue;
      const untilMs = performance.now() + READY_MS_MAX;
      while ((await fetch(`${url}/readyz`)).status !== 200) {
        if (performance.now() > untilMs) throw new Error('a replica is not ready');
        await delay(SAMPLE_MS);
      }
      return { child, url };
    }
    throw new Error('a replica ended before it listened');
  }

  /** Transactions that wrote: only these wait for the log. */
  async commits(): Promise<number> {
    const { rows } = await this.#client.query<{ next: number }>(
      'SELECT pg_snapshot_xmax(pg_current_snapshot())::text::float8 AS next',
    );
    return rows[0]!.next;
  }

  databaseSeconds(): number {
    return process.platform === 'linux' ? processorSeconds(this.#server.pids) : 0;
  }

  async connectionsMax(): Promise<number> {
    const { rows } = await this.#client.query<{ max: number }>(`SELECT current_setting('max_connections')::int AS max`);
    return rows[0]!.max;
  }

  /** Send all requests of a load to each replica, and sample the sessions meanwhile. */
  async measure({ requests, amount, checks }: Load): Promise<Measured> {
    const commitsBefore = await this.commits();
    const zeefSeconds = () => processorSeconds(this.replicas.map(({ child }) => child.pid!));
    const [zeefBefore, databaseBefore] = [zeefSeconds(), this.databaseSeconds()];
    const startedMs = performance.now();
    let isLoading = true;
    const waits = this.#sample(() => isLoading);
    const results = await Promise.all(
      this.replicas.map(({ url }) => autocannon({ url, connections: CONNECTIONS, amount, requests })),
    );
    const seconds = (performance.now() - startedMs) / 1_000;
    isLoading = false;
    const [replicaSeconds, databaseSeconds] = [zeefSeconds() - zeefBefore, this.databaseSeconds() - databaseBefore];
    return {
      checks: results.reduce((sum, result) => sum + result['2xx'] * checks, 0),
      failed: results.reduce((sum, { non2xx, errors }) => sum + non2xx + errors, 0),
      seconds,
      replicaSeconds,
      databaseSeconds,
      waits: await waits,
      commits: (await this.commits()) - commitsBefore,
    };
  }

  async #sample(isLoading: () => boolean): Promise<[number, number, number]> {
    const text = `SELECT CASE WHEN state = 'idle in transaction' THEN 2 WHEN wait_event_type = 'Lock' THEN 1
        WHEN wait_event ~* '^wal|^syncrep' THEN 0 ELSE 3 END AS kind, count(*)::int AS count
      FROM pg_stat_activity WHERE application_name = 'zeef' AND state IN ('active', 'idle in transaction')
        AND backend_type = 'client backend' GROUP BY 1`;
    const counts = [0, 0, 0, 0];
    while (isLoading()) {
      const { rows } = await this.#client.query<{ kind: number; count: number }>(text);
      for (const { kind, count } of rows) counts[kind]! += count;
      await delay(SAMPLE_MS);
    }
    const all = Math.max(
      1,
      counts.reduce((sum, count) => sum + count),
    );
    return [counts[0]! / all, counts[1]! / all, counts[2]! / all];
  }

  /** Checks that are on record. */
  async counted(): Promise<number> {
    const ledger = openPostgresLedger(this.#url);
    await ledger.open();
    const query = { tenant: null, fromMs: 0, toMs: Date.UTC(2100, 0), interval: null, seriesCells: false };
    const { tenants } = await ledger.counts(query);
    await ledger.close();
    return tenants.reduce((sum, { totals }) => sum + totals.checked, 0);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.replicas.map(async ({ child }) => {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }),
    );
    await this.#client.end();
    await this.#server.stop();
  }
}

/** Commits, and cores that the database uses, while nothing is asked. */
async function idle(fleet: Fleet, ms: number): Promise<{ commitsPerSecond: number; databaseCores: number }> {
  const [commits, databaseSeconds, startedMs] = [await fleet.commits(), fleet.databaseSeconds(), performance.now()];
  await delay(ms);
  const seconds = (performance.now() - startedMs) / 1_000;
  return {
    commitsPerSecond: ((await fleet.commits()) - commits) / seconds,
    databaseCores: (fleet.databaseSeconds() - databaseSeconds) / seconds,
  };
}

const percent = (shares: readonly number[]) => shares.map((share) => Math.round(share * 100)).join(', ');
const COLUMNS = ['replicas, request', 'checks/s', 'commits/s', 'Zeef ms', 'database ms', 'waits %'];

export async function fleet({ smoke }: BenchOptions): Promise<BenchTable> {
  const title = 'Fleet: several zeef serve on one PostgreSQL, client and database on the same cores';
  if (!isPostgresThere()) {
    const rows = [['left out', '', '', '', '', '']];
    return { title, notes: [`no PostgreSQL in ${POSTGRES.from}`], columns: COLUMNS, rows, checksum: 'left out' };
  }
  const running = await Fleet.start(smoke ? 1_000 : 100_000);
  try {
    return { title, columns: COLUMNS, ...(await measureAll(running, smoke)) };
  } finally {
    await running.stop();
  }
}

async function measureAll(running: Fleet, smoke: boolean): Promise<Pick<BenchTable, 'rows' | 'notes' | 'checksum'>> {
  await running.grow(1);
  const resting = await idle(running, smoke ? 1_000 : 20_000);
  const rows: (string | number)[][] = [];
  const singles: Measured[] = [];
  let [acknowledged, failed] = [0, 0];
  for (const count of smoke ? [1, 2] : [1, 2, 4]) {
    await running.grow(count);
    for (const load of loads(smoke)) {
      const measured = await running.measure(load);
      const { checks, seconds, commits, replicaSeconds, databaseSeconds, waits } = measured;
      if (load.checks === 1) singles.push(measured);
      acknowledged += checks;
      failed += measured.failed;
      const perThousand = (of: number) => (of * 1e6) / checks;
      const figures = [checks / seconds, commits / seconds, perThousand(replicaSeconds), perThousand(databaseSeconds)];
      rows.push([`${count}, ${load.name}`, ...figures, percent(waits)]);
    }
  }
  const last = singles.at(-1)!;
  const inputs: FleetInputs = {
    checksPerSecond: singles[0]!.checks / singles[0]!.seconds,
    commitsPerCheck: last.commits / last.checks,
    commitsPerSecondMax: Math.max(...singles.map(({ commits, seconds }) => commits / seconds)),
    idleCommitsPerSecond: resting.commitsPerSecond,
    databaseSecondsPerCheck: last.databaseSeconds / last.checks,
    idleDatabaseCores: resting.databaseCores,
    databaseCores: availableParallelism(),
    connectionsPerReplica: POOLED,
    connectionsMax: await running.connectionsMax(),
  };
  for (const replicas of [10, 100, 1_000]) {
    const { checksPerSecond, limit, connections } = forecast(inputs, replicas);
    rows.push([`model: ${replicas}, one hash`, checksPerSecond, '', '', `${connections} conn.`, limit]);
  }
  const counted = await running.counted();
  return {
    rows,
    notes: [
      'ms: processor time a thousand checks; waits: sessions in a transaction that wait for the log, locks, their client',
      'model: arithmetic on the rows above (fleet-model.ts), no measurement; the last column is the bound met first',
      `its inputs: ${JSON.stringify(inputs, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(3)) : value))}`,
    ].flatMap((note) => note.match(new RegExp(`.{1,${NOTE_CHARS}}(?:[ ,]|$)`, 'g')) ?? []),
    checksum:
      failed === 0 && counted === acknowledged
        ? 'counted = acknowledged'
        : `${counted} of ${acknowledged}, ${failed} failed`,
  };
}
