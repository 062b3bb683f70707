import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { isUsearchAvailable } from '../../bench/index/graph.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { NODE_VERSIONS, nodeProblem } from '../../src/core/node-version.js';
import { artefact } from '../../src/core/package-root.js';
import { SQLITE_PACKAGE } from '../../src/core/sqlite-binding.js';
import { hasHnsw } from '../support/hnsw.js';
import { orLeftOut } from '../support/left-out.js';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  engines: { node: string };
};

// It has binaries for Linux with glibc 2.34 or newer, and for macOS.
const hasUsearch = orLeftOut(await isUsearchAvailable(), 'usearch is not installed', 'the test of it');

/** Use each addon once in a process of its own: one built for another Node crashes at first use, not at install. */
test.each([
  [SQLITE_PACKAGE, `new (require('${SQLITE_PACKAGE}'))(':memory:').prepare('SELECT 1').get()`],
  [
    'sharp',
    `require('sharp')({create:{width:8,height:8,channels:3,background:'red'}}).png().toBuffer().then((b) => { if (b.length < 10) process.exit(1) })`,
  ],
  ['@julusian/jpeg-turbo', `require('@julusian/jpeg-turbo').bufferSize({width:8,height:8})`],
  ...(hasUsearch
    ? [
        [
          'usearch',
          `const index = new (require('usearch').Index)({dimensions: 8, metric: 'hamming', quantization: 'b1'});
           index.add(1n, Int8Array.of(1, 0, 1, 0, 1, 0, 1, 0), 1);
           if (index.search(Int8Array.of(1, 0, 1, 0, 1, 0, 0, 1), 1, 1).distances[0] !== 2) process.exit(1);`,
        ],
      ]
    : []),
  ...(hasHnsw ? [['hnswlib-node', `new (require('hnswlib-node').HierarchicalNSW)('l2', 8).initIndex(4)`]] : []),
])('%s works on this Node', (_name, source) => {
  expect(() => execFileSync(process.execPath, ['-e', source], { stdio: 'pipe' })).not.toThrow();
});

/** A small young generation is collected often, outside any context: better-sqlite3 12 aborts there on Node 24.19+. */
test('statements are collected during asynchronous work without a crash', () => {
  const source = `
    const { setImmediate: tick } = require('node:timers/promises');
    const db = new (require('${SQLITE_PACKAGE}'))(':memory:');
    (async () => {
      for (let round = 0; round < 300; round++) {
        for (let at = 0; at < 50; at++) db.prepare('SELECT ' + at).get();
        await tick();
        for (const garbage = []; garbage.length < 3000; ) garbage.push({ length: [garbage.length] });
        await require('node:fs/promises').stat('.');
      }
      process.stdout.write('alive');
    })();`;
  const args = ['--max-semi-space-size=1', '-e', source];
  expect(execFileSync(process.execPath, args, { stdio: 'pipe', encoding: 'utf8' })).toBe('alive');
});

test('exactly one SQLite binding is loaded, the one for this Node', () => {
  const source = `process.argv.splice(1, 0, 'zeef', '--data-dir', ${JSON.stringify(tempFolder('natives'))}, 'verify');
    process.on('exit', () => {
      const { sharedObjects } = process.report.getReport();
      process.stdout.write('\\n' + sharedObjects.filter((path) => path.includes('sqlite3')).join());
    });
    import('./dist/src/main.js');`;
  const printed = execFileSync(process.execPath, ['-e', source], { stdio: 'pipe', encoding: 'utf8' });
  const loaded = printed.slice(printed.lastIndexOf('\n') + 1).split(',');
  expect(loaded).toEqual([expect.stringContaining(`/node_modules/${SQLITE_PACKAGE}/`)]);
});

test.each([
  ['18.20.8', false],
  ['20.11.1', false],
  ['20.18.9', false],
  ['20.19.0', true],
  ['21.7.3', false],
  ['22.11.0', false],
  ['22.12.0', true],
  ['23.11.0', false],
  ['24.0.0', true],
  ['25.1.0', true],
  ['26.12.1', true],
])('Node %s is supported: %s', (version, expected) => {
  expect(nodeProblem(version) === undefined).toBe(expected);
  if (!expected) expect(nodeProblem(version)).toMatch(/^[^\n]{1,80}$/);
});

test('package.json names the versions of Node that main.ts checks', () => {
  expect(manifest.engines.node).toBe(NODE_VERSIONS);
});

test('versions are pinned exactly, and no dependency requires a newer Node than Zeef', () => {
  const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
  expect(
    Object.entries(all).filter(([, version]) => !/^(npm:[\w-]+@)?\d+\.\d+\.\d+(-beta\.\d+)?$/.test(version)),
  ).toEqual([]);
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { engines?: { node?: string }; resolved?: string }>;
  };
  const tooNew = Object.entries(lock.packages).filter(([, { engines }]) =>
    /^>=\s*2[1-9][.\d]*$/.test(engines?.node ?? ''),
  );
  // Optional, and left out by npm on Node 20, which has a package of its own.
  expect(tooNew.map(([name]) => name)).toEqual(['node_modules/better-sqlite3']);
});

describe('an unsuitable machine is reported in one line', () => {
  /** Run a file with Node, with `hook` loaded before it. */
  function runWith(hook: string, args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    const path = join(tempFolder('hook'), 'hook.cjs');
    writeFileSync(path, hook);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', path, ...args], {
      env: childEnv(),
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  }
  const main = artefact('src', 'main.js');
  /** Neither found nor cached, as where it was not compiled. */
  const WITHOUT_SQLITE = `const Module = require('node:module');
    const resolve = Module._resolveFilename;
    Module._resolveFilename = (name, ...rest) => {
      if (name === '${SQLITE_PACKAGE}') throw new Error('not there');
      return resolve(name, ...rest);
    };`;

  test.each(['18.20.8', '20.11.1'])('Node %s: its version, and exit code 2', (version) => {
    const hook = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
    expect(runWith(hook, [main, '--version'])).toEqual({
      status: 2,
      stdout: '',
      stderr: `zeef: ${nodeProblem(version)}\n`,
    });
  });

  test.each([
    ['serve', '--port', '0'],
    ['keys', 'list'],
  ])('without SQLite: zeef %s', (...args) => {
    const { status, stdout, stderr } = runWith(WITHOUT_SQLITE, [main, ...args]);
    expect(stderr).toMatch(new RegExp(`^zeef: INSTALL_INCOMPLETE: [^\\n]*${SQLITE_PACKAGE}[^\\n]*\\n$`));
    expect([status, stdout]).toEqual([2, '']);
  });

  test('the check after installation passes here, and fails in one line without the package', () => {
    expect(runWith('', ['scripts/check-install.mjs'])).toEqual({ status: 0, stdout: '', stderr: '' });
    const folder = tempFolder('installed');
    cpSync('scripts/check-install.mjs', join(folder, 'check-install.mjs'));
    const { status, stderr } = runWith('', [join(folder, 'check-install.mjs')]);
    expect(stderr).toMatch(/^zeef: better-sqlite3 [^\n]*\n$/);
    expect(status).toBe(1);
  });
});
