/** StopNCII: pages of JSON; only active hashes match, and a later record of the same hash replaces an earlier one. */
import type { ParsedRow } from '../../core/parsed-row.js';
import { algorithmNamed, normalise } from '../normalise.js';
import type { ListSource } from '../source.js';
import { asObject, asText, fromUnixSeconds, jsonRecords } from './json-records.js';

/** Return the case number, if there is one; otherwise the store makes an id that does not reveal the hash. */
const idOf = (record: Readonly<Record<string, unknown>>): string | undefined =>
  Object.keys(asObject(record.caseNumbers) ?? {})[0];

export async function* parseStopNcii({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  for await (const { number, value: record } of jsonRecords(bytes, ['$.hashRecords.*'])) {
    const fields = asObject(record);
    const value = asText(fields?.hashValue);
    const type = asText(fields?.signalType);
    if (!fields || value === undefined || type === undefined) {
      yield { ok: false, line: number, reason: 'malformed' };
      continue;
    }
    const row = normalise(
      {
        value,
        algorithm: type,
        entryId: idOf(fields),
        source: 'StopNCII',
        updatedAt: fromUnixSeconds(fields.lastModtimestamp),
        status: asText(fields.hashStatus) ?? 'Unknown',
      },
      number,
      options,
    );
    const algorithm = algorithmNamed(type);
    const isGone = !row.ok && row.reason === 'not_active' && algorithm !== null;
    yield isGone ? { ...row, gone: { algorithm, value: value.toLowerCase() } } : row;
  }
}
