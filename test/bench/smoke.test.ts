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
    // A suite prints one table, or several.
    const tables = lines.map((line) => JSON.parse(line) as BenchTable & { suite: string });
    expect(tables.length).toBeGreaterThan(0);
    for (const table of tables) {
      expect(table.suite).toBe(suite);
      expect(table.rows.length).toBeGreaterThan(2);
      for (const row of table.rows) expect(row).toHaveLength(table.columns.length);
      const widest = Math.max(
        ...formatTable(table)
          .split('\n')
          .map((line) => line.length),
      );
      expect(widest, 'columns of a terminal').toBeLessThanOrEqual(100);
    }
    const checksum = tables[0]?.checksum;
    if (suite === 'http') expect(checksum).toBe('5 of 5 rows answered');
    if (suite === 'hma') expect(tables.map((table) => table.checksum)).toEqual(['28 of 28 right', 'all answered']);
    if (suite === 'fleet') expect(checksum).toBe('counted = acknowledged');
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
