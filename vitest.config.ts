import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Worker threads share one process; native addons and child processes are happier in forks.
    pool: 'forks',
    maxWorkers: 2,
    // Of no test the usual time: several times the longest on a machine that has other work as well.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
