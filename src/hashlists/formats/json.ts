/** JSON of any layout, by a mapping: records in an array at the top level, or at the path `records`. */
import type { ParsedRow } from '../../core/parsed-row.js';
import { fieldsOf, OWN_MEMBERS, planOf } from '../mapping.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';
import { asObject, asText, jsonRecords, scalarsOf } from './json-records.js';

/** Split `a.b.c` into a path inside a record. */
export const pathOf = (dotted: string): readonly string[] => dotted.split('.');

/** Return the text at a path inside a record; of a truth value its word, so that `deleted: true` is no active status. */
export function textAt(record: Readonly<Record<string, unknown>>, path: readonly string[]): string | undefined {
  let at: unknown = record;
  for (const name of path) at = asObject(at)?.[name];
  return typeof at === 'boolean' ? String(at) : asText(at);
}

/** Parse JSON by a mapping. Errors HASHLIST_INVALID, as `jsonRecords`. */
export async function* parseJson({ bytes, mapping = OWN_MEMBERS, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  const records = mapping.records === undefined ? '$.*' : `$.${mapping.records}.*`;
  const plan = planOf(mapping, pathOf);
  const mapped = new Set(Object.values(mapping));
  for await (const { number, value } of jsonRecords(bytes, [records])) {
    const record = asObject(value);
    if (!record) yield { ok: false, line: number, reason: 'malformed' };
    else {
      const notes = scalarsOf(record, mapped);
      for (const fields of fieldsOf(plan, (path) => textAt(record, path), { notes }))
        yield normalise(fields, number, options);
    }
  }
}
