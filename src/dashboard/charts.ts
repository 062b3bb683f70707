/** Charts with uPlot: colours from the style, redrawn when the colours or the width change. */
import { timeLabels, timeRange } from './time-labels.js';
import UPlot from './vendor/uplot.js';
import { axis as axisText } from './words.js';

interface Series {
  readonly label: string;
  /** Name of a colour in style.css. */
  readonly colour: string;
  readonly bars?: true;
  readonly dash?: readonly number[];
}

interface Options {
  readonly height: number;
  /** Description of the drawing, for screen readers. */
  readonly label: string;
  readonly series: readonly Series[];
  readonly value?: (value: number) => string;
  readonly hideTime?: true;
  /** Values are counts: no axis label between two whole numbers. */
  readonly whole?: true;
  /** Charts of the same name share their cursor. */
  readonly sync?: string;
  /** The point under the cursor, or null: for a line of text beside the title. */
  readonly onPoint?: (index: number | null) => void;
}

/** Seconds since 1970: where the axis of time begins and ends. */
type Span = readonly [from: number, to: number];

interface Chart {
  /** Seconds since 1970 and, for each series, as many values. `span`: by default from the first to the last point. */
  update(data: readonly (readonly (number | null)[])[], label: string, span?: Span): void;
}

/** Probe for colours: only the property of an element resolves a variable that depends on the theme. */
const probe = document.createElement('span');
probe.hidden = true;
document.body.append(probe);
function colour(name: string): string {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

const AXIS_WIDTH = 52;
const all = new Set<() => void>();

/** Redraw all charts; for a change of theme. */
export function redrawCharts(): void {
  for (const redraw of all) redraw();
}

const labelsOf = (plot: UPlot, ticks: number[], _axis: number, _space: number, step: number) =>
  timeLabels(ticks, step, plot.scales.x!.max ?? Number.POSITIVE_INFINITY);

/** Share of the highest bar: a count that is not 0 is seen beside a count of millions. */
const BAR_SHARE_MIN = 0.015;
function seenValues(values: readonly (number | null)[]): (number | null)[] {
  const least = Math.max(...values.map((value) => value ?? 0)) * BAR_SHARE_MIN;
  return values.map((value) => (value !== null && value > 0 ? Math.max(value, least) : value));
}

/** Steps of an axis of counts: 1, 2, 5, 10 and so forth, up to the largest safe integer. */
const WHOLE_STEPS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

/** Return the points that no line joins to another. */
function alone(plot: UPlot, series: number): number[] {
  const values = plot.data[series]!;
  return [...values.keys()].filter((at) => values[at] != null && values[at - 1] == null && values[at + 1] == null);
}

/** CSS pixels; the holder of a hidden panel has the width 0. */
const CHART_WIDTH_MIN = 120;
const widthOf = (holder: HTMLElement): number => Math.max(CHART_WIDTH_MIN, holder.clientWidth);

/** Return the axes: time along the bottom, values at the left with a grid line each. */
function axesOf({ value = axisText, hideTime, whole }: Options): UPlot.Axis[] {
  const axis = {
    stroke: colour('--soft'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif',
  };
  return [
    {
      ...axis,
      grid: { show: false },
      values: labelsOf,
      ...(hideTime ? { show: false } : { size: 26 }),
    },
    {
      ...axis,
      size: AXIS_WIDTH,
      space: 26,
      ...(whole ? { incrs: WHOLE_STEPS } : {}),
      values: (_plot, ticks) => ticks.map((tick) => value(tick)),
    },
  ];
}

function seriesOf({ label, colour: name, bars, dash }: Series): UPlot.Series {
  return {
    label,
    stroke: colour(name),
    width: bars ? 0 : 1.75,
    points: bars ? { show: false } : { show: false, size: 4, fill: colour(name), filter: alone },
    // A point is the middle of its step, so that the cursor finds the bar that it is on.
    ...(bars ? { fill: colour(name), paths: UPlot.paths.bars!({ size: [0.78, 60, 1], align: 0 }) } : {}),
    ...(dash ? { dash: [...dash] } : {}),
  };
}

/** Return the options of a plot. Colours are read here, so a change of theme needs a new plot. `width`: CSS pixels. */
function plotOptions(options: Options, width: number, spanOf: () => Span | undefined): UPlot.Options {
  return {
    width,
    height: options.height,
    tzDate: (at) => UPlot.tzDate(new Date(at * 1000), 'Etc/UTC'),
    legend: { show: false },
    // Half a label has room under the axis and at its right: the nought is whole, and the newest time.
    padding: [8, 20, options.hideTime ? 8 : 0, 0],
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { show: !options.series.some(({ bars }) => bars) },
      ...(options.sync === undefined ? {} : { sync: { key: options.sync } }),
    },
    scales: {
      x: { range: (_plot, least, most) => [...(spanOf() ?? timeRange(least, most))] },
      y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.08 : 1] },
    },
    axes: axesOf(options),
    // The first is time.
    series: [{}, ...options.series.map(seriesOf)],
    hooks: {
      setCursor: [(drawn) => options.onPoint?.(drawn.cursor.idx ?? null)],
    },
  };
}

export function createChart(parent: HTMLElement, options: Options): Chart {
  const holder = document.createElement('div');
  holder.className = 'chart';
  holder.setAttribute('role', 'img');
  holder.setAttribute('aria-label', options.label);
  parent.append(holder);
  let data: readonly (readonly (number | null)[])[] = [[], ...options.series.map(() => [])];
  let span: Span | undefined;
  let plot: UPlot | null = null;

  const draw = () => {
    plot?.destroy();
    plot = new UPlot(
      plotOptions(options, widthOf(holder), () => span),
      data as UPlot.AlignedData,
      holder,
    );
  };
  all.add(draw);
  let width = 0;
  new ResizeObserver(() => {
    // The height is fixed, so only the width can change.
    if (holder.clientWidth === width) return;
    width = holder.clientWidth;
    plot?.setSize({ width: widthOf(holder), height: options.height });
  }).observe(holder);

  return {
    update([times = [], ...values], label, ofSpan) {
      data = [times, ...values.map((each, at) => (options.series[at]?.bars ? seenValues(each) : each))];
      span = ofSpan;
      holder.setAttribute('aria-label', label);
      if (plot) plot.setData(data as UPlot.AlignedData);
      else draw();
    },
  };
}
