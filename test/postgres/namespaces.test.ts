/**
 * Two services and PostgreSQL as machines with addresses of their own, and a router between them. It swallows the packets of one service;
 * then PostgreSQL's cable is pulled. No connection is closed. Nothing is lost or counted twice, and all recovers by itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childEnv, endWithParent } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { orLeftOut } from '../support/left-out.js';
import { canMakeNamespaces, Namespace } from '../support/namespaces.js';
import { hasPostgres, PostgresServer } from '../support/postgres.js';
import { run, type Serving, serveWithin } from '../support/processes.js';

const canCut = orLeftOut(
  hasPostgres && (await canMakeNamespaces()),
  'No PostgreSQL, or no network namespaces for this user',
  'the test of services that are cut off',
);

/** The longest wait for the reply to a statement. */
const QUERY_MS_MAX = 9_000;
/** A service that has recorded nothing for five seconds is not ready; a busy machine asks it late. */
const NOT_READY_MS = [4_500, 15_000] as const;
/** A connection is refused or made within two seconds, and tried again. */
const RECOVERY_MS_MAX = 10_000;
/** Far more than an answer of a busy machine takes, and less than any wait for what is cut off. */
const UNAFFECTED_MS_MAX = 3_000;

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly ms: number;
  readonly endedMs: number;
}

/** A service in a namespace, its way in, and callers that ask it one check after the other. */
class Machine {
  readonly answers: Answer[] = [];
  readonly #serving: Serving;
  readonly #wayIn: ChildProcess;
  readonly #socket: string;
  #isEnding = false;
  #calling: Promise<void>[] = [];

  private constructor(serving: Serving, wayIn: ChildProcess, socket: string) {
    this.#serving = serving;
    this.#wayIn = wayIn;
    this.#socket = socket;
  }

  static async start({ enter }: Namespace, databaseUrl: string): Promise<Machine> {
    const env = {
      ZEEF_DATABASE_URL: databaseUrl,
      ZEEF_DATA_DIR: tempFolder('machine'),
      ZEEF_LIST_KEY: '1'.repeat(64),
      ZEEF_READY_NEEDS_LIST: 'off',
      ZEEF_TENANT_CHECKS_PER_SECOND: '0',
      ZEEF_TENANT_CONCURRENT_REQUESTS: '0',
    };
    const serving = await serveWithin(enter, env);
    const socket = join(tempFolder('way'), 'in');
    const { hostname, port } = new URL(serving.url);
    const [program = '', ...args] = [
      ...enter,
      '--',
      process.execPath,
      'test/support/way-in.mjs',
      socket,
      hostname,
      port,
    ];
    const wayIn = endWithParent(spawn(program, args, { env: childEnv(), stdio: ['pipe', 'pipe', 'inherit'] }));
    await once(wayIn.stdout!, 'data');
    return new Machine(serving, wayIn, socket);
  }

  ask(path: string, body?: object): Promise<Answer> {
    const startedMs = performance.now();
    const { host } = new URL(this.#serving.url);
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          socketPath: this.#socket,
          path,
          method: body ? 'POST' : 'GET',
          headers: { host, 'content-type': 'application/json' },
          agent: false,
        },
        async (response) => {
          let text = '';
          for await (const piece of response) text += String(piece);
          const endedMs = performance.now();
          resolve({ status: response.statusCode!, body: text, ms: endedMs - startedMs, endedMs });
        },
      );
      asked.on('error', reject);
      asked.end(body ? JSON.stringify(body) : '');
    });
  }

  call(): void {
    this.#calling = [1, 2].map(async () => {
      while (!this.#isEnding)
        this.answers.push(await this.ask('/v1/check/hashes', { items: [{ md5: 'a'.repeat(32) }] }));
    });
  }

  /** Wait for more answers. */
  async more(count: number): Promise<void> {
    const before = this.answers.length;
    await expect
      .poll(() => this.answers.length, { interval: 5, timeout: 30_000 })
      .toBeGreaterThanOrEqual(before + count);
  }

  async notReady(): Promise<readonly string[]> {
    return (JSON.parse((await this.ask('/readyz')).body) as { notReady: readonly string[] }).notReady;
  }

  /** Wait until it is not ready for these reasons, or ready without one. Result: how long that took. */
  async untilNotReady(reasons: readonly string[]): Promise<number> {
    const startedMs = performance.now();
    await expect.poll(() => this.notReady(), { interval: 100, timeout: 20_000 }).toEqual(reasons);
    return performance.now() - startedMs;
  }

  async calm(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#calling);
  }

  async end(): Promise<void> {
    await this.calm();
    await this.#serving.end('SIGTERM');
    const ended = once(this.#wayIn, 'exit');
    this.#wayIn.stdin!.end();
    await ended;
  }
}

const slowest = (answers: readonly Answer[]) => Math.max(...answers.map(({ ms }) => ms));

const DATABASE = '10.77.9.2';
const SERVICES = ['10.77.1.2', '10.77.2.2'] as const;
/** The router's address on the cable of another one. */
const gatewayOf = (address: string) => address.replace(/2$/, '1');

describe.runIf(canCut)('services and a database with addresses of their own', () => {
  const spaces: Namespace[] = [];
  let router: Namespace;
  let cable: ReturnType<Namespace['join']>;
  let server: PostgresServer | undefined;
  let machines: Machine[] = [];

  beforeAll(async () => {
    router = await Namespace.create();
    router.route();
    const attach = async (address: string) => {
      const space = await Namespace.create();
      spaces.push(space);
      const joined = router.join(`${gatewayOf(address)}/24`, space, `${address}/24`);
      space.run('ip', 'route', 'add', 'default', 'via', gatewayOf(address));
      return { space, joined };
    };
    const database = await attach(DATABASE);
    cable = database.joined;
    server = await PostgresServer.createWithin(database.space.enter, {
      addresses: [DATABASE],
      network: '10.77.0.0/16',
    });
    const starting = SERVICES.map(async (address) =>
      Machine.start((await attach(address)).space, `postgres://zeef@${DATABASE}/postgres`),
    );
    machines = await Promise.all(starting);
  }, 60_000);
  afterAll(async () => {
    await Promise.all(machines.map((machine) => machine.end()));
    await server?.stop();
    await Promise.all([...spaces, router].map((space) => space?.end()));
  }, 60_000);

  test('one and then all are cut off and come back: nothing is lost, and nothing counted twice', async () => {
    const [one, other] = machines as [Machine, Machine];
    for (const machine of machines) {
      expect(await machine.notReady()).toEqual([]);
      machine.call();
    }
    await Promise.all(machines.map((machine) => machine.more(20)));

    const heal = router.swallow(SERVICES[0]);
    const cutMs = performance.now();
    await other.more(1);
    const from = other.answers.length;
    const oneMs = await one.untilNotReady(['ledger_unwritable']);
    expect(await other.notReady()).toEqual([]);
    const during = other.answers.slice(from);

    cable.pull();
    const pulledMs = performance.now();
    const otherMs = await other.untilNotReady(['ledger_unwritable']);
    expect(await one.notReady()).toEqual(['ledger_unwritable']);
    const alone = one.answers.filter(({ endedMs }) => endedMs > cutMs + UNAFFECTED_MS_MAX);
    // Of the first one, statements have ended without a reply: whether they were committed is not known.
    await delay(Math.max(0, cutMs + QUERY_MS_MAX + 500 - performance.now()));
    cable.plug();
    heal();
    const healedMs = performance.now();
    const againMs = await Promise.all(machines.map((machine) => machine.untilNotReady([])));
    await Promise.all(machines.map((machine) => machine.more(20)));
    await Promise.all(machines.map((machine) => machine.calm()));

    const answers = machines.flatMap((machine) => machine.answers);
    const seconds = [slowest(one.answers), slowest(other.answers), oneMs, otherMs, ...againMs].map((ms) => ms / 1_000);
    process.stderr.write(
      `Cut off: ${answers.length} answers; the slowest, the first not ready and the last ready again in s: ${seconds.map((s) => s.toFixed(1))}\n`,
    );
    for (const ms of [oneMs, otherMs]) {
      expect(ms).toBeGreaterThan(NOT_READY_MS[0]);
      expect(ms).toBeLessThan(NOT_READY_MS[1]);
    }
    expect(alone).toEqual([]);
    expect(during.length).toBeGreaterThan(20);
    expect(slowest(during)).toBeLessThan(UNAFFECTED_MS_MAX);
    // One that was refused may be on record: its caller knows that it has to ask again.
    const recorded = answers.filter(({ status }) => status === 200).length;
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.filter(({ status, body }) => status !== 503 || !/LEDGER_FAILED|STORE_FAILED/.test(body))).toEqual(
      [],
    );
    expect(recorded).toBeGreaterThan(refused.length);
    // Shorter than the wait for a reply, and longer.
    expect(slowest(other.answers)).toBeLessThan(Math.max(QUERY_MS_MAX, healedMs - pulledMs) + RECOVERY_MS_MAX);
    expect(slowest(one.answers)).toBeGreaterThan(QUERY_MS_MAX);
    expect(slowest(one.answers)).toBeLessThan(healedMs - cutMs + RECOVERY_MS_MAX);
    expect(Math.max(...againMs)).toBeLessThan(RECOVERY_MS_MAX);
    for (const machine of machines) {
      const { checked } = JSON.parse((await machine.ask('/v1/stats')).body) as { checked: number };
      expect(checked).toBeGreaterThanOrEqual(recorded);
      expect(checked).toBeLessThanOrEqual(answers.length);
    }
    const env = {
      ZEEF_DATABASE_URL: server!.url(),
      ZEEF_DATA_DIR: tempFolder('verify'),
      ZEEF_LIST_KEY: '1'.repeat(64),
    };
    expect((await run(env, 'ledger', 'verify')).code).toBe(0);
  }, 90_000);
});
