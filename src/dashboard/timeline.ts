/** Checks and hits over time: two charts under each other with one cursor, since their scales differ by thousands. */
import { createChart } from './charts.js';
import { byId, make, say, table } from './dom.js';
import { type Period, stepsOf } from './periods.js';
import type { Point, Stats } from './types.js';
import { count, time } from './words.js';

const readout = byId('timeline-readout');
// The table scrolls, so the keyboard must reach it.
byId('timeline-table').tabIndex = 0;
let points: readonly Point[] = [];
let step: Period['step'] = 'day';

const startText = ({ start }: Point) => (step === 'hour' ? time(start) : time(start).split(' ').slice(0, 3).join(' '));

function showPoint(index: number | null): void {
  const point = index === null ? undefined : points[index];
  say(readout, point ? `${startText(point)}: ${count(point.checked)} checks, ${count(point.matched)} hits` : '');
}

const legend = (kind: string, text: string) =>
  make('p', { class: 'legend' }, make('span', { class: `swatch ${kind}`, 'aria-hidden': 'true' }), text);
const holder = byId('timeline');
holder.append(legend('checks', 'Checks'));
const checks = createChart(holder, {
  height: 152,
  label: 'Checks over time',
  sync: 'timeline',
  hideTime: true,
  whole: true,
  series: [{ label: 'Checks', colour: '--checks', bars: true }],
  onPoint: showPoint,
});
holder.append(legend('hits', 'Hits'));
const hits = createChart(holder, {
  height: 166,
  label: 'Hits over time',
  sync: 'timeline',
  whole: true,
  series: [{ label: 'Hits', colour: '--hits', bars: true }],
  onPoint: showPoint,
});

export function showTimeline({ series }: Stats, period: Period): void {
  step = period.step;
  const pointAt = new Map(series.map((point) => [Date.parse(point.start), point]));
  const steps = stepsOf(period, Date.now());
  points = steps.map(
    ({ startMs }) =>
      pointAt.get(startMs) ?? {
        start: new Date(startMs).toISOString(),
        checked: 0,
        matched: 0,
        suppressed: 0,
        notChecked: 0,
      },
  );
  const middles = steps.map(({ startMs, endMs }) => (startMs + endMs) / 2000);
  // Without a step, as where a period has not begun, the axis is that of the period.
  const [fromMs, toMs] = [steps[0]?.startMs ?? Date.parse(period.from), steps.at(-1)?.endMs ?? Date.parse(period.to)];
  const span = [fromMs / 1000, toMs / 1000] as const;
  const sum = (figure: 'checked' | 'matched') => points.reduce((total, point) => total + point[figure], 0);
  checks.update(
    [middles, points.map(({ checked }) => checked)],
    `Checks over time, by ${step}: ${count(sum('checked'))} in total. The numbers are below.`,
    span,
  );
  hits.update(
    [middles, points.map(({ matched }) => matched)],
    `Hits over time, by ${step}: ${count(sum('matched'))} in total. The numbers are below.`,
    span,
  );
  byId('timeline-table').replaceChildren(
    table('Checks and hits over time', points.toReversed(), [
      { head: 'From', cell: startText },
      { head: 'Checked', number: true, cell: ({ checked }) => count(checked) },
      { head: 'Hits', number: true, cell: ({ matched }) => count(matched) },
      { head: 'Suppressed', number: true, cell: ({ suppressed }) => count(suppressed) },
      { head: 'Not checked', number: true, cell: ({ notChecked }) => count(notChecked) },
    ]),
  );
}
