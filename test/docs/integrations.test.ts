/** docs/integrations.md: its hooks in their languages, nginx before a service, and the words of the file for pict-rs. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { childEnv, endWithParent } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { KNOWN_VARIABLES } from '../../src/config/knobs.js';
import { orLeftOut } from '../support/left-out.js';
import { run, type Serving, serve } from '../support/processes.js';
import { blocksOf } from './blocks.js';

const PAGE = 'docs/integrations.md';
const LISTED = 'hashlists/sample/pictures/mate-freshflower.jpg';
const OTHER = 'test/fixtures/photographs/mate-dune.jpg';
const work = tempFolder('integrations');
const env = { ZEEF_DATA_DIR: join(work, 'data'), ZEEF_LOG_LEVEL: 'error', ZEEF_ADAPTERS: 'pict-rs' };

/** Return the one block that contains the text. */
function blockWith(text: string): string {
  const [block, ...more] = blocksOf(PAGE).filter((each) => each.language !== 'sh' && each.text.includes(text));
  expect(more).toEqual([]);
  return block!.text;
}

/** A program that prints what the hook says of a file, `PROGRAM FILE`. */
const PROGRAMS = {
  TypeScript: {
    command: process.execPath,
    file: 'hook.mjs',
    text: () => {
      const { outputText } = ts.transpileModule(blockWith('export async function allow'), {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      return `import { readFileSync } from 'node:fs';\n${outputText}\nconsole.log(await allow(readFileSync(process.argv[2])));\n`;
    },
  },
  Python: {
    command: 'python3',
    file: 'hook.py',
    text: () => `${blockWith('def allow')}\nimport sys\nprint(allow(open(sys.argv[1], 'rb').read()))\n`,
  },
  PHP: {
    command: 'php',
    file: 'hook.php',
    text: () => `${blockWith('function allow(string')}\necho allow(file_get_contents($argv[1])), "\\n";\n`,
  },
} as const;

let service: Serving;
let keys: Record<'check' | 'hashes', string>;
const servers: Server[] = [];

beforeAll(async () => {
  const keyOf = async (scope: string) =>
    (await run(env, 'keys', 'create', '--tenant', 'forum', '--scopes', scope)).out.trim();
  keys = { check: await keyOf('check'), hashes: await keyOf('check:hashes') };
  service = await serve(env, '--sample');
});
afterAll(async () => {
  for (const server of servers) server.close();
  await service.end('SIGTERM');
});

const sha256Of = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const hasCommand = (name: string, flag = '--version') => spawnSync(name, [flag]).error === undefined;

/** Return the address of a server that answers everything with this status. */
async function answering(status: number, headers: Record<string, string> = {}): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => response.writeHead(status, headers).end('{"verdict":"no_match"}'));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(Object.entries(PROGRAMS))('the hook in %s', (_, { command, file, text }) => {
  const has = orLeftOut(hasCommand(command), `no ${command}`, 'tests of the hook by status in it');
  const allow = (image: string, more: Record<string, string> = {}) =>
    new Promise<string>((resolve) => {
      writeFileSync(join(work, file), text());
      const options = { env: childEnv({ CHECK_URL: service.url, CHECK_KEY: keys.check, ...more }) };
      execFile(command, [join(work, file), image], options, (error, out, err) =>
        resolve(error ? `${error.code} ${err}` : out.trim()),
      );
    });

  test.runIf(has)('accepts what is on no list, refuses what is, and neither what was not checked', async () => {
    expect(await allow(OTHER)).toBe('accept');
    expect(await allow(LISTED)).toBe('refuse');
    expect(await allow('package.json')).toBe('later');
  });

  test.runIf(has)('accepts and refuses by no other status', async () => {
    expect(await allow(OTHER, { CHECK_KEY: 'zeef_wrong' })).toBe('later');
    expect(await allow(OTHER, { CHECK_KEY: keys.hashes })).toBe('later');
    for (const status of [204, 403, 404, 429, 500, 503])
      expect([status, await allow(OTHER, { CHECK_URL: await answering(status) })]).toEqual([status, 'later']);
    const accepting = await answering(200);
    const redirect = await answering(307, { location: `${accepting}/v1/verdict` });
    expect(await allow(OTHER, { CHECK_URL: redirect })).toBe('later');
    expect(await allow(OTHER, { CHECK_URL: 'http://127.0.0.1:9' })).toBe('later');
  });
});

describe('pict-rs', () => {
  const { services } = parse(blockWith('PICTRS__MEDIA')) as {
    services: Record<'zeef' | 'pictrs', { environment: Record<string, string> }>;
  };
  const address = services.pictrs.environment.PICTRS__MEDIA__EXTERNAL_VALIDATION!;

  test('the variables of Zeef in its file are known, and have the values that the page needs', () => {
    const { environment } = services.zeef;
    expect(Object.keys(environment).filter((name) => !KNOWN_VARIABLES.has(name))).toEqual([]);
    expect(environment).toMatchObject({ ZEEF_HOST: '0.0.0.0', ZEEF_ADAPTERS: env.ZEEF_ADAPTERS });
  });

  test.each([
    [OTHER, 'image/jpeg', true],
    [LISTED, 'image/jpeg', false],
    ['package.json', 'video/mp4', false],
  ])('by the address of its file, in the way that pict-rs sends: %s', async (file, type, isAccepted) => {
    const url = address.replace('http://zeef:8080', service.url).replace(/\$\{.*\}$/, keys.check);
    const body = new Blob([readFileSync(file)]).stream();
    const init = { method: 'POST', body, headers: { 'content-type': type }, duplex: 'half' } as RequestInit;
    expect((await fetch(url, init)).ok).toBe(isAccepted);
  });
});

describe('nginx', () => {
  const hasNginx = orLeftOut(hasCommand('nginx', '-v'), 'no nginx', 'tests of its sub-requests');

  async function freePort(): Promise<number> {
    const server = createTcp();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  /** Start nginx with the locations of the page. Result: its address, and its end. */
  async function startNginx(key: string) {
    const folder = tempFolder('nginx');
    const port = await freePort();
    mkdirSync(join(folder, 'media'));
    for (const file of [LISTED, OTHER]) copyFileSync(file, join(folder, 'media', `${sha256Of(file)}.jpg`));
    writeFileSync(join(folder, 'zeef-key.conf'), `proxy_set_header Authorization "Bearer ${key}";\n`);
    const locations = blockWith('auth_request /zeef').replace('http://127.0.0.1:8080', service.url);
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
  access_log off; ${paths.join(' ')}
  proxy_cache_path ${folder}/verdicts keys_zone=verdicts:1m;
  server { listen 127.0.0.1:${port}; root ${folder};
${locations} } }
`,
    );
    const child = endWithParent(spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'error.log']));
    const url = `http://127.0.0.1:${port}`;
    await expect
      .poll(
        () =>
          fetch(url).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    const end = () =>
      new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      });
    return { url, end };
  }
  const checked = async () => JSON.parse((await run(env, 'ledger', 'show', '--json')).out).checked as number;

  test.runIf(hasNginx)('serves what matches nothing, refuses what is listed, and asks for each once', async () => {
    const nginx = await startNginx(keys.hashes);
    try {
      const before = await checked();
      const statusOf = async (file: string, init: RequestInit = {}) =>
        (await fetch(`${nginx.url}/media/${sha256Of(file)}.jpg`, init)).status;
      // Nothing of the client's request is passed on.
      const headers = { 'content-encoding': 'gzip', 'idempotency-key': 'a', 'zeef-a': 'b' };
      expect(await statusOf(OTHER, { headers })).toBe(200);
      for (let time = 0; time < 3; time++) expect([await statusOf(OTHER), await statusOf(LISTED)]).toEqual([200, 403]);
      expect(await checked()).toBe(before + 2);
      expect((await fetch(`${nginx.url}/zeef?sha256=${sha256Of(OTHER)}`)).status).toBe(404);
      expect((await fetch(`${nginx.url}/media/${'0'.repeat(64)}.jpg`)).status).toBe(404);
    } finally {
      await nginx.end();
    }
  });

  test.runIf(hasNginx)('serves nothing with a key that may not ask, and where nothing is in force', async () => {
    const nginx = await startNginx(keys.check);
    try {
      expect((await fetch(`${nginx.url}/media/${sha256Of(OTHER)}.jpg`)).status).toBe(403);
    } finally {
      await nginx.end();
    }
    const other = await startNginx(keys.hashes);
    try {
      expect((await run(env, 'lists', 'disable', 'sample')).code).toBe(0);
      const headers = { authorization: `Bearer ${keys.hashes}` };
      const status = async () =>
        (await fetch(`${service.url}/v1/verdict?sha256=${sha256Of(OTHER)}`, { headers })).status;
      await expect.poll(status, { timeout: 10_000 }).toBe(503);
      expect((await fetch(`${other.url}/media/${sha256Of(OTHER)}.jpg`)).status).toBe(500);
    } finally {
      await run(env, 'lists', 'enable', 'sample');
      await other.end();
    }
  });
});
