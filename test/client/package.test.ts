/** `zeef/client` as a user of the package has it: packed, its program compiled, and run against a service. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { run, serve } from '../support/processes.js';

const MODULES = resolve('node_modules');

const PROGRAM = `import { createClient, type Schemas } from 'zeef/client';
import { readFile } from 'node:fs/promises';

const { ZEEF = '', KEY = '', LISTED = '' } = process.env;
const zeef = createClient({ url: ZEEF, key: KEY, timeoutMs: 20_000 });
const said: string[] = [];

const image = await zeef.POST('/v1/check', { body: await readFile(LISTED), params: { query: { reference: 'a.jpg' } } });
if (image.error) throw new Error(image.error.code);
if ('results' in image.data) throw new Error('one image was sent');
const [match]: Schemas['Match'][] = image.data.matches;
said.push(image.data.verdict, match?.list ?? '');

const hashes = await zeef.POST('/v1/check/hashes', { body: { items: [{ id: '17', md5: '0'.repeat(32) }] } });
if (hashes.error) throw new Error(hashes.error.code);
said.push(...hashes.data.results.map(({ verdict }) => verdict ?? 'error'));

const lists = await zeef.GET('/v1/lists');
said.push(...(lists.data?.lists ?? []).map(({ list, kind }) => \`\${list} \${kind}\`));

const hits = await zeef.GET('/v1/hits', { params: { query: { limit: 1 } } });
const hit: Schemas['Hit'] | undefined = hits.data?.hits[0];
said.push(hit?.status ?? '', hit?.reference ?? '');

const refused = await zeef.GET('/v1/audit', { signal: AbortSignal.timeout(20_000) });
if (refused.error) said.push(refused.error.code satisfies Schemas['Problem']['code']);
const nobody = await createClient({ url: ZEEF }).GET('/v1/lists');
if (nobody.error) said.push(nobody.error.code);
console.log(JSON.stringify(said));

export async function wrong(): Promise<void> {
  // @ts-expect-error: no such address
  await zeef.GET('/v1/cases');
  // @ts-expect-error: a body is missing
  await zeef.POST('/v1/check', {});
  // @ts-expect-error: no such field
  await zeef.POST('/v1/check', { body: { address: 'https://images.example/17.jpg' } });
  // @ts-expect-error: no such state
  await zeef.GET('/v1/hits', { params: { query: { status: 'closed' } } });
  // @ts-expect-error: a path without its parts
  await zeef.GET('/v1/hits/{id}', {});
}
`;

test('a program of a user compiles with it, strictly, and runs against a service', async () => {
  const folder = tempFolder('client-package');
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      encoding: 'utf8',
      stdio: 'pipe',
    }),
  ) as [{ filename: string }];
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'zeef'), { recursive: true });
  execFileSync('tar', ['xzf', join(folder, packed.filename), '-C', join(modules, 'zeef'), '--strip-components=1']);
  // What npm would install for it. Of all others nothing is there: the client needs none of them.
  for (const name of ['openapi-fetch', 'openapi-typescript-helpers'])
    cpSync(join(MODULES, name), join(modules, name), { recursive: true });
  mkdirSync(join(modules, '@types'));
  for (const name of ['@types/node', 'undici-types']) symlinkSync(join(MODULES, name), join(modules, name));

  writeFileSync(join(folder, 'package.json'), '{"name":"user","type":"module"}');
  writeFileSync(join(folder, 'main.ts'), PROGRAM);
  const compile = (lib: string[], module: string, moduleResolution: string) => {
    const compilerOptions = { strict: true, skipLibCheck: false, target: 'ES2022', types: ['node'], outDir: 'out' };
    const config = { compilerOptions: { ...compilerOptions, lib, module, moduleResolution }, files: ['main.ts'] };
    const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
    const program = ts.createProgram(fileNames, options);
    program.emit();
    return ts.getPreEmitDiagnostics(program).map((one) => ts.flattenDiagnosticMessageText(one.messageText, '\n'));
  };
  expect(compile(['ES2022', 'DOM', 'DOM.Iterable'], 'ESNext', 'bundler')).toEqual([]);
  expect(compile(['ES2022'], 'NodeNext', 'NodeNext')).toEqual([]);

  const env = { ZEEF_DATA_DIR: join(folder, 'data'), ZEEF_LOG_LEVEL: 'error' };
  const scopes = ['check', 'check:hashes', 'lists', 'hits', 'details'];
  const key = (await run(env, 'keys', 'create', '--tenant', 'forum', '--scopes', ...scopes)).out.trim();
  const service = await serve(env, '--sample');
  try {
    const listed = resolve('hashlists/sample/pictures/mate-freshflower.jpg');
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'out/main.js')], {
      env: childEnv({ ZEEF: service.url, KEY: key, LISTED: listed }),
    });
    const refusals = ['SCOPE_MISSING', 'KEY_MISSING'];
    expect(JSON.parse(stdout)).toEqual(['match', 'sample', 'no_match', 'sample match', 'open', 'a.jpg', ...refusals]);
  } finally {
    await service.end('SIGTERM');
  }
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const document = JSON.parse(readFileSync(join(modules, 'zeef/dist/openapi.json'), 'utf8'));
  expect([document.openapi, document.info.version]).toEqual(['3.1.0', version]);
});
