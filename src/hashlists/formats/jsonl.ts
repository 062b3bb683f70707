/** JSON lines: Zeef's own exchange format, or any layout by a mapping. */
import type { ParsedRow } from '../../core/parsed-row.js';
import { splitLines } from '../lines.js';
import { fieldsOf, OWN_MAPPING, planOf } from '../mapping.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';
import { pathOf, textAt } from './json.js';
import { asObject } from './json-records.js';

/** Parse one entry a line: as in `hashlists/entry.schema.json`, or by a mapping. Unknown fields are ignored. */
export async function* parseJsonLines({
  bytes,
  mapping = OWN_MAPPING,
  ...options
}: ListSource): AsyncGenerator<ParsedRow> {
  const plan = planOf(mapping, pathOf);
  for await (const { number, text } of splitLines(bytes)) {
    if (text !== null && text.trim() === '') continue;
    const record = text === null ? null : parsed(text);
    if (!record) {
      yield { ok: false, line: number, reason: text === null ? 'line_too_long' : 'malformed' };
      continue;
    }
    const tags = Array.isArray(record.tags) ? record.tags.filter((tag): tag is string => typeof tag === 'string') : [];
    for (const fields of fieldsOf(plan, (path) => textAt(record, path))) {
      yield normalise(tags.length > 0 ? { ...fields, tags } : fields, number, options);
    }
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}
