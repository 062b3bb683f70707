/**
 * Hash lists as bytes → rows, streamed: a list may be larger than memory. Every row is returned, accepted, or rejected with
 * its line or record and the reason; only a file that is not a list of its format is an error.
 */
import { AppError } from '../core/errors.js';
import type { ParsedRow } from '../core/parsed-row.js';
import { asUtf8 } from './encoding.js';
import { parseCsv, parseThreatExchangeCsv } from './formats/csv.js';
import { parseHma } from './formats/hma.js';
import { parseJson } from './formats/json.js';
import { parseJsonLines } from './formats/jsonl.js';
import { parseNcmec } from './formats/ncmec.js';
import { parseNsrl } from './formats/nsrl.js';
import { parsePlain } from './formats/plain.js';
import { parseStopNcii } from './formats/stopncii.js';
import { parseTechAgainstTerrorism } from './formats/tech-against-terrorism.js';
import { parseThreatExchange } from './formats/threatexchange.js';
import { parseVics } from './formats/vics.js';
import type { ListSource } from './source.js';

/** Format → its parser. Errors of each: HASHLIST_INVALID, and the errors of reading the bytes. */
const PARSERS = {
  plain: parsePlain,
  csv: parseCsv,
  jsonl: parseJsonLines,
  json: parseJson,
  ncmec: parseNcmec,
  vics: parseVics,
  stopncii: parseStopNcii,
  threatexchange: parseThreatExchange,
  'threatexchange-csv': parseThreatExchangeCsv,
  'tech-against-terrorism': parseTechAgainstTerrorism,
  nsrl: parseNsrl,
  hma: parseHma,
} as const satisfies Record<string, (source: ListSource) => AsyncGenerator<ParsedRow>>;

export type HashlistFormat = keyof typeof PARSERS;

/** Formats whose columns have names of the publisher's choice. */
const MAPPED: readonly HashlistFormat[] = ['csv', 'json', 'jsonl'];

/** Require that a format reads what is said about it: what is passed over would look as if it held. Errors REQUEST_INVALID. */
export function requireMeaning(
  format: HashlistFormat,
  { bank, map }: { readonly bank?: string | undefined; readonly map?: unknown },
): void {
  const got = `format ${format}`;
  if (bank !== undefined && format !== 'hma')
    throw new AppError('REQUEST_INVALID', { field: 'bank', got, expected: 'format hma' });
  if (map !== undefined && !MAPPED.includes(format))
    throw new AppError('REQUEST_INVALID', { field: 'map', got, expected: `format ${MAPPED.join(', ')}` });
}
export const HASHLIST_FORMATS = Object.keys(PARSERS) as readonly HashlistFormat[];

/** Return the format of a file suffix, by default plain. JSON and XML have several formats and must be named. */
export function formatOf(fileName: string): HashlistFormat {
  if (/\.csv$/i.test(fileName)) return 'csv';
  return /\.(jsonl|ndjson)$/i.test(fileName) ? 'jsonl' : 'plain';
}

export function parseHashList(format: HashlistFormat, source: ListSource): AsyncGenerator<ParsedRow> {
  // A database has no encoding.
  if (format === 'nsrl') return PARSERS.nsrl(source);
  return PARSERS[format]({ ...source, bytes: asUtf8(source.bytes) });
}
