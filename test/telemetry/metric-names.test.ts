import { expect, test } from 'vitest';
import { createMetrics } from '../../src/telemetry/prometheus.js';

test('metrics of the process and of Node have one prefix, and no word of a name stands twice side by side', async () => {
  const { body } = await createMetrics().render();
  const names = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
  expect(names).toEqual(expect.arrayContaining(['zeef_process_cpu_seconds_total', 'zeef_nodejs_heap_size_used_bytes']));
  expect(names.filter((name) => !name.startsWith('zeef_') || /_([a-z]+)_\1(_|$)/.test(name))).toEqual([]);
});
