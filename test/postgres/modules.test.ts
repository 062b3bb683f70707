/** A process loads the driver of its own database only. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { artefact, PACKAGE_ROOT } from '../../src/core/package-root.js';

/** Return the packages that a process has loaded after importing a file: CommonJS modules and compiled addons. */
function packagesOf(path: string): Set<string> {
  const source = `
    import { Module } from 'node:module';
    await import(${JSON.stringify(path)});
    const paths = [...Object.keys(Module._cache), ...process.report.getReport().sharedObjects];
    process.stdout.write(JSON.stringify(paths));`;
  const options = { cwd: PACKAGE_ROOT, env: childEnv(), encoding: 'utf8' as const, maxBuffer: 100_000_000 };
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', source], options);
  const names = (JSON.parse(printed) as string[]).map(
    (one) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(one)?.[1],
  );
  return new Set(names.filter((name) => name !== undefined));
}

const isSqlite = (name: string) => name.startsWith('better-sqlite3');
const isPostgres = (name: string) => /^pg(-.*)?$/.test(name);

test('SQLite is opened without the driver of PostgreSQL', () => {
  const loaded = [...packagesOf(artefact('src', 'sqlite', 'open.js'))];
  expect(loaded.filter(isSqlite)).toHaveLength(1);
  expect(loaded.filter(isPostgres)).toEqual([]);
});

test('PostgreSQL is opened without the driver of SQLite', () => {
  const loaded = [...packagesOf(artefact('src', 'postgres', 'open.js'))];
  expect(loaded).toContain('pg');
  expect(loaded.filter(isSqlite)).toEqual([]);
});
