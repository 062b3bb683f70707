/** The mutants of `scripts/mutants.mjs` can be made: each text is in its file once, and its tests exist. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Mutant {
  readonly file: string;
  readonly text: string;
  readonly mutant: string;
  readonly tests: readonly string[];
}

const script: string = '../../scripts/mutants.mjs';
const { MUTANTS } = (await import(script)) as { MUTANTS: readonly Mutant[] };

test('there are at least 40, each another', () => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(40);
  expect(new Set(MUTANTS.map(({ file, text, mutant }) => `${file} ${text} ${mutant}`)).size).toBe(MUTANTS.length);
});

test.each(MUTANTS)('$file: $text', ({ file, text, mutant, tests }) => {
  expect(readFileSync(file, 'utf8').split(text)).toHaveLength(2);
  expect(mutant).not.toBe(text);
  for (const one of tests) expect(existsSync(one), one).toBe(true);
});
