import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const FILES = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const textOf = (name: string) => readFileSync(join('test', name), 'utf8');
const announced = new Set(
  FILES.flatMap((name) => [...textOf(name).matchAll(/const (\w+) = orLeftOut\(/g)].map(([, condition]) => condition!)),
);

test('every skipped test is announced: its condition comes from orLeftOut()', () => {
  const silent = FILES.flatMap((name) =>
    [...textOf(name).matchAll(/\.(?:runIf|skipIf)\(([^)]*)\)/g)]
      .filter(([, condition]) => !announced.has(condition!))
      .map(([call]) => `${name}: ${call}`),
  );
  expect(silent).toEqual([]);
  expect(announced.size).toBeGreaterThan(3);
});

test('no test is skipped unconditionally', () => {
  const pattern = /\b(?:test|describe|it)\.(?:skip|only|todo|fails)\b|\bcontext\.skip\(|\bctx\.skip\(/;
  expect(FILES.filter((name) => pattern.test(textOf(name)))).toEqual([]);
});
