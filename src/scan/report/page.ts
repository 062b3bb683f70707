/** Summary of a scan as one printable page: no scripts, no external resources, and names are escaped. */
import { PACKAGE_VERSION } from '../../core/package-root.js';
import { duration } from '../progress.js';
import type { RunPoint, ScanSummary } from '../tally.js';
import { summaryRows } from './summary-text.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string | number) => String(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);

const CHART = { width: 720, height: 180, left: 64, bottom: 24, top: 8 };

/** Return the rates between the points of a run. Shape: one fewer than points. */
function rates(run: readonly RunPoint[], of: (point: RunPoint) => number): number[] {
  return run.slice(1).map((point, at) => {
    const before = run[at]!;
    return (of(point) - of(before)) / Math.max(point.seconds - before.seconds, 0.001);
  });
}

function chart(title: string, unit: string, run: readonly RunPoint[], values: readonly number[]): string {
  const { width, height, left, bottom, top } = CHART;
  const most = Math.max(...values, 1e-9);
  const end = Math.max(run.at(-1)!.seconds, 0.001);
  const points = values.map((value, at) => {
    const x = left + (run[at + 1]!.seconds / end) * (width - left);
    const y = top + (1 - value / most) * (height - top - bottom);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const base = height - bottom;
  return `<figure><figcaption>${escaped(title)}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
<line x1="${left}" y1="${base}" x2="${width}" y2="${base}"/><line x1="${left}" y1="${top}" x2="${left}" y2="${base}"/>
<text x="${left - 6}" y="${top + 10}" text-anchor="end">${escaped(most >= 10 ? Math.round(most).toLocaleString('en') : most.toPrecision(2))}</text>
<text x="${left - 6}" y="${base}" text-anchor="end">0 ${escaped(unit)}</text>
<text x="${width}" y="${height - 6}" text-anchor="end">${escaped(duration(end))}</text>
<polyline points="${points.join(' ')}"/></svg></figure>`;
}

/** Render the summary as HTML, UTF-8. */
export function summaryPage(summary: ScanSummary): string {
  const run = [{ seconds: 0, files: 0, pictures: 0, matched: 0, bytes: 0 }, ...summary.run];
  const rows = summaryRows(summary).map(
    ({ name, value }) =>
      `<tr${name.startsWith('  ') ? ' class="part"' : ''}><th scope="row">${escaped(name.trim())}</th><td>${escaped(
        typeof value === 'number' ? value.toLocaleString('en') : value,
      )}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Scan of ${escaped(summary.startedAt)}</title>
<style>
body{font:14px/1.4 system-ui,sans-serif;max-width:46rem;margin:2rem auto;color:#111}
table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:normal}td{text-align:right;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid #ddd;padding:.15rem .3rem}.part th{padding-left:1.5rem;color:#555}
svg{width:100%;height:auto}svg line{stroke:#999}svg polyline{fill:none;stroke:#0a5;stroke-width:1.5}svg text{font-size:10px;fill:#555}
figure{margin:1.5rem 0;break-inside:avoid}@media print{body{margin:0}}
</style></head><body>
<h1>Scan</h1>
<p>${summary.interrupted ? '<strong>Interrupted: files that are not counted here were not checked.</strong> ' : ''}No file was changed or deleted.
An image without a match is not proven safe: it is near no entry of these lists.</p>
<table>${rows.join('\n')}</table>
${chart(
  'Files a second',
  '/s',
  run,
  rates(run, ({ files }) => files),
)}
${chart(
  'Megabytes of images a second',
  'MB/s',
  run,
  rates(run, ({ bytes }) => bytes / 1_000_000),
)}
${chart(
  'Matches, cumulative',
  '',
  run,
  run.slice(1).map(({ matched }) => matched),
)}
<p>zeef ${escaped(PACKAGE_VERSION)}</p>
</body></html>
`;
}
