/**
 * StopNCII: pages of JSON. A record is the state of one hash: a later one replaces it, and only an active one matches. The numbers
 * of its cases, with their states, are notes: a hash can be of several.
 */
import type { ParsedRow } from '../../core/parsed-row.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';
import { asObject, asText, fromUnixSeconds, jsonRecords, scalarsOf } from './json-records.js';

/** Members that have a field, or are of other providers. */
const MAPPED = new Set(['hashValue', 'signalType', 'lastModtimestamp', 'hashStatus']);

export async function* parseStopNcii({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  for await (const { number, value: record } of jsonRecords(bytes, ['$.hashRecords.*'])) {
    const fields = asObject(record);
    const value = asText(fields?.hashValue);
    const type = asText(fields?.signalType);
    const status = asText(fields?.hashStatus);
    const updatedAt = fromUnixSeconds(fields?.lastModtimestamp);
    // Without its state or its time, it says nothing that could be put in order with other records.
    if (!fields || value === undefined || type === undefined || !status || updatedAt === undefined) {
      yield { ok: false, line: number, reason: 'malformed' };
      continue;
    }
    const cases = Object.entries(asObject(fields.caseNumbers) ?? {}).map(
      ([name, state]) => `${name} ${asText(state) ?? ''}`,
    );
    yield normalise(
      {
        value,
        algorithm: type,
        source: 'StopNCII',
        updatedAt,
        status,
        notes: { ...scalarsOf(fields, MAPPED), ...(cases.length > 0 ? { caseNumbers: cases.join(', ') } : {}) },
      },
      number,
      options,
    );
  }
}
