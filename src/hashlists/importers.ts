/**
 * Hash lists as bytes → rows, streaming: a list may be larger than memory. Every row comes out, accepted or rejected
 * with its line and reason; only a file that cannot be such a list at all is an error.
 */
import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { AppError } from '../core/errors.js';
import { HASHLIST_LINE_BYTES_MAX } from '../core/limits.js';
import type { ParsedRow } from '../core/parsed-row.js';
import type { Algorithm, ListInfo } from '../core/vocabulary.js';
import { splitLines } from './lines.js';
import { MAPPED_FIELDS, type Mapping, OWN_MAPPING } from './mapping.js';
import { normalise, type RawFields } from './normalise.js';

export const HASHLIST_FORMATS = ['plain', 'csv', 'jsonl'] as const;
export type HashlistFormat = (typeof HASHLIST_FORMATS)[number];

export interface ImportOptions {
  readonly format: HashlistFormat;
  readonly kind: ListInfo['kind'];
  /** Of rows that name none. */
  readonly assumed?: Algorithm | undefined;
  /** CSV only; by default each field has its own name as column. */
  readonly mapping?: Mapping | undefined;
}

/** By the name's suffix; plain where it says nothing. */
export function formatOf(fileName: string): HashlistFormat {
  if (/\.csv$/i.test(fileName)) return 'csv';
  return /\.(jsonl|ndjson)$/i.test(fileName) ? 'jsonl' : 'plain';
}

export function parseHashList(source: AsyncIterable<Uint8Array>, options: ImportOptions): AsyncGenerator<ParsedRow> {
  if (options.format === 'csv') return parseCsv(source, options);
  return options.format === 'jsonl' ? parseJsonLines(source, options) : parsePlain(source, options);
}

/** One value a line, or `algorithm value`; blank lines and lines that begin with # are passed over. */
async function* parsePlain(source: AsyncIterable<Uint8Array>, options: ImportOptions): AsyncGenerator<ParsedRow> {
  for await (const { number, text } of splitLines(source)) {
    if (text === null) {
      yield { ok: false, line: number, reason: 'line_too_long' };
      continue;
    }
    const words = text.trim().split(/\s+/);
    if (words[0] === '' || words[0]!.startsWith('#')) continue;
    if (words.length > 2) yield { ok: false, line: number, reason: 'malformed' };
    else
      yield normalise({ value: words.at(-1)!, algorithm: words.length === 2 ? words[0] : undefined }, number, options);
  }
}

/** Errors HASHLIST_INVALID: no header, or no column of the mapped name for the value. */
async function* parseCsv(source: AsyncIterable<Uint8Array>, options: ImportOptions): AsyncGenerator<ParsedRow> {
  const mapping = options.mapping ?? OWN_MAPPING;
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
  pipeline(Readable.from(source), parser, () => {});
  let columns: readonly string[] | null = null;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (columns === null) {
        columns = record;
        const wanted = mapping.value ?? 'value';
        if (!columns.includes(wanted)) {
          throw new AppError('HASHLIST_INVALID', {
            line: info.lines,
            missingColumn: wanted,
            columns: columns.join(' ').slice(0, 200),
          });
        }
        continue;
      }
      yield normalise(fieldsOf(record, columns, mapping), info.lines, options);
    }
  } catch (error) {
    // The source's own failures pass: a disk that fails is not a list that is wrong.
    if (!(error instanceof CsvError)) throw error;
    const line = Number((error as { lines?: unknown }).lines ?? 0);
    throw new AppError('HASHLIST_INVALID', { line, why: (error as { code?: string }).code ?? 'not CSV' }, error);
  }
  if (columns === null) throw new AppError('HASHLIST_INVALID', { line: 1, why: 'there is no header' });
}

function fieldsOf(record: readonly string[], columns: readonly string[], mapping: Mapping): RawFields {
  const fields: Record<string, string> = { value: '' };
  for (const field of MAPPED_FIELDS) {
    const at = mapping[field] === undefined ? -1 : columns.indexOf(mapping[field]);
    if (at >= 0 && record[at] !== undefined) fields[field] = record[at];
  }
  return fields as unknown as RawFields;
}

/** Zeef's own: one normalised entry a line (`hashlists/entry.schema.json`). Unknown fields are passed over. */
async function* parseJsonLines(source: AsyncIterable<Uint8Array>, options: ImportOptions): AsyncGenerator<ParsedRow> {
  for await (const { number, text } of splitLines(source)) {
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
