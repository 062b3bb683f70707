/** Reports of scans, by their lines. */
import { readFileSync } from 'node:fs';

export interface ReportLine {
  readonly type: string;
  readonly path: string;
  readonly checkId?: string;
  readonly [field: string]: unknown;
}

export const linesOf = (text: string): ReportLine[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ReportLine);

/** Return the lines about files, sorted, without the fields that differ between runs. */
export function fileLines(text: string): string[] {
  return linesOf(text)
    .filter(({ type }) => type !== 'begin' && type !== 'summary')
    .map(({ checkId: _, generation: __, ...line }) => JSON.stringify(line))
    .sort();
}

/** Return the fields of the summary about the files, not about the run. */
export function countsOf(text: string): object {
  const summary = linesOf(text).at(-1)!;
  const names = [
    'files',
    'checked',
    'byVerdict',
    'byReason',
    'byList',
    'exact',
    'near',
    'notPictures',
    'skippedByKind',
    'bytes',
  ];
  return Object.fromEntries(names.map((name) => [name, summary[name]]));
}

export const readReport = (path: string) => readFileSync(path, 'utf8');
