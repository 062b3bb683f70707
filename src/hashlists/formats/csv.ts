/** CSV with a header and named columns (RFC 4180, read leniently), or with fixed columns. */

import { type CsvError, parse } from 'csv-parse';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { HASHLIST_LINE_BYTES_MAX } from '../lines.js';
import { fieldsOf, type Mapping, OWN_MAPPING, type Plan, planOf, valueColumns } from '../mapping.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';

interface CsvRecord {
  readonly record: readonly string[];
  readonly line: number;
}

/** Yield records in batches, one for each piece of the source: a promise per record would cost as much as parsing. */
async function* records(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly CsvRecord[]> {
  const parser = parse({
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: HASHLIST_LINE_BYTES_MAX,
  });
  let failure: CsvError | null = null;
  parser.on('error', (error: CsvError) => {
    failure ??= error;
  });
  let batch: CsvRecord[] = [];
  const end = parser.push.bind(parser);
  // Records are taken from `push`: the option `info` copies a dozen counters with each, a third of the total time.
  parser.push = (record: readonly string[] | null) => {
    if (record === null) return end(null);
    batch.push({ record, line: parser.info.lines });
    return true;
  };
  const ready = (): CsvRecord[] => {
    const records = batch;
    batch = [];
    return records;
  };
  const check = async () => {
    // The parser emits an error in the next turn of the event loop.
    await new Promise(setImmediate);
    if (failure === null) return;
    const line = Number((failure as { lines?: unknown }).lines ?? 0);
    // Without the cause, which holds the record: it may be a value.
    throw new AppError('HASHLIST_INVALID', { line, why: failure.code ?? 'invalid CSV' });
  };
  try {
    for await (const piece of bytes) {
      parser.write(piece);
      yield ready();
      await check();
    }
    parser.end();
    await check();
    yield ready();
  } finally {
    parser.destroy();
  }
}

function header(columns: readonly string[], line: number, mapping: Mapping): readonly string[] {
  const wanted = valueColumns(mapping);
  if (wanted.some((column) => columns.includes(column))) return columns;
  // The columns found are only counted: without a header, or with another separator, they are values.
  throw new AppError('HASHLIST_INVALID', { line, missingColumn: wanted.join(' '), columns: columns.length });
}

/** Parse CSV with a header. Errors HASHLIST_INVALID: no header, or no mapped column for a value. */
export async function* parseCsv({ bytes, mapping = OWN_MAPPING, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  let plan: Plan<number> | null = null;
  for await (const batch of records(bytes)) {
    for (const { record, line } of batch) {
      if (plan === null) {
        const positions = new Map(header(record, line, mapping).map((column, position) => [column, position]));
        plan = planOf(mapping, (column) => positions.get(column));
        continue;
      }
      for (const fields of fieldsOf(plan, (position) => record[position])) yield normalise(fields, line, options);
    }
  }
  if (plan === null) throw new AppError('HASHLIST_INVALID', { line: 1, why: 'no header' });
}

/** Parse the cache of ThreatExchange's tools: `hash, first_descriptor_id, added_on, labels`. */
export async function* parseThreatExchangeCsv({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  for await (const batch of records(bytes)) {
    for (const { record, line } of batch) {
      const [value = '', entryId, updatedAt, labels = ''] = record;
      const tags = labels.split(/[\s,;|]+/).filter(Boolean);
      yield normalise({ value, entryId, updatedAt, tags }, line, options);
    }
  }
}
