/** Threads load their module by import alone: one that is ended while it requires an ES module ends the process. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { threadPool } from '../../src/core/thread-pool.js';

test('a thread requires no ES module, and runs one', async () => {
  const folder = tempFolder('threads');
  writeFileSync(join(folder, 'module.mjs'), 'export default () => import.meta.url;');
  writeFileSync(
    join(folder, 'requires.cjs'),
    `module.exports = (path) => { try { return typeof require(path).default; } catch (error) { return error.code; } };`,
  );
  const requires = threadPool<string, string>({ filename: join(folder, 'requires.cjs'), maxThreads: 1 });
  expect(await requires.run(join(folder, 'module.mjs'))).toBe('ERR_REQUIRE_ESM');
  await requires.destroy();
  const runs = threadPool<null, string>({ filename: join(folder, 'module.mjs'), maxThreads: 1 });
  expect(await runs.run(null)).toMatch(/module\.mjs$/);
  await runs.destroy();
});

test('a pool that is ended while its threads begin is ended', async () => {
  for (let times = 0; times < 12; times++) {
    const pool = threadPool({
      filename: artefact('src', 'sqlite', 'lists', 'sweep-worker.js'),
      minThreads: 2,
      maxThreads: 2,
    });
    await new Promise((resolve) => setTimeout(resolve, 10 * times));
    await pool.destroy();
  }
});
