/**
 * Mutation run: makes each fault of `mutants.mjs` in a copy of this checkout and runs its tests there. A fault that no test
 * notices survives, and fails the run.
 *
 *   node scripts/check-mutants.mjs [PART OF A FILE NAME...]     only mutants of such files
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTANTS } from './mutants.mjs';

/** Several times the longest of the test files. */
const TEST_MS_MAX = 300_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const parts = process.argv.slice(2);
const chosen = MUTANTS.filter(({ file }) => parts.length === 0 || parts.some((part) => file.includes(part)));
const copy = mkdtempSync(join(tmpdir(), 'zeef-mutants-'));

/** True where the tests pass. */
function passes(tests, msMax = TEST_MS_MAX) {
  const { status, error } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--bail=1', ...tests],
    {
      cwd: copy,
      timeout: msMax,
      stdio: 'ignore',
    },
  );
  // A run that hangs has noticed the fault too.
  if (error && error.code !== 'ETIMEDOUT') throw error;
  return status === 0;
}

/** A fault that no test notices in the sources that it imports may be one of a thread or child process, which run what is built. */
function build() {
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: copy, stdio: 'ignore' });
  return status === 0;
}

let survived = 0;
try {
  for (const name of [
    'src',
    'bench',
    'test',
    'scripts',
    'hashlists',
    'dist',
    'docs',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'vitest.config.ts',
  ])
    cpSync(join(root, name), join(copy, name), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const all = [...new Set(chosen.flatMap(({ tests }) => tests))];
  if (!passes(all, TEST_MS_MAX * all.length)) throw new Error(`without a mutant these tests fail: ${all.join(' ')}`);
  for (const { file, text, mutant, tests } of chosen) {
    const path = join(copy, file);
    const source = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      source.replace(text, () => mutant),
    );
    const isNoticed = !passes(tests);
    // A fault that the compiler refuses cannot be shipped either.
    const isKilled = isNoticed || !build() || !passes(tests);
    writeFileSync(path, source);
    if (!isNoticed && !build()) throw new Error('the sources cannot be built again');
    if (!isKilled) survived++;
    process.stdout.write(`${isKilled ? 'killed  ' : 'SURVIVED'} ${file}: ${text} -> ${mutant || 'nothing'}\n`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.stdout.write(`${chosen.length} ${chosen.length === 1 ? 'mutant' : 'mutants'}, ${survived} survived\n`);
process.exitCode = chosen.length > 0 && survived === 0 ? 0 : 1;
