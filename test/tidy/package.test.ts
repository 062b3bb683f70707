/** The content of the npm package, compared with the links of its documents and the needs of its commands. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const [packed] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8', stdio: 'pipe' }),
) as [{ files: { path: string }[] }];
const files = new Set(packed.files.map(({ path }) => path));
const pages = [...files].filter((path) => path.endsWith('.md'));

/** Files and folders that a page links to, in the package or not. */
const targets = (page: string) =>
  [...readFileSync(page, 'utf8').matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)].map(([, target]) =>
    normalize(join(dirname(page), target!)).replace(/\/$/, ''),
  );

const isPacked = (target: string) => files.has(target) || [...files].some((path) => path.startsWith(`${target}/`));

test('it contains README and everything that its pages link to', () => {
  expect(pages).toContain('README.md');
  expect(targets('README.md').length).toBeGreaterThan(10);
  for (const page of pages)
    expect(
      targets(page).filter((target) => !isPacked(target)),
      page,
    ).toEqual([]);
});

test('it contains the command, the check after installation, the kernels and the sample list', () => {
  const { bin, scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(bin.zeef).toBe('dist/src/main.js');
  expect(scripts.postinstall).toBe('node scripts/check-install.mjs');
  expect(scripts.prepack).toBe('npm run build');
  for (const path of [
    bin.zeef,
    'scripts/check-install.mjs',
    'dist/wasm/pdq.wasm',
    'hashlists/sample/sample.csv',
    'LICENSE',
  ])
    expect(files, path).toContain(path);
});

test('it contains no tests, sources or build information', () => {
  expect([...files].filter((path) => /^(test|src|node_modules)\/|tsbuildinfo/.test(path))).toEqual([]);
});
