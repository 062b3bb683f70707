/** The structure by imports: no cycles, one room that imports databases, no overlong function, no unused export. */
import { expect, test } from 'vitest';
import { exportsOf, functionsOf, readSources } from './sources.js';

/** A longer function usually does two things. */
const FUNCTION_LINES_MAX = 70;
/** Longer functions, with their lines. The list may only shrink. */
const LONGER: Readonly<Record<string, number>> = {};

const sources = readSources('src');
const importsByPath = new Map(sources.map(({ path, imports }) => [path, imports.map((one) => one.path)]));

/** Return the cycles of imports, as paths. */
function circles(): string[] {
  const found: string[] = [];
  const isDone = new Set<string>();
  const follow = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) {
      found.push([...way.slice(way.indexOf(path)), path].join(' -> '));
      return;
    }
    if (isDone.has(path)) return;
    for (const next of importsByPath.get(path) ?? []) follow(next, [...way, path]);
    isDone.add(path);
  };
  for (const { path } of sources) follow(path, []);
  return found;
}

test('no file reaches itself through its imports', () => {
  expect(sources.length).toBeGreaterThan(250);
  expect(circles()).toEqual([]);
});

test('only the wiring imports a database or opens blobs', () => {
  // Scans read buckets by the client.
  const isDatabase = (path: string) => /^src\/(sqlite|postgres|blobs)\/(?!s3-(client|place)\.ts$)/.test(path);
  const isTheirs = (path: string) => /^src\/(sqlite|postgres|blobs)\//.test(path);
  const offenders = sources
    .filter(({ path }) => !isTheirs(path) && !path.startsWith('src/service/'))
    .flatMap(({ path, imports }) =>
      imports.filter((one) => isDatabase(one.path)).map((one) => `${path} -> ${one.path}`),
    );
  expect(offenders).toEqual([]);
  expect(importsByPath.get('src/service/open-stores.ts')?.some(isDatabase)).toBe(true);
});

test('pools of threads are made in one place', () => {
  const makers = sources.filter(({ tree }) => /\bnew Piscina\b/.test(tree.text)).map(({ path }) => path);
  expect(makers).toEqual(['src/core/thread-pool.ts']);
});

test('signals are joined in one place', () => {
  const joiners = sources.filter(({ tree }) => /\bAbortSignal\.any\(/.test(tree.text)).map(({ path }) => path);
  expect(joiners).toEqual([]);
  expect(sources.some(({ path }) => path === 'src/core/bounded-work.ts')).toBe(true);
});

test('only the entry points of processes use their environment, arguments, streams and exit', () => {
  const entries = /^src\/(main|healthcheck|engine\/decoder-main|scan\/walk\/(count|walk)-main)\.ts$/;
  const uses = /\bprocess\.(argv|chdir|cwd|emit|env|exit|exitCode|on|once|stderr|stdin|stdout|title|umask)\b/;
  const offenders = sources.flatMap(({ path, tree }) =>
    tree.text.split('\n').flatMap((line, at) => (uses.test(line) ? [`${path}:${at + 1}`] : [])),
  );
  expect(offenders.filter((place) => !entries.test(place.replace(/:\d+$/, '')))).toEqual([]);
  expect(new Set(offenders.map((place) => place.replace(/:\d+$/, ''))).size).toBe(5);
});

test('no function exceeds FUNCTION_LINES_MAX lines', () => {
  const long = sources.flatMap((source) => functionsOf(source)).filter(({ lines }) => lines > FUNCTION_LINES_MAX);
  const told = Object.fromEntries(long.map(({ name, lines }) => [name, lines]));
  for (const [name, lines] of Object.entries(told))
    expect(lines, name).toBeLessThanOrEqual(LONGER[name] ?? FUNCTION_LINES_MAX);
  expect(Object.keys(told).sort(), 'take out of the list what is shorter now').toEqual(Object.keys(LONGER).sort());
});

test('a shared limit is used by two rooms; the others are in their room', () => {
  const roomsOf = (name: string) => {
    const users = sources.filter(({ imports }) =>
      imports.some(({ path, names }) => path === 'src/core/limits.ts' && names.includes(name)),
    );
    return new Set(users.map(({ path }) => path.split('/')[1]));
  };
  const limits = exportsOf(sources.find(({ path }) => path === 'src/core/limits.ts')!);
  expect(limits.length).toBeGreaterThan(5);
  expect(limits.filter((name) => roomsOf(name).size < 2)).toEqual([]);
});

test('every export is imported by another file', () => {
  const everywhere = [...sources, ...['test', 'bench', 'scripts'].flatMap((folder) => readSources(folder))];
  const taken = new Map<string, Set<string>>();
  for (const { imports } of everywhere)
    for (const { path, names } of imports) {
      const all = taken.get(path) ?? new Set();
      for (const name of names) all.add(name);
      taken.set(path, all);
    }
  const unused = sources
    .filter(({ path }) => !ENTRIES.test(path))
    .flatMap((source) => {
      const names = taken.get(source.path) ?? new Set();
      return names.has('*')
        ? []
        : exportsOf(source)
            .filter((name) => !names.has(name))
            .map((name) => `${source.path} ${name}`);
    });
  expect(unused).toEqual([]);
});

/** Entered by their path: processes, threads, and the page. */
const ENTRIES =
  /^src\/(main|healthcheck)\.ts$|-worker\.ts$|\/worker\.ts$|-main\.ts$|walk-thread\.ts$|^src\/kernels\/assembly\//;
