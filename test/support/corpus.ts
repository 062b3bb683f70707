/**
 * The test corpus: a folder with `corpus/` (photographs, odd and hostile files, MANIFEST.csv) and `vectors/`
 * (reference hashes), named by ZEEF_CORPUS. It is not part of the project; tests on it announce when it is absent.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { orLeftOut } from './left-out.js';

const corpusRoot = process.env.ZEEF_CORPUS;

export const hasCorpus = orLeftOut(corpusRoot !== undefined, 'ZEEF_CORPUS is not set', 'tests on the corpus');

export function corpusPath(...path: string[]): string {
  return join(corpusRoot ?? '', ...path);
}

/** Return the rows of a CSV file with a header. */
export function readCsv(path: string): Record<string, string>[] {
  return parse(readFileSync(path, 'utf8'), { columns: true }) as Record<string, string>[];
}
