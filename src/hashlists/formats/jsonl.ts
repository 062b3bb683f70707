/** Zeef's own exchange form: JSON lines of normalised entries. */
import type { ParsedRow } from '../../core/parsed-row.js';
import { splitLines } from '../lines.js';
import { MAPPED_FIELDS } from '../mapping.js';
import { normalise, type RawFields } from '../normalise.js';
import type { ListSource } from '../source.js';

/** Zeef's own: one normalised entry a line (`hashlists/entry.schema.json`). Unknown fields are passed over. */
export async function* parseJsonLines({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  for await (const { number, text } of splitLines(bytes)) {
    if (text !== null && text.trim() === '') continue;
    const fields = text === null ? null : jsonFields(text);
    if (fields) yield normalise(fields, number, options);
    else yield { ok: false, line: number, reason: text === null ? 'line_too_long' : 'malformed' };
  }
}

function jsonFields(text: string): RawFields | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || !('value' in parsed) || typeof parsed.value !== 'string')
    return null;
  const record = parsed as Record<string, unknown>;
  const texts = MAPPED_FIELDS.flatMap((field) =>
    typeof record[field] === 'string' || typeof record[field] === 'number' ? [[field, String(record[field])]] : [],
  );
  const tags = Array.isArray(record.tags) ? record.tags.filter((tag): tag is string => typeof tag === 'string') : [];
  return { ...Object.fromEntries(texts), value: parsed.value, tags };
}
