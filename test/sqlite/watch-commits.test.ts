/** Commits of other connections to a file: noticed soon, once, and not those of the own one. */
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { watchCommits } from '../../src/sqlite/watch-commits.js';

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('another connection commits: the listener is called soon, and once for each moment; then it is ended', async () => {
  const path = join(tempFolder('commits'), 'lists.sqlite');
  const [mine, other] = [new Database(path), new Database(path)];
  mine.pragma('journal_mode = WAL');
  mine.exec('CREATE TABLE t (n INTEGER)');
  const listener = vi.fn();
  const end = watchCommits(mine, listener);
  mine.exec('INSERT INTO t VALUES (1)');
  other.prepare('SELECT * FROM t').all();
  await later(350);
  expect(listener).not.toHaveBeenCalled();
  other.exec('INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)');
  await expect.poll(() => listener.mock.calls.length, { timeout: 10_000 }).toBe(1);
  // A transaction that is not committed is nothing new.
  other.exec('BEGIN; INSERT INTO t VALUES (4)');
  await later(350);
  expect(listener).toHaveBeenCalledTimes(1);
  other.exec('COMMIT');
  await expect.poll(() => listener.mock.calls.length, { timeout: 10_000 }).toBe(2);
  end();
  other.exec('INSERT INTO t VALUES (5)');
  await later(350);
  expect(listener).toHaveBeenCalledTimes(2);
  other.close();
  // A file that cannot be read is reported by its readers.
  const ended = watchCommits(mine, listener);
  mine.close();
  await later(250);
  ended();
  expect(listener).toHaveBeenCalledTimes(2);
});
