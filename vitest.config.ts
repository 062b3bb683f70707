import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

const WORKERS_MAX = 5;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    // Worker threads share one process; native addons and child processes are happier in forks.
    pool: 'forks',
    // One more than the cores, since many tests wait; more than a few would only be in each other's way.
    maxWorkers: Math.min(availableParallelism() + 1, WORKERS_MAX),
    sequence: { sequencer: LongestFirst },
    // Of no test the usual time: several times the longest on a machine that has other work as well.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // For removing the run's temporary files: the default of 10 seconds would end the process before that.
    teardownTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
