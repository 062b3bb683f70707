/** CSV with a header and named columns (RFC 4180, read leniently), or with columns that the format fixes. */
import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { AppError } from '../../core/errors.js';
import { HASHLIST_LINE_BYTES_MAX } from '../../core/limits.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { MAPPED_FIELDS, type Mapping, OWN_MAPPING } from '../mapping.js';
import { normalise, type RawFields } from '../normalise.js';
import type { ListSource } from '../source.js';

/** Columns of the ThreatExchange cache, which has no header; its labels are tags. */
const THREATEXCHANGE_COLUMNS = ['value', 'entryId', 'updatedAt', 'tags'] as const;

async function* records(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<{ record: string[]; line: number }> {
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: HASHLIST_LINE_BYTES_MAX,
  });
  // Unlike `pipe`, carries a failure of the source to the loop below, and an early end of the loop to the source.
  pipeline(Readable.from(bytes), parser, () => {});
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      yield { record, line: info.lines };
    }
  } catch (error) {
    // The source's own failures pass: a disk that fails is not a list that is wrong.
    if (!(error instanceof CsvError)) throw error;
    const line = Number((error as { lines?: unknown }).lines ?? 0);
    throw new AppError('HASHLIST_INVALID', { line, why: (error as { code?: string }).code ?? 'not CSV' }, error);
  }
}

/** Errors HASHLIST_INVALID: no header, or no column of the mapped name for the value. */
export async function* parseCsv({ bytes, mapping = OWN_MAPPING, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  let columns: readonly string[] | null = null;
  for await (const { record, line } of records(bytes)) {
    if (columns !== null) {
      yield normalise(fieldsOf(record, columns, mapping), line, options);
      continue;
    }
    columns = record;
    const wanted = mapping.value ?? 'value';
    if (!columns.includes(wanted)) {
      const said = columns.join(' ').slice(0, 200);
      throw new AppError('HASHLIST_INVALID', { line, missingColumn: wanted, columns: said });
    }
  }
  if (columns === null) throw new AppError('HASHLIST_INVALID', { line: 1, why: 'there is no header' });
}

/** The cache that ThreatExchange's tools keep: `hash, first_descriptor_id, added_on, labels`. */
export async function* parseThreatExchangeCsv({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  for await (const { record, line } of records(bytes)) {
    const fields = Object.fromEntries(THREATEXCHANGE_COLUMNS.map((name, at) => [name, record[at] ?? '']));
    const tags = (fields.tags ?? '').split(/[\s,;|]+/).filter(Boolean);
    yield normalise({ ...fields, value: fields.value ?? '', tags }, line, options);
  }
}

function fieldsOf(record: readonly string[], columns: readonly string[], mapping: Mapping): RawFields {
  const fields: Record<string, string> = { value: '' };
  for (const field of MAPPED_FIELDS) {
    const at = mapping[field] === undefined ? -1 : columns.indexOf(mapping[field]);
    if (at >= 0 && record[at] !== undefined) fields[field] = record[at];
  }
  return fields as unknown as RawFields;
}
