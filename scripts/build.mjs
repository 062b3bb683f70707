// Builds everything into dist/: TypeScript with tsc, WebAssembly with the AssemblyScript compiler.
// A WASM module is rebuilt only when one of its sources is newer than its output.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(root, 'dist/wasm');
/** 4 GiB in 64 KiB pages: the maximum of a 32-bit WebAssembly memory. */
const PAGES_MAX = 65_536;

const COMMON = ['--optimizeLevel', '3', '--shrinkLevel', '0', '--noAssert', '--runtime', 'stub', '--enable', 'simd'];
const SHARED = ['--enable', 'threads', '--importMemory', '--sharedMemory', '--maximumMemory', String(PAGES_MAX)];

/** name → folder and compiler flags; `FOLDER/NAME.ts` becomes `dist/wasm/NAME.wasm`. */
const KERNELS = join(root, 'src/kernels/assembly');
const MODULES = {
  pdq: [KERNELS, COMMON],
  ring: [KERNELS, [...COMMON, ...SHARED]],
  'digest-table': [KERNELS, [...COMMON, ...SHARED]],
  l2: [KERNELS, [...COMMON, ...SHARED]],
  baselines: [join(root, 'bench/assembly'), [...COMMON, ...SHARED]],
};

const newest = (folder) => Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).mtimeMs));
const buildScript = statSync(fileURLToPath(import.meta.url)).mtimeMs;

mkdirSync(output, { recursive: true });
for (const [name, [sources, flags]] of Object.entries(MODULES)) {
  const target = join(output, `${name}.wasm`);
  if (existsSync(target) && statSync(target).mtimeMs > Math.max(newest(sources), buildScript)) continue;
  const { error, stderr } = await asc.main([join(sources, `${name}.ts`), '--outFile', target, ...flags]);
  if (error) {
    process.stderr.write(`${stderr.toString()}\n`);
    throw error;
  }
}

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', root], { stdio: 'inherit' });
chmodSync(join(root, 'dist/src/main.js'), 0o755);
// Output whose source was moved or deleted would be packed with the rest.
for (const folder of ['src', 'bench', 'scripts']) {
  for (const name of readdirSync(join(root, 'dist', folder), { recursive: true })) {
    if (!/\.js(\.map)?$/.test(name) || existsSync(join(root, folder, name.replace(/\.js(\.map)?$/, '.ts')))) continue;
    rmSync(join(root, 'dist', folder, name));
  }
}

// The dashboard: its code for the browser, its style, and uPlot unchanged.
const page = join(root, 'src/dashboard');
const pageOutput = join(root, 'dist/src/dashboard');
execFileSync(process.execPath, [tsc, '-p', page], { stdio: 'inherit' });
mkdirSync(join(pageOutput, 'vendor'), { recursive: true });
for (const name of ['index.html', 'style.css']) copyFileSync(join(page, name), join(pageOutput, name));
const uplot = join(root, 'node_modules/uplot');
copyFileSync(join(uplot, 'dist/uPlot.esm.js'), join(pageOutput, 'vendor/uplot.js'));
copyFileSync(join(uplot, 'dist/uPlot.min.css'), join(pageOutput, 'vendor/uplot.css'));
copyFileSync(join(uplot, 'LICENSE'), join(pageOutput, 'vendor/LICENSE'));
