import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { run, SUITES } from '../../bench/main.js';
import { type BenchTable, formatTable } from '../../bench/report.js';
import { withTempRun } from '../../bench/temp-folder.js';

describe('every bench runs at its smoke size', () => {
  test.each(SUITES)('%s', async (suite) => {
    const lines: string[] = [];
    // A temporary folder of its own: other tests use that of the run.
    await withTempRun(async () => {
      await run([suite], { smoke: true, json: true, out: (text) => lines.push(text) });
      expect(readdirSync(tmpdir()), 'temporary files').toEqual([]);
    });
    const table = JSON.parse(lines.join('')) as BenchTable & { suite: string };
    expect(table.suite).toBe(suite);
    expect(table.rows.length).toBeGreaterThan(2);
    for (const row of table.rows) expect(row).toHaveLength(table.columns.length);
    if (suite === 'http') expect(table.checksum).toBe('5 of 5 rows answered');
    if (suite === 'fleet') expect(table.checksum).toBe('counted = acknowledged');
    const widest = Math.max(
      ...formatTable(table)
        .split('\n')
        .map((line) => line.length),
    );
    expect(widest, 'columns of a terminal').toBeLessThanOrEqual(100);
  });
});

test('the index bench gives the same results in each run', async () => {
  const sums: string[] = [];
  for (let round = 0; round < 2; round++) {
    await run(['index'], {
      smoke: true,
      json: true,
      out: (text) => sums.push((JSON.parse(text) as BenchTable).checksum),
    });
  }
  expect(sums[0]).toBe(sums[1]);
});
