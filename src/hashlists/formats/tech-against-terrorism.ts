/** Tech Against Terrorism: pages of JSON with a checkpoint; deleted entries are marked. */
import type { ParsedRow } from '../../core/parsed-row.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';
import { asObject, asText, fromUnixSeconds, isSet, jsonRecords, scalarsOf } from './json-records.js';

/** Members that have a field. */
const MAPPED = new Set(['id', 'hash_digest', 'algorithm', 'ideology', 'file_type', 'updated_on', 'deleted']);

export async function* parseTechAgainstTerrorism({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  for await (const { number, value } of jsonRecords(bytes, ['$.results.*'])) {
    const fields = asObject(value);
    if (!fields) {
      yield { ok: false, line: number, reason: 'malformed' };
      continue;
    }
    yield normalise(
      {
        value: asText(fields.hash_digest) ?? '',
        algorithm: asText(fields.algorithm),
        entryId: asText(fields.id),
        status: isSet(fields.deleted) ? 'deleted' : 'active',
        category: asText(fields.ideology),
        source: 'Tech Against Terrorism',
        mediaType: asText(fields.file_type),
        updatedAt: fromUnixSeconds(fields.updated_on),
        notes: scalarsOf(fields, MAPPED),
      },
      number,
      options,
    );
  }
}
