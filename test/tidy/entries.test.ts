/** Every file that is started or loaded by its path is an entry of the build, so that it lies where `artefact` looks for it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSources } from './sources.js';

test('each program, thread and child process is built, and nothing else', () => {
  const started = new Set<string>();
  for (const { tree } of ['src', 'bench', 'test'].flatMap(readSources)) {
    for (const [, parts] of tree.text.matchAll(/artefact\(((?:'[\w-]+', )+'[\w-]+\.js')\)/g))
      started.add(parts!.replace(/'/g, '').split(', ').join('/').replace(/\.js$/, ''));
  }
  const [, list] = /const ENTRIES = \[([^\]]*)\]/.exec(readFileSync('scripts/build.mjs', 'utf8'))!;
  const entries = [...list!.matchAll(/'([^']+)'/g)].map(([, name]) => name!);
  const scripts = entries.filter((name) => name.startsWith('scripts/'));
  expect([...started, ...scripts].sort()).toEqual(entries.sort());
});
