/** Charts against numbers: the bars that a browser draws, in the dashboard and in the report, and the counts of the API. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { DAY_MS, endOf, HOUR_MS, type Interval } from '../../src/core/period.js';
import { NO_TOTALS } from '../../src/core/tally.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import { hasChromium, launchBrowser, type Visit, visit } from '../support/browser.js';
import { type Running, startService } from '../support/running.js';

/** Twenty minutes into a day: one step of it has begun. */
const NOW = Date.parse('2026-03-31T00:20:00Z');
const LARGE = Date.parse('2025-06-01T00:00:00Z');

/** Counts of an hour; gaps, the newest hour, and a one beside thousands. */
function countsAt(hoursAgo: number): { checked: number; exact: number } | null {
  if (hoursAgo % 5 === 3 || (hoursAgo > 100 && hoursAgo < 180)) return null;
  if (hoursAgo === 2) return { checked: 1, exact: 1 };
  return { checked: 1_000 + ((hoursAgo * 7_919) % 5_003), exact: (hoursAgo * 31) % 97 };
}

interface Point {
  readonly start: string;
  readonly checked: number;
  readonly matched: number;
}

let running: Running;
let browser: Browser;

async function fill(dataDir: string): Promise<void> {
  const store = openSqliteLedger(dataDir);
  await store.open();
  const add = (tenant: string, startMs: number, totals: { checked: number; exact: number }) =>
    store.append({
      atMs: startMs,
      entries: [
        {
          tenant,
          idempotency: null,
          sightings: [],
          tallies: [{ tenant, startMs, cells: [], totals: { ...NO_TOTALS, ...totals } }],
        },
      ],
    });
  const thisHour = NOW - (NOW % HOUR_MS);
  for (let ago = 0; ago < 40 * 24; ago++) {
    const counts = countsAt(ago);
    if (counts) await add('local', thisHour - ago * HOUR_MS, counts);
  }
  for (let day = 0; day < 12; day++)
    await add('local', LARGE + day * DAY_MS, { checked: 6e14 - day * 5e13, exact: 10 ** day });
  await store.close();
}

/** The number of the API for each step from `fromMs`, 0 where it has none. */
async function numbers(from: number, to: number, step: Interval): Promise<{ checked: number[]; matched: number[] }> {
  const asked = new URLSearchParams({
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    interval: step,
  });
  const { series } = (await (await fetch(`${running.url}/v1/stats?${asked}`)).json()) as { series: Point[] };
  const points = new Map(series.map((point) => [Date.parse(point.start), point]));
  const steps: number[] = [];
  for (let at = from; at < Math.min(to, NOW); at = endOf(step, at)) steps.push(at);
  const of = (figure: 'checked' | 'matched') => steps.map((at) => points.get(at)?.[figure] ?? 0);
  return { checked: of('checked'), matched: of('matched') };
}

interface Drawn {
  /** Runs of the bar's colour along the foot of the plot: pixels from its left edge. */
  readonly bars: readonly (readonly [left: number, right: number])[];
  /** Pixels of the bar's colour in the middle of each step. */
  readonly heights: readonly number[];
  readonly width: number;
  readonly height: number;
  /** Room under the plot, for the lower half of the label 0. */
  readonly under: number;
}

/** Read the pixels of a chart. `which`: 0 for checks, 1 for hits. */
function drawnIn(page: Page, which: number, steps: number): Promise<Drawn> {
  return page.evaluate(
    ([which, steps]) => {
      const chart = document.querySelectorAll('#timeline .chart')[which]!;
      const canvas = chart.querySelector('canvas')!;
      const swatch = document.querySelectorAll('#timeline .swatch')[which]!;
      const [red, green, blue] = getComputedStyle(swatch).backgroundColor.match(/\d+/g)!.map(Number) as [
        number,
        number,
        number,
      ];
      const [over, all] = [chart.querySelector('.u-over')!.getBoundingClientRect(), canvas.getBoundingClientRect()];
      const scale = canvas.width / all.width;
      const [left, top] = [Math.round((over.left - all.left) * scale), Math.round((over.top - all.top) * scale)];
      const [width, height] = [Math.round(over.width * scale), Math.round(over.height * scale)];
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      const isBar = (x: number, y: number) => {
        const at = ((top + y) * canvas.width + left + x) * 4;
        const far = Math.abs(data[at]! - red) + Math.abs(data[at + 1]! - green) + Math.abs(data[at + 2]! - blue);
        return far < 60 && data[at + 3]! > 200;
      };
      const bars: [number, number][] = [];
      for (let x = -left; x < canvas.width - left; x++) {
        if (!isBar(x, height - 1)) continue;
        const last = bars.at(-1);
        if (last && last[1] === x) last[1] = x + 1;
        else bars.push([x, x + 1]);
      }
      const heights = Array.from({ length: steps }, (_, step) => {
        const x = Math.floor(((step + 0.5) / steps) * width);
        return Array.from({ length: height }, (_, y) => isBar(x, y)).filter(Boolean).length;
      });
      return { bars, heights, width, height, under: canvas.height / scale - (top + height) / scale };
    },
    [which, steps] as const,
  );
}

/** Compare a chart with its numbers: how many bars, where, and how high. */
function expectDrawn({ bars, heights, width, height, under }: Drawn, values: readonly number[]): void {
  const most = Math.max(...values) * 1.08;
  heights.forEach((drawn, at) => {
    const value = values[at]!;
    const what = `step ${at + 1} of ${values.length}, ${value} of ${most}`;
    if (value === 0) expect(drawn, what).toBe(0);
    else {
      expect(drawn, what).toBeGreaterThanOrEqual(1);
      expect(Math.abs(drawn - Math.max((value / most) * height, 1)), what).toBeLessThanOrEqual(1.5);
    }
  });
  const step = width / values.length;
  // Bars of narrow steps touch.
  const apart = step * 0.22 >= 1;
  const places = values.flatMap((value, at) => (value > 0 ? [at] : []));
  const runs = apart ? places : places.filter((at) => !places.includes(at - 1));
  expect(bars).toHaveLength(runs.length);
  const barWidth = Math.min(60, step * (apart ? 0.78 : 1));
  bars.forEach(([left, right], at) => {
    const first = runs[at]!;
    let last = first;
    if (!apart) while (places.includes(last + 1)) last++;
    // The whole bar, in the room of its own step.
    const [middle, wide] = [((first + last + 1) / 2) * step, (last - first) * step + barWidth];
    expect(Math.abs((left + right) / 2 - middle), `bar ${at + 1}`).toBeLessThanOrEqual(1.5);
    expect(Math.abs(right - left - wide), `width of bar ${at + 1}`).toBeLessThanOrEqual(2);
  });
  expect(under).toBeGreaterThanOrEqual(7);
}

const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const DAY_END = Date.parse('2026-04-01T00:00:00Z');
const PERIODS: readonly (readonly [string, string | readonly [number, number], number, number, Interval])[] = [
  ['30 days, as the page begins', '30d', DAY_END - 30 * DAY_MS, DAY_END, 'day'],
  ['24 hours', '24h', NOW - (NOW % HOUR_MS) - 23 * HOUR_MS, NOW - (NOW % HOUR_MS) + HOUR_MS, 'hour'],
  ['7 days, by the hour', '7d', DAY_END - 7 * DAY_MS, DAY_END, 'hour'],
  ['30 days', '30d', DAY_END - 30 * DAY_MS, DAY_END, 'day'],
  ['a quarter that began before the counts', 'quarter', Date.UTC(2026, 0), Date.UTC(2026, 3), 'day'],
  ['a day, of which one hour has begun', [NOW, NOW], Date.parse('2026-03-31'), DAY_END, 'hour'],
  ['two days', [NOW - DAY_MS, NOW], Date.parse('2026-03-30'), DAY_END, 'hour'],
  ['counts near the limit of numbers', [LARGE, LARGE + 14 * DAY_MS], LARGE, LARGE + 15 * DAY_MS, 'day'],
  ['nothing at all', [Date.UTC(2024, 0), Date.UTC(2024, 0, 20)], Date.UTC(2024, 0), Date.UTC(2024, 0, 21), 'day'],
];

describe.runIf(hasChromium)('what is drawn', () => {
  let visited: Visit;
  beforeAll(async () => {
    const dataDir = tempFolder('drawn');
    running = await startService({ dataDir });
    await fill(dataDir);
    browser = await launchBrowser();
    visited = await visit(browser, running.url, { nowMs: NOW });
  });
  afterAll(async () => {
    await visited?.close();
    await browser?.close();
    await running?.stop();
  });

  test.each(PERIODS)('the dashboard: %s', async (_name, choice, from, to, step) => {
    const { page } = visited;
    const values = await numbers(from, to, step);
    const isCustom = typeof choice !== 'string';
    await page.locator(`input[name=period][value="${isCustom ? 'custom' : choice}"]`).check({ force: true });
    if (isCustom) {
      await page.locator('input[name=from]').fill(day(choice[0]));
      await page.locator('input[name=to]').fill(day(choice[1]));
    }
    const sum = new Intl.NumberFormat('en-GB').format(values.checked.reduce((total, value) => total + value, 0));
    await page.locator(`#timeline .chart[aria-label*="by ${step}: ${sum} in total"]`).first().waitFor();
    // uPlot draws in the next frame.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    expectDrawn(await drawnIn(page, 0, values.checked.length), values.checked);
    expectDrawn(await drawnIn(page, 1, values.matched.length), values.matched);
  });

  test('the bar under the cursor is the one that is named beside the title', async () => {
    const { page } = visited;
    await page.locator('input[name=period][value="30d"]').check({ force: true });
    await page.locator('#timeline .chart[aria-label*="by day"]').first().waitFor();
    const box = (await page.locator('#timeline .u-over').first().boundingBox())!;
    for (const share of [0.05, 0.95]) {
      await page.mouse.move(box.x + ((29 + share) / 30) * box.width, box.y + box.height / 2);
      await page.locator('#timeline-readout').filter({ hasText: '31 Mar 2026' }).waitFor();
    }
  });

  test.each([
    ['hours of two days', Date.parse('2026-03-29'), DAY_END, 'hour'],
    ['days of a month', DAY_END - 31 * DAY_MS, DAY_END, 'day'],
    ['part of a day', Date.parse('2026-03-30T05:00Z'), Date.parse('2026-03-30T11:00Z'), 'hour'],
    ['one hour', Date.parse('2026-03-30T05:00Z'), Date.parse('2026-03-30T06:00Z'), 'hour'],
    ['counts near the limit of numbers', LARGE, LARGE + 12 * DAY_MS, 'day'],
  ] as const)('the report: %s', async (_name, from, to, step) => {
    const asked = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    const report = (await (await fetch(`${running.url}/v1/report?${asked}`)).json()) as {
      interval: string;
      series: Point[];
    };
    expect(report.interval).toBe(step);
    const page = await browser.newPage();
    await page.goto(`${running.url}/v1/report?${asked}&format=html`);
    for (const figure of ['checked', 'matched'] as const) {
      const bars = await page
        .locator(`svg .${figure} rect`)
        .evaluateAll((rects) =>
          rects.map((rect) => ['x', 'width', 'height'].map((name) => Number(rect.getAttribute(name)))),
        );
      const drawn = bars.filter(([, , height]) => height! > 0);
      const counted = report.series.filter((point) => point[figure] > 0);
      expect(drawn).toHaveLength(counted.length);
      const most = Math.max(...counted.map((point) => point[figure]));
      const highest = Math.max(...drawn.map(([, , height]) => height!));
      const first = Date.parse(report.series[0]!.start);
      const stepMs = step === 'hour' ? HOUR_MS : DAY_MS;
      const steps = (Date.parse(report.series.at(-1)!.start) - first) / stepMs + 1;
      drawn.forEach(([x, , height], at) => {
        const { start, [figure]: value } = counted[at]!;
        const place = 8 + ((Date.parse(start) - first) / stepMs / steps) * 712;
        expect(Math.abs(x! - place), `${start} in time`).toBeLessThanOrEqual(0.02);
        expect(Math.abs(height! - Math.max(1, (value / most) * highest)), `${start} of ${most}`).toBeLessThanOrEqual(
          0.02,
        );
      });
      expect(drawn.at(-1)![0]! + drawn.at(-1)![1]!).toBeLessThanOrEqual(720);
    }
    await page.close();
  });
});
