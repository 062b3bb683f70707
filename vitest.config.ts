import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    // Worker threads share one process; native addons and child processes are happier in forks.
    pool: 'forks',
    // Tests wait for processes and disks a fifth of their time: three files at once keep two cores busy.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Of no test the usual time: several times the longest on a machine that has other work as well.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // For removing the run's temporary files: the default of 10 seconds would end the process before that.
    teardownTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
