/** The hooks of docs/guides/uploads.md, each in its language, against a service: only a clear answer shows an image. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { orLeftOut } from '../support/left-out.js';
import { run, type Serving, serve } from '../support/processes.js';
import { blocksOf, HOOK_LANGUAGES } from './blocks.js';

const LISTED = 'hashlists/sample/pictures/mate-freshflower.jpg';
const OTHER = 'test/fixtures/photographs/mate-dune.jpg';
const work = tempFolder('hooks');
const broken = join(work, 'broken.jpg');
const env = { ZEEF_DATA_DIR: join(work, 'data'), ZEEF_LOG_LEVEL: 'error' };

const codeOf = (language: string) => {
  const [block, ...more] = blocksOf('docs/guides/uploads.md').filter((each) => each.language === language);
  expect(more).toEqual([]);
  return block!.text;
};

/** A program that prints what the hook says of a file, `PROGRAM FILE ID`. */
const PROGRAMS = {
  ts: {
    command: process.execPath,
    file: 'hook.mjs',
    text: () => {
      const { outputText } = ts.transpileModule(codeOf('ts'), {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      return `import { readFileSync } from 'node:fs';\n${outputText}
console.log(await decide(readFileSync(process.argv[2]), process.argv[3]));\n`;
    },
  },
  python: {
    command: 'python3',
    file: 'hook.py',
    text: () => `${codeOf('python')}\nimport sys\nprint(decide(open(sys.argv[1], 'rb').read(), sys.argv[2]))\n`,
  },
  php: {
    command: 'php',
    file: 'hook.php',
    text: () => `${codeOf('php')}\necho decide(file_get_contents($argv[1]), $argv[2]), "\\n";\n`,
  },
} as const;

test('each language of a hook is run', () => {
  expect(Object.keys(PROGRAMS)).toEqual(HOOK_LANGUAGES);
});

test.each([
  ['types of browsers', ['lib.es2022.d.ts', 'lib.dom.d.ts']],
  ['types of Node alone', ['lib.es2022.d.ts']],
])('the hook in TypeScript takes a Buffer and has no type fault, with %s', (_, lib) => {
  const caller = 'export const of = (file: { buffer: Buffer }) => decide(file.buffer, "an-id");';
  const path = join(process.cwd(), 'hook.ts');
  const target = ts.ScriptTarget.ES2022;
  const options = { lib, types: ['node'], strict: true, noEmit: true, skipLibCheck: true, target };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (name, version) =>
    name === path ? ts.createSourceFile(name, `${codeOf('ts')}\n${caller}`, version) : getSourceFile(name, version);
  const faults = ts.getPreEmitDiagnostics(ts.createProgram([path], options, host));
  expect(faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
});

let service: Serving;
let key = '';
const servers: Server[] = [];

beforeAll(async () => {
  writeFileSync(broken, readFileSync(OTHER).subarray(0, 3_000));
  key = (await run(env, 'keys', 'create', '--tenant', 'shop', '--scopes', 'check')).out.trim();
  service = await serve(env, '--sample');
});
afterAll(async () => {
  for (const server of servers) server.close();
  await service.end('SIGTERM');
});

/** Return the address of a server that gives one answer to everything. */
async function answering(listener: RequestListener): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => listener(request, response));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const text = (status: number, body: string) =>
  answering((_, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body));

const hasCommand = (name: string) => spawnSync(name, ['--version']).error === undefined;

describe.each(Object.entries(PROGRAMS))('the hook in %s', (language, { command, file, text: program }) => {
  const has = orLeftOut(hasCommand(command), `no ${command}`, 'tests of the hook in it');
  const decide = (image: string, id: string, more: Record<string, string> = {}) =>
    new Promise<string>((resolve) => {
      writeFileSync(join(work, file), program());
      const options = { env: childEnv({ CHECK_URL: service.url, CHECK_KEY: key, ...more }) };
      execFile(command, [join(work, file), image, id], options, (error, out, err) =>
        resolve(error ? `${error.code} ${err}` : out.trim()),
      );
    });

  test.runIf(has)('shows what is on no list, and holds what is, and what could not be examined', async () => {
    expect(await decide(OTHER, `${language}-1`)).toBe('show');
    expect(await decide(LISTED, `${language}-2/?&=%`)).toBe('hold');
    expect(await decide(broken, `${language}-3`)).toBe('hold');
    const { out } = await run(env, 'hits', 'list', '--json', '--tenant', 'shop', '--all');
    expect(out).toContain(`"reference":"${language}-2/?&=%"`);
  });

  test.runIf(has)('counts a question that is asked again once', async () => {
    const checked = async () => JSON.parse((await run(env, 'ledger', 'show', '--json')).out).checked;
    const before = await checked();
    for (let time = 0; time < 3; time++) expect(await decide(OTHER, `${language}-again`)).toBe('show');
    expect(await checked()).toBe(before + 1);
  });

  test.runIf(has)('holds whatever is not a clear answer', async () => {
    const away = await answering(() => {});
    servers.pop()!.close();
    const wrong: [string, Record<string, string>][] = [
      ['a wrong key', { CHECK_KEY: 'zeef_wrong' }],
      ['no service', { CHECK_URL: away }],
      ['503', { CHECK_URL: await text(503, '{"verdict":"no_match"}') }],
      ['no JSON', { CHECK_URL: await text(200, 'no_match') }],
      ['no verdict', { CHECK_URL: await text(200, '{}') }],
      ['null', { CHECK_URL: await text(200, 'null') }],
      ['an unknown verdict', { CHECK_URL: await text(200, '{"verdict":"clean"}') }],
      ['an empty answer', { CHECK_URL: await text(200, '') }],
      ['a connection that ends', { CHECK_URL: await answering((_, response) => response.destroy()) }],
    ];
    for (const [name, more] of wrong) expect(await decide(OTHER, `${language}-x`, more), name).toBe('hold');
  });
});
