/** JSON lines: Zeef's own exchange format, what `zeef hash --json` prints, or any layout by a mapping. */
import type { ParsedRow } from '../../core/parsed-row.js';
import { DIGEST_ALGORITHMS } from '../../core/vocabulary.js';
import { splitLines } from '../lines.js';
import { fieldsOf, OWN_MEMBERS, planOf } from '../mapping.js';
import { normalise, type RawFields } from '../normalise.js';
import type { ListSource } from '../source.js';
import { pathOf, textAt } from './json.js';
import { asObject, asText, scalarsOf } from './json-records.js';

type Fields = Readonly<Record<string, unknown>>;

/** Parse one entry a line: as in `hashlists/entry.schema.json`, as `zeef hash` prints it, or by a mapping. */
export async function* parseJsonLines({ bytes, mapping, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  const plan = planOf(mapping ?? OWN_MEMBERS, pathOf);
  const mapped = new Set(Object.values(mapping ?? OWN_MEMBERS));
  for await (const { number, text } of splitLines(bytes)) {
    if (text !== null && text.trim() === '') continue;
    const record = text === null ? null : parsed(text);
    if (!record) {
      yield { ok: false, line: number, reason: text === null ? 'line_too_long' : 'malformed' };
      continue;
    }
    if (mapping === undefined && record.value === undefined && asObject(record.digests) !== null) {
      for (const fields of hashedFile(record)) yield normalise(fields, number, options);
      continue;
    }
    const tags = Array.isArray(record.tags) ? record.tags.filter((tag): tag is string => typeof tag === 'string') : [];
    const notes = mapping === undefined ? scalarsOf(asObject(record.notes) ?? {}, NOTHING) : scalarsOf(record, mapped);
    for (const fields of fieldsOf(plan, (path) => textAt(record, path), { notes, tags }))
      yield normalise(fields, number, options);
  }
}

const NOTHING: ReadonlySet<string> = new Set();

/** The values of a file that `zeef hash --json` printed: those that `zeef lists add` takes of an image. */
function hashedFile(record: Fields): RawFields[] {
  const path = asText(record.path);
  const about = path === undefined ? {} : { notes: { path } };
  const digests = asObject(record.digests) ?? {};
  const found = DIGEST_ALGORITHMS.flatMap((algorithm): RawFields[] => {
    const value = asText(digests[algorithm]);
    return value === undefined ? [] : [{ ...about, algorithm, value }];
  });
  for (const name of ['pdq', 'pdqFull']) {
    const pdq = asObject(record[name]);
    const value = asText(pdq?.hash);
    if (value !== undefined) found.push({ ...about, algorithm: 'pdq', value, quality: asText(pdq?.quality) });
  }
  return found;
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}
