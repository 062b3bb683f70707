/** CSV with a header and named columns, or with fixed columns; the separator is known by the header. */
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { splitLines } from '../lines.js';
import { fieldsOf, type Mapping, OWN_MAPPING, type Plan, planOf, valueColumns } from '../mapping.js';
import { algorithmNamed, normalise, type RawFields } from '../normalise.js';
import type { ListSource } from '../source.js';
import { CsvLines, type CsvRow, readCsvLine, SEPARATORS, type Separator, type Values } from './csv-lines.js';

/** Compare names of columns as people write them: `SHA-256`, `sha_256` and `Sha 256` are one. A stray quote is in no name. */
const plainName = (name: string) => name.toLowerCase().replace(/[\s"_-]+/g, '');

/** A header resolved to positions: those of fields, and those of columns without a field, which become notes. */
interface Layout {
  readonly delimiter: Separator;
  readonly plan: Plan<number>;
  readonly notes: readonly (readonly [string, number])[];
  readonly columns: readonly string[];
  /** All quotes of the header are in their places. */
  readonly isClean: boolean;
}

/** Where no mapping is given, columns with the names of fields and of algorithms are read. */
function mappingOf(columns: readonly string[], mapping: Mapping | undefined): Mapping {
  if (mapping !== undefined) return mapping;
  const found: Record<string, string> = {};
  for (const column of columns) {
    const field = Object.keys(OWN_MAPPING).find((one) => plainName(one) === plainName(column));
    const algorithm = algorithmNamed(plainName(column));
    const name = field ?? algorithm;
    if (name !== null && name !== undefined) found[name] ??= column;
  }
  return found;
}

function layoutOf(text: string, delimiter: Separator, mapping: Mapping | undefined): Layout | null {
  const { fields, isClean } = readCsvLine(text, delimiter);
  const columns = fields.map((name) => name.trim());
  const used = mappingOf(columns, mapping);
  const place = (column: string) => {
    const exact = columns.indexOf(column);
    const at = exact === -1 ? columns.findIndex((one) => plainName(one) === plainName(column)) : exact;
    return at === -1 ? undefined : at;
  };
  if (!valueColumns(used).some((column) => place(column) !== undefined)) return null;
  const plan = planOf(used, place);
  const taken = new Set([...Object.values(plan.fields), ...plan.values.map(([, at]) => at)]);
  const notes = columns.flatMap((column, at): [string, number][] =>
    taken.has(at) || column === '' ? [] : [[column, at]],
  );
  return { delimiter, plan, notes, columns, isClean };
}

/** Errors HASHLIST_INVALID: by no separator does the header have a column of values. */
function headerOf(text: string, line: number, mapping: Mapping | undefined): Layout {
  for (const delimiter of SEPARATORS) {
    const layout = layoutOf(text, delimiter, mapping);
    if (layout !== null) return layout;
  }
  const missingColumn = mapping === undefined ? 'value' : valueColumns(mapping).join(' ');
  // The columns found are only counted: without a header they are values.
  throw new AppError('HASHLIST_INVALID', { line, missingColumn, columns: text.split(',').length });
}

/** Where the values of a row are. */
const placesOf = ({ fields, values }: Plan<number>): readonly number[] =>
  [...values.map(([, at]) => at), fields.value].filter((at) => at !== undefined);

const notesOf = ({ notes }: Layout, cells: readonly string[]): Pick<RawFields, 'notes'> => {
  if (notes.length === 0) return {};
  return { notes: Object.fromEntries(notes.map(([name, at]) => [name, cells[at] ?? ''])) };
};

type Options = Omit<ListSource, 'bytes' | 'mapping'>;

/** A value in a column of its own: digits, or base64 of sixteen bytes and more. */
const VALUE_LIKE = /^(?:[0-9a-f]{32,288}|[A-Za-z0-9+/_-]{22,192}={0,2})$/i;
/** Digits of a digest or a hash. */
const DIGITS = /^[0-9a-f]{32,288}$/i;

function valuesIn(given: readonly (string | undefined)[]): Values {
  const filled = given.flatMap((cell) => cell?.trim() || []);
  const found = filled.filter((cell) => VALUE_LIKE.test(cell)).length;
  return found === 0 ? 'none' : found === filled.length ? 'only' : 'some';
}

/** Two rows may be joined in one, or two fields by quotes that are not in their places: a value may be in no column then. */
function isUneven({ fields, isClean }: Extract<CsvRow, { ok: true }>, { columns, delimiter }: Layout): boolean {
  if (fields.length > columns.length) return fields.slice(columns.length).some((cell) => DIGITS.test(cell.trim()));
  if (fields.length === columns.length || isClean === null) return false;
  return !isClean || fields.some((cell) => cell.includes(delimiter));
}

function rowsOf(row: CsvRow, layout: Layout, options: Options): readonly ParsedRow[] {
  if (!row.ok) return [row];
  const { line, fields } = row;
  // Files that were put together repeat the header.
  if (fields.length === layout.columns.length && fields.every((cell, at) => cell.trim() === layout.columns[at]))
    return [];
  const named = fieldsOf(layout.plan, (at) => fields[at], notesOf(layout, fields));
  const rows = named.map((raw) => normalise(raw, line, options));
  return isUneven(row, layout) ? [{ ok: false, line, reason: 'swallowed_lines' }, ...rows] : rows;
}

/**
 * Parse CSV with a header. No `yield*`: of rows that are there it makes promises, and takes longer than reading them.
 *
 * Errors HASHLIST_INVALID: no header, or no mapped column for a value.
 */
export async function* parseCsv({ bytes, mapping, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  let layout: Layout | null = null;
  let lines: CsvLines | null = null;
  for await (const line of splitLines(bytes)) {
    if (layout !== null && lines !== null) {
      for (const row of lines.take(line)) for (const parsed of rowsOf(row, layout, options)) yield parsed;
    } else if (line.text?.trim() !== '') {
      layout = headerOf(line.text ?? '', line.number, mapping);
      const { delimiter, columns, plan, isClean } = layout;
      if (delimiter !== ',') options.onSeparator?.(delimiter);
      if (!isClean) yield { ok: false, line: line.number, reason: 'swallowed_lines' };
      const values = placesOf(plan);
      lines = new CsvLines(delimiter, columns.length, (fields) => valuesIn(values.map((at) => fields[at])));
    }
  }
  if (layout === null || lines === null) throw new AppError('HASHLIST_INVALID', { line: 1, why: 'no header' });
  for (const row of lines.end()) for (const parsed of rowsOf(row, layout, options)) yield parsed;
}

/** Fields of a row of the cache. */
const CACHE_COLUMNS = 4;

/** Parse the cache of ThreatExchange's tools: `hash, first_descriptor_id, added_on, labels`. */
export async function* parseThreatExchangeCsv({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  const lines = new CsvLines(',', CACHE_COLUMNS, ([value]) => valuesIn([value]));
  const rowOf = (row: CsvRow): ParsedRow => {
    if (!row.ok) return row;
    const [value = '', entryId, updatedAt, labels = ''] = row.fields;
    const tags = labels.split(/[\s,;|]+/).filter(Boolean);
    return normalise({ value, entryId, updatedAt, tags }, row.line, options);
  };
  for await (const line of splitLines(bytes)) for (const row of lines.take(line)) yield rowOf(row);
  for (const row of lines.end()) yield rowOf(row);
}
