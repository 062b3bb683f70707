/** The rows of a list that is given as text. */
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { type HashlistFormat, parseHashList } from '../../src/hashlists/importers.js';
import type { ListSource } from '../../src/hashlists/source.js';

/** Parse a text as one piece; a match list, unless the options say otherwise. */
export async function parsedRows(
  format: HashlistFormat,
  text: string,
  options: Partial<ListSource> = {},
): Promise<ParsedRow[]> {
  const rows: ParsedRow[] = [];
  const bytes = (async function* () {
    yield Buffer.from(text);
  })();
  for await (const row of parseHashList(format, { bytes, kind: 'match', ...options })) rows.push(row);
  return rows;
}
