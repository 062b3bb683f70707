import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  engines: { node: string };
};

/** Loaded and used once in a process of its own: an addon built for another Node crashes at first use, not at install. */
test.each([
  ['better-sqlite3', `new (require('better-sqlite3'))(':memory:').prepare('SELECT 1').get()`],
  [
    'sharp',
    `require('sharp')({create:{width:8,height:8,channels:3,background:'red'}}).png().toBuffer().then((b) => { if (b.length < 10) process.exit(1) })`,
  ],
  ['@julusian/jpeg-turbo', `require('@julusian/jpeg-turbo').bufferSize({width:8,height:8})`],
  ['hnswlib-node', `new (require('hnswlib-node').HierarchicalNSW)('l2', 8).initIndex(4)`],
])('%s works on this Node', (_name, source) => {
  expect(() => execFileSync(process.execPath, ['-e', source], { stdio: 'pipe' })).not.toThrow();
});

test('versions are pinned exactly, and no dependency wants a Node that we do not', () => {
  const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
  expect(Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { engines?: { node?: string }; resolved?: string }>;
  };
  const tooNew = Object.entries(lock.packages).filter(([, { engines }]) =>
    /^>=\s*2[1-9][.\d]*$/.test(engines?.node ?? ''),
  );
  expect(tooNew.map(([name]) => name)).toEqual([]);
  expect(manifest.engines.node).toContain('20.19');
});
