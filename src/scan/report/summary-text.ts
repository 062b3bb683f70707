/** Summary of a scan as rows of name and value, the most important first; all output forms use them. */
import { duration } from '../progress.js';
import type { ScanSummary } from '../tally.js';

interface SummaryRow {
  readonly name: string;
  readonly value: number | string;
}

export function summaryRows(summary: ScanSummary): SummaryRow[] {
  const { byVerdict, byReason, lists, skippedByKind, notImages, warnings, warningsLeftOut } = summary;
  const warned = new Map<string, number>();
  for (const { code } of warnings) warned.set(code, (warned.get(code) ?? 0) + 1);
  const rows: [string, number | string][] = [
    ['files', summary.files],
    ['checked', summary.checked],
    ['match', byVerdict.match],
    ['  exact', summary.exact],
    ['  near', summary.near],
    ['no_match', byVerdict.no_match],
    ...(summary.degraded > 0 ? [['  degraded', summary.degraded] as [string, number]] : []),
    ...(summary.nearLeftOut > 0 ? [['  near, left out', summary.nearLeftOut] as [string, number]] : []),
    ...(summary.possible > 0 ? [['  possible', summary.possible] as [string, number]] : []),
    ['suppressed', byVerdict.suppressed],
    ['not_checked', byVerdict.not_checked],
    ...Object.entries(byReason).map(([reason, count]): [string, number] => [`  ${reason}`, count]),
    ['not images', summary.notPictures],
    ...Object.entries(notImages)
      .filter(([, count]) => count > 0)
      .map(([kind, count]): [string, number] => [`  ${kind}`, count]),
    ...(summary.verdictsKept > 0 ? [['images near no new entry', summary.verdictsKept] as [string, number]] : []),
    ...Object.entries(lists).flatMap(([list, { exact, near, suppressed }]): [string, number][] => [
      [`on list ${list}`, exact + near],
      ['  exact', exact],
      ['  near', near],
      ['  suppressed', suppressed],
    ]),
    ['skipped', summary.skipped],
    ...Object.entries(skippedByKind)
      .filter(([, count]) => count > 0)
      .map(([kind, count]): [string, number] => [`  ${kind}`, count]),
    ['warnings', warnings.length + warningsLeftOut],
    ...[...warned].map(([code, count]): [string, number] => [`  ${code}`, count]),
    ...(summary.missing > 0 ? [['missing, not seen', summary.missing] as [string, number]] : []),
    ['known, not read again', summary.fromInventory],
    ['bytes of images', summary.bytes],
    ['bytes read', summary.bytesRead],
    ['generation of the lists', summary.generation],
    ['started', summary.startedAt],
    ['time', duration(summary.seconds)],
    ['seconds', summary.seconds],
    ['files/s', summary.filesPerSecond],
    ['MB/s', summary.megabytesPerSecond],
  ];
  return rows.map(([name, value]) => ({ name, value }));
}

export function summaryText(summary: ScanSummary): string {
  const words = summaryRows(summary).map(({ name, value }) => `${name.padEnd(26)} ${value}\n`);
  return words.join('') + (summary.interrupted ? 'interrupted: files not counted above were not checked\n' : '');
}

const quoted = (cell: string | number) =>
  /[",\r\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : `${cell}`;

/** Render the summary as CSV, RFC 4180, with a header; a partial count has the prefix of its total. */
export function summaryCsv(summary: ScanSummary): string {
  let whole = '';
  const lines = summaryRows(summary).map(({ name, value }) => {
    const isPart = name.startsWith('  ');
    if (!isPart) whole = name;
    return `${quoted(isPart ? `${whole}: ${name.trim()}` : name)},${quoted(value)}`;
  });
  return ['name,value', ...lines, `interrupted,${summary.interrupted}`, ''].join('\r\n');
}
