// Builds everything into dist/: TypeScript is checked by tsc and bundled by rolldown, WebAssembly is made by the AssemblyScript
// compiler. A WASM module is rebuilt only when one of its sources is newer than its output.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { rolldown } from 'rolldown';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(root, 'dist/wasm');
/** 4 GiB in 64 KiB pages: the maximum of a 32-bit WebAssembly memory. */
const PAGES_MAX = 65_536;

const COMMON = ['--optimizeLevel', '3', '--shrinkLevel', '0', '--noAssert', '--runtime', 'stub', '--enable', 'simd'];
const SHARED = ['--enable', 'threads', '--importMemory', '--sharedMemory', '--maximumMemory', String(PAGES_MAX)];

/** name → folder, compiler flags, and further sources; `FOLDER/NAME.ts` becomes `dist/wasm/NAME.wasm`. */
const KERNELS = join(root, 'src/kernels/assembly');
const MODULES = {
  pdq: [KERNELS, COMMON, ['windows']],
  ring: [KERNELS, [...COMMON, ...SHARED]],
  'digest-table': [KERNELS, [...COMMON, ...SHARED]],
  l2: [KERNELS, [...COMMON, ...SHARED]],
  baselines: [join(root, 'bench/assembly'), [...COMMON, ...SHARED]],
};

const newest = (folder) => Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).mtimeMs));
const buildScript = statSync(fileURLToPath(import.meta.url)).mtimeMs;

mkdirSync(output, { recursive: true });
for (const [name, [sources, flags, further = []]] of Object.entries(MODULES)) {
  const target = join(output, `${name}.wasm`);
  if (existsSync(target) && statSync(target).mtimeMs > Math.max(newest(sources), buildScript)) continue;
  const { error, stderr } = await asc.main([
    ...[name, ...further].map((source) => join(sources, `${source}.ts`)),
    '--outFile',
    target,
    ...flags,
  ]);
  if (error) {
    process.stderr.write(`${stderr.toString()}\n`);
    throw error;
  }
}

/** What is started by its path: programs, and the files of threads and child processes. All else is in chunks that they share. */
const ENTRIES = [
  'src/main',
  'src/healthcheck',
  'src/cli/working-line-worker',
  'src/engine/decoder-main',
  'src/engine/digest-worker',
  'src/engine/worker',
  'src/hashlists/importers',
  'src/http/json-worker',
  'src/index/index-worker',
  'src/lists/import/page-worker',
  'src/lists/import/pdq-gate-worker',
  'src/scan/walk/count-main',
  'src/scan/walk/walk-main',
  'src/scan/walk/walk-thread',
  'src/service/import-worker',
  'src/sqlite/ledger/worker',
  'src/sqlite/lists/sweep-worker',
  'src/vault/seal-worker',
  'bench/main',
  'bench/formats-child',
  'bench/hostile/probe',
  'bench/index/data-worker',
  'bench/index/hnsw-worker',
  'bench/index/usearch-worker',
  'scripts/make-canary',
  'scripts/make-dashboard-pictures',
  'scripts/make-data-folder',
  'scripts/make-openapi',
  'scripts/make-sample-list',
  // Modules that tests load in threads and processes of their own.
  'src/blobs/open-blobs',
  'src/cases/webhooks/collect-events',
  'src/core/clock',
  'src/index/ring',
  'src/postgres/ledger/ledger',
  'src/postgres/open',
  'src/service/audited-store',
  'src/sqlite/inventory/inventory',
  'src/sqlite/ledger/ledger',
  'src/sqlite/open',
];

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', root], { stdio: 'inherit' });
// One file instead of 300 halves the time that a command takes to start. Packages stay outside, as npm installed them.
const bundle = await rolldown({
  input: Object.fromEntries(ENTRIES.map((name) => [name, join(root, `${name}.ts`)])),
  platform: 'node',
  external: (id) => !/^[./]/.test(id),
  tsconfig: join(root, 'tsconfig.json'),
});
const written = await bundle.write({
  dir: join(root, 'dist'),
  format: 'esm',
  chunkFileNames: 'chunks/[name]-[hash].js',
  sourcemap: true,
});
await bundle.close();
const main = join(root, 'dist/src/main.js');
chmodSync(main, 0o755);
writeFileSync(join(root, 'dist/zeef.1'), execFileSync(process.execPath, [main, 'man']));
// Output of an earlier build would be packed with the rest.
const fresh = new Set(written.output.map(({ fileName }) => fileName));
for (const folder of ['src', 'bench', 'scripts', 'chunks']) {
  for (const name of readdirSync(join(root, 'dist', folder), { recursive: true })) {
    const path = join(folder, name);
    if (/\.js(\.map)?$/.test(name) && !fresh.has(path) && !/^src\/(client|dashboard)\//.test(path))
      rmSync(join(root, 'dist', path));
  }
}

// The client, where something changed that the document of the API may say: its types are made from that.
const client = join(root, 'dist/src/client');
const sources = [
  ...readdirSync(join(root, 'src'), { recursive: true }).map((name) => join('src', name)),
  ...['package.json', 'package-lock.json', 'scripts/client-types.mjs', 'scripts/build.mjs'],
].map((name) => statSync(join(root, name)).mtimeMs);
if (!existsSync(join(client, 'client.js')) || statSync(join(client, 'client.js')).mtimeMs < Math.max(...sources)) {
  execFileSync(process.execPath, [join(root, 'dist/scripts/make-openapi.js')], { stdio: 'inherit' });
  const { typesOf } = await import('./client-types.mjs');
  mkdirSync(client, { recursive: true });
  writeFileSync(
    join(client, 'api.d.ts'),
    await typesOf(JSON.parse(readFileSync(join(root, 'dist/openapi.json'), 'utf8'))),
  );
  execFileSync(process.execPath, [tsc, '-p', join(root, 'src/client')], { stdio: 'inherit' });
}

// The dashboard: its code for the browser, its style, and uPlot unchanged.
const page = join(root, 'src/dashboard');
const pageOutput = join(root, 'dist/src/dashboard');
execFileSync(process.execPath, [tsc, '-p', page], { stdio: 'inherit' });
mkdirSync(join(pageOutput, 'vendor'), { recursive: true });
for (const name of ['index.html', 'style.css', 'lists.css', 'explain.css'])
  copyFileSync(join(page, name), join(pageOutput, name));
const uplot = join(root, 'node_modules/uplot');
copyFileSync(join(uplot, 'dist/uPlot.esm.js'), join(pageOutput, 'vendor/uplot.js'));
copyFileSync(join(uplot, 'dist/uPlot.min.css'), join(pageOutput, 'vendor/uplot.css'));
copyFileSync(join(uplot, 'LICENSE'), join(pageOutput, 'vendor/LICENSE'));
