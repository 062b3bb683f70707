/**
 * Counts over time as two rows of bars under each other, static SVG. Checks and hits differ by thousands: each has a scale of
 * its own and a row of its own, since two scales in one frame show false crossings.
 */
import { endOf, type Interval } from '../core/period.js';
import { html, type Markup } from './markup.js';
import { countText, dayText } from './words.js';

interface Point {
  readonly start: string;
  readonly checked: number;
  readonly matched: number;
}

/** Units of the drawing; the page scales it to its width. */
const [WIDTH, ROW, GAP, LEFT, TOP, FOOT] = [720, 84, 34, 8, 18, 18];

/** A count that is not 0 is seen beside a count of millions. */
const HEIGHT_MIN = 1;

/** Return the smallest round number that is not below `value`: one digit and zeros. */
export function niceMax(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return Math.ceil(value / power) * power;
}

function row(points: readonly Point[], figure: 'checked' | 'matched', label: string, top: number): Markup {
  const most = niceMax(Math.max(...points.map((point) => point[figure])));
  const step = (WIDTH - LEFT) / points.length;
  const bars = points.map((point, at) => {
    const height = point[figure] === 0 ? 0 : Math.max(HEIGHT_MIN, (point[figure] / most) * ROW);
    return html`<rect x="${(LEFT + at * step).toFixed(2)}" y="${(top + ROW - height).toFixed(2)}" width="${Math.max(0.4, step * 0.82).toFixed(2)}" height="${height.toFixed(2)}"><title>${point.start}: ${countText(point[figure])}</title></rect>`;
  });
  return html`<g class="${figure}"><text x="${LEFT}" y="${top - 6}" class="label">${label}</text><text x="${WIDTH}" y="${top - 6}" class="scale">${countText(most)}</text><path class="rule" d="M${LEFT} ${top}H${WIDTH}"/>${bars}<path class="base" d="M${LEFT} ${top + ROW}H${WIDTH}"/></g>`;
}

/** Return the points of all steps from the first to the last: a step without counts is in no series, but takes its room. */
function everyStep(series: readonly Point[], interval: Interval): Point[] {
  const pointAt = new Map(series.map((point) => [Date.parse(point.start), point]));
  const [firstMs, lastMs] = [Date.parse(series[0]!.start), Date.parse(series[series.length - 1]!.start)];
  const points: Point[] = [];
  for (let atMs = firstMs; atMs <= lastMs; atMs = endOf(interval, atMs)) {
    points.push(pointAt.get(atMs) ?? { start: new Date(atMs).toISOString(), checked: 0, matched: 0 });
  }
  return points;
}

/** Draw the chart; a sentence where there are no points. `series`: in order of time, without steps that have no counts. */
export function chart(series: readonly Point[], interval: Interval): Markup {
  if (series.length === 0) return html`<p class="none">Nothing was checked in this period.</p>`;
  const points = everyStep(series, interval);
  const startText = ({ start }: Point) => (interval === 'hour' ? start.slice(0, 16).replace('T', ' ') : dayText(start));
  const second = TOP + ROW + GAP;
  const height = second + ROW + FOOT;
  const [first, last] = [points[0]!, points[points.length - 1]!];
  const sum = (figure: 'checked' | 'matched') => countText(points.reduce((total, point) => total + point[figure], 0));
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Checks and hits by ${interval}, ${startText(first)} to ${startText(last)}: ${sum('checked')} checks, ${sum('matched')} hits.">${row(points, 'checked', 'Checks', TOP)}${row(points, 'matched', 'Hits', second)}<text x="${LEFT}" y="${height - 3}" class="scale first">${startText(first)}</text><text x="${WIDTH}" y="${height - 3}" class="scale">${startText(last)}</text></svg>`;
}
