/** Throughput and latency of the last hour. */
import { createChart } from './charts.js';
import { byId, make, say } from './dom.js';
import type { Pace } from './types.js';
import { count, seconds, short } from './words.js';

const throughput = createChart(byId('throughput'), {
  height: 150,
  label: 'Checks per second, the last hour',
  series: [{ label: 'Checks per second', colour: '--checks' }],
});
const names = [
  ['p50', '50 % within', '--checks', undefined],
  ['p90', '90 % within', '--second', [6, 4]],
  ['p99', '99 % within', '--hits', [2, 3]],
] as const;
const latency = createChart(byId('latency'), {
  height: 150,
  label: 'Latency of checks, the last hour',
  value: seconds,
  series: names.map(([, label, colour, dash]) => ({ label, colour, ...(dash ? { dash } : {}) })),
});
byId('latency').append(
  make(
    'p',
    { class: 'legend' },
    ...names.flatMap(([name, label]) => [
      make('span', { class: `swatch ${name}`, 'aria-hidden': 'true' }),
      `${label} `,
    ]),
  ),
);

const secondsText = (value: number | null) => (value === null ? '–' : seconds(value));

export function showPace(pace: Pace): void {
  const starts = pace.series.map(({ start }) => Date.parse(start) / 1000);
  const rate = `${pace.checksPerSecond < 10 ? Number(pace.checksPerSecond.toFixed(1)) : count(pace.checksPerSecond)} checks/s, the last minute`;
  say(byId('throughput-readout'), rate);
  throughput.update(
    [starts, pace.series.map(({ checksPerSecond }) => checksPerSecond)],
    `Checks per second in the last hour: ${rate}; maximum ${short(Math.max(0, ...pace.series.map(({ checksPerSecond }) => checksPerSecond)))}.`,
  );
  const now = `50 % ${secondsText(pace.p50)} · 90 % ${secondsText(pace.p90)} · 99 % ${secondsText(pace.p99)}`;
  say(byId('latency-readout'), pace.p50 === null ? 'no checks in the last minute' : now);
  latency.update(
    [starts, ...names.map(([name]) => pace.series.map((point) => point[name]))],
    `Latency of checks in the last hour. The last minute: ${now}.`,
  );
}
