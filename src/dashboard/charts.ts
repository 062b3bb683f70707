/** Charts with uPlot: colours from the style, redrawn when the colours or the width change. */
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
  /** Charts of the same name share their cursor. */
  readonly sync?: string;
  /** The point under the cursor, or null: for a line of text beside the title. */
  readonly onPoint?: (index: number | null) => void;
}

interface Chart {
  /** Seconds since 1970 and, for each series, as many values. */
  update(data: readonly (readonly (number | null)[])[], label: string): void;
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

const utc = (style: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en-GB', { ...style, timeZone: 'UTC' });
const [clockFace, day, month] = [
  utc({ hour: '2-digit', minute: '2-digit' }),
  utc({ day: 'numeric', month: 'short' }),
  utc({ month: 'short' }),
];

function timeLabels(_plot: UPlot, ticks: number[], _axis: number, _space: number, step: number): string[] {
  const shortest = step >= 28 * 86_400 ? month : step >= 86_400 ? day : clockFace;
  return ticks.map((tick) => {
    const isMidnight = tick % 86_400 === 0;
    return (isMidnight && shortest === clockFace ? day : shortest).format(tick * 1000);
  });
}

/** CSS pixels; the holder of a hidden panel has the width 0. */
const CHART_WIDTH_MIN = 120;
const widthOf = (holder: HTMLElement): number => Math.max(CHART_WIDTH_MIN, holder.clientWidth);

/** Return the axes: time along the bottom, values at the left with a grid line each. */
function axesOf({ value = axisText, hideTime }: Options): UPlot.Axis[] {
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
      values: timeLabels,
      ...(hideTime ? { show: false } : { size: 26 }),
    },
    {
      ...axis,
      size: AXIS_WIDTH,
      space: 26,
      values: (_plot, ticks) => ticks.map((tick) => value(tick)),
    },
  ];
}

function seriesOf({ label, colour: name, bars, dash }: Series): UPlot.Series {
  return {
    label,
    stroke: colour(name),
    width: bars ? 0 : 1.75,
    points: { show: false },
    ...(bars ? { fill: colour(name), paths: UPlot.paths.bars!({ size: [0.78, 60, 1], align: 1 }) } : {}),
    ...(dash ? { dash: [...dash] } : {}),
  };
}

/** Return the options of a plot. Colours are read here, so a change of theme needs a new plot. `width`: CSS pixels. */
function plotOptions(options: Options, width: number): UPlot.Options {
  return {
    width,
    height: options.height,
    tzDate: (at) => UPlot.tzDate(new Date(at * 1000), 'Etc/UTC'),
    legend: { show: false },
    padding: [8, 6, options.hideTime ? 4 : 0, 0],
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { show: !options.series.some(({ bars }) => bars) },
      ...(options.sync === undefined ? {} : { sync: { key: options.sync } }),
    },
    scales: { y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.08 : 1] } },
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
  let plot: UPlot | null = null;

  const draw = () => {
    plot?.destroy();
    plot = new UPlot(plotOptions(options, widthOf(holder)), data as UPlot.AlignedData, holder);
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
    update(next, label) {
      data = next;
      holder.setAttribute('aria-label', label);
      if (plot) plot.setData(data as UPlot.AlignedData);
      else draw();
    },
  };
}
