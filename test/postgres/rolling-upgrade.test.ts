/** Processes of two versions on one database, under load: the newer one has added to the schema, and no answer fails. */
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact, PACKAGE_ROOT } from '../../src/core/package-root.js';
import { MIGRATIONS } from '../../src/postgres/schema.js';
import { orLeftOut } from '../support/left-out.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';
import { runBy, type Serving, serveBy } from '../support/processes.js';

const canUpgrade = orLeftOut(hasPostgres, 'No PostgreSQL', 'the test of a rolling upgrade');

const KNOWN = '0123456789abcdef0123456789abcdef';
/** What a version may add while the one before runs: to the tables of the hot path, too. */
const ADDED = `-- additive
CREATE TABLE added (id int8 PRIMARY KEY);
ALTER TABLE ledger_link ADD COLUMN added int4 NOT NULL DEFAULT 7;
ALTER TABLE ledger_writer ADD COLUMN added int4;
ALTER TABLE tally ADD COLUMN added text;
ALTER TABLE hit ADD COLUMN added int4 NOT NULL DEFAULT 7;
ALTER TABLE hit_event ADD COLUMN added int4 NOT NULL DEFAULT 7;
ALTER TABLE audit ADD COLUMN added text;
ALTER TABLE api_key ADD COLUMN added text;
ALTER TABLE entry ADD COLUMN added int4 NOT NULL DEFAULT 7;
CREATE INDEX hit_added ON hit (added);`;

const OLD = artefact('src', 'main.js');

/** Make a program whose schema has one more text. Result: its path. */
function newerProgram(text: string): string {
  const root = join(tempFolder('newer'), 'zeef');
  mkdirSync(root);
  for (const name of ['node_modules', 'hashlists']) symlinkSync(join(PACKAGE_ROOT, name), join(root, name));
  for (const name of ['package.json', 'dist']) cpSync(join(PACKAGE_ROOT, name), join(root, name), { recursive: true });
  // The bundler has put the schema somewhere in a chunk.
  const chunks = join(root, 'dist', 'chunks');
  const isSchema = (name: string) =>
    name.endsWith('.js') && /^const MIGRATIONS = \[$/m.test(readFileSync(name, 'utf8'));
  const found = readdirSync(chunks)
    .map((name) => join(chunks, name))
    .filter(isSchema);
  expect(found).toHaveLength(1);
  appendFileSync(found[0]!, `\nMIGRATIONS.push(${JSON.stringify(text)});\n`);
  return join(root, 'dist', 'src', 'main.js');
}

async function check(url: string): Promise<number> {
  const response = await fetch(`${url}/v1/check/hashes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ items: [{ md5: KNOWN }, { md5: 'b'.repeat(32) }] }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return (JSON.parse(text) as { matched: number }).matched;
}

/** Callers of a service, each of which asks one check after the other. */
class Load {
  answers = 0;
  readonly failures: string[] = [];
  #isEnding = false;
  readonly #running: Promise<void>[];

  constructor({ url }: Serving) {
    this.#running = [1, 2].map(() => this.#run(url));
  }

  async #run(url: string): Promise<void> {
    while (!this.#isEnding) {
      try {
        await check(url);
        this.answers++;
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }

  async more(count: number): Promise<void> {
    const before = this.answers;
    await expect.poll(() => this.answers, { timeout: 60_000 }).toBeGreaterThan(before + count);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#running);
  }
}

describe.runIf(canUpgrade)('an upgrade, one process after the other', () => {
  const services: Serving[] = [];
  const loads: Load[] = [];
  afterAll(async () => {
    await Promise.all(loads.map((load) => load.end()));
    for (const { child, end } of services)
      if (child.exitCode === null && child.signalCode === null) await end('SIGKILL');
  });

  test('fails no answer while processes of both versions start and end, and both verify', async () => {
    const server = await sharedServer();
    const url = await server.createDatabase();
    const env = () => ({
      ZEEF_DATABASE_URL: url,
      ZEEF_DATA_DIR: join(tempFolder('replica'), 'data'),
      ZEEF_LIST_KEY: '1'.repeat(64),
      ZEEF_WORKERS: '1',
      ZEEF_LOG_LEVEL: 'error',
    });
    const start = async (program: string) => {
      const serving = await serveBy(program, env());
      services.push(serving);
      // Ready once it has the list.
      if (services.length > 1) await expect.poll(() => check(serving.url).catch(() => 0), { timeout: 60_000 }).toBe(1);
      return serving;
    };
    const under = (serving: Serving) => {
      const load = new Load(serving);
      loads.push(load);
      return load;
    };
    const versions = async () => (await server.run('SELECT version FROM migration', url)).length;
    const first = await start(OLD);
    const added = await fetch(`${first.url}/v1/lists/known/entries?format=plain&algorithm=md5&mode=add`, {
      method: 'POST',
      body: KNOWN,
      headers: { 'content-type': 'application/octet-stream' },
    });
    expect(added.ok).toBe(true);
    await expect.poll(() => check(first.url), { timeout: 60_000 }).toBe(1);
    const [a, b] = [first, await start(OLD)].map(under) as [Load, Load];
    await Promise.all([a.more(20), b.more(20)]);

    const newer = newerProgram(ADDED);
    expect(await versions()).toBe(MIGRATIONS.length);
    const c = under(await start(newer));
    expect(await versions()).toBe(MIGRATIONS.length + 1);
    await Promise.all([a, b, c].map((load) => load.more(20)));
    // The old one ends; another old one, whose machine was restarted, comes back.
    await a.end();
    await first.end('SIGTERM');
    const d = under(await start(OLD));
    await Promise.all([b, c, d].map((load) => load.more(20)));
    await Promise.all([b, c, d].map((load) => load.end()));

    expect(loads.flatMap(({ failures }) => failures)).toEqual([]);
    for (const program of [OLD, newer]) {
      for (const command of [['ledger', 'verify'], ['verify'], ['audit', 'verify']]) {
        const { code, output } = await runBy(program, env(), ...command);
        expect([command, code, output.toString()]).toEqual([command, 0, expect.any(String)]);
      }
    }
    // Those of the load, and those that waited for the lists; each has a hash of the list.
    const [hits] = await server.run('SELECT sum(times_seen)::int AS seen, min(added) AS added FROM hit', url);
    expect(hits!.added).toBe(7);
    expect(hits!.seen).toBeGreaterThanOrEqual(loads.reduce((sum, { answers }) => sum + answers, 0));
  });
});
