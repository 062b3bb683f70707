/** JSON of any layout, by a mapping: records in an array at the top, or where the mapping says. */
import type { ParsedRow } from '../../core/parsed-row.js';
import { fieldsOf, OWN_MAPPING } from '../mapping.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';
import { asObject, asText, jsonRecords } from './json-records.js';

/** The text at a dotted path inside a record. */
export function textAt(record: Readonly<Record<string, unknown>>, path: string): string | undefined {
  let at: unknown = record;
  for (const name of path.split('.')) at = asObject(at)?.[name];
  return asText(at);
}

/** Errors HASHLIST_INVALID, as `jsonRecords`. */
export async function* parseJson({ bytes, mapping = OWN_MAPPING, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  const records = mapping.records === undefined ? '$.*' : `$.${mapping.records}.*`;
  for await (const { number, value } of jsonRecords(bytes, [records])) {
    const record = asObject(value);
    if (!record) yield { ok: false, line: number, reason: 'malformed' };
    else
      for (const fields of fieldsOf((path) => textAt(record, path), mapping)) yield normalise(fields, number, options);
  }
}
