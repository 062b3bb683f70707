/**
 * CSV with a header and named columns, or with fixed columns: by RFC 4180, read leniently, line by line. A stray quote swallows
 * the rows up to the next one by that grammar; here a field has a few lines at most, and none that is a row itself. Rows that
 * a quote would have swallowed are read one by one, and the line is reported: the review holds such a version.
 */
import { parse } from 'csv-parse/sync';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { splitLines } from '../lines.js';
import { fieldsOf, type Mapping, OWN_MAPPING, type Plan, planOf, valueColumns } from '../mapping.js';
import { algorithmNamed, normalise, type RawFields } from '../normalise.js';
import type { ListSource } from '../source.js';

/** Lines of one record: a remark of several lines; not rows. */
export const CSV_RECORD_LINES_MAX = 8;

const SEPARATORS = [',', ';', '\t', '|'] as const;
type Separator = (typeof SEPARATORS)[number];

interface Line {
  readonly number: number;
  readonly text: string;
}

interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
  /** A quote in this line opens a field that would swallow rows. */
  readonly isStray?: true;
}

/** Return whether a text ends within a quoted field. A quote in the middle of a field is a character. */
function isOpenAt(text: string, delimiter: Separator): boolean {
  if (!text.includes('"')) return false;
  let at = 0;
  while (at < text.length) {
    while (text[at] === ' ') at++;
    if (text[at] === '"') {
      let end = text.indexOf('"', at + 1);
      while (end !== -1 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
      if (end === -1) return true;
      at = end + 1;
    }
    const next = text.indexOf(delimiter, at);
    if (next === -1) return false;
    at = next + 1;
  }
  return false;
}

/** Return the cells of one whole record; null where its quotes are no CSV. */
function cellsOf(text: string, delimiter: Separator): readonly string[] | null {
  if (!text.includes('"')) return text.split(delimiter).map((cell) => cell.trim());
  try {
    const records = parse(text, { delimiter, relax_column_count: true, relax_quotes: true, trim: true }) as string[][];
    return records.length === 1 ? records[0]! : null;
  } catch {
    return null;
  }
}

/** Cells of a line in which a quote means nothing. */
const plainCells = (text: string, delimiter: Separator) =>
  text.split(delimiter).map((cell) => cell.trim().replace(/^"+|"+$/g, ''));

/** Joins lines to records. `isRow`: whether a line that a field would contain is a row itself. */
class Records {
  readonly #delimiter: Separator;
  readonly #isRow: (cells: readonly string[]) => boolean;
  #open: Line[] = [];

  constructor(delimiter: Separator, isRow: (cells: readonly string[]) => boolean) {
    this.#delimiter = delimiter;
    this.#isRow = isRow;
  }

  *next(line: Line): Generator<CsvRecord> {
    if (this.#open.length === 0 && line.text.trim() === '') return;
    if (this.#open.length > 0 && this.#isRow(plainCells(line.text, this.#delimiter))) yield* this.#oneByOne();
    this.#open.push(line);
    const text = this.#open.map((one) => one.text).join('\n');
    if (isOpenAt(text, this.#delimiter)) {
      if (this.#open.length >= CSV_RECORD_LINES_MAX) yield* this.#oneByOne();
      return;
    }
    const cells = cellsOf(text, this.#delimiter);
    const [first] = this.#open;
    if (cells === null) yield* this.#oneByOne();
    else {
      this.#open = [];
      yield { line: first!.number, cells };
    }
  }

  *end(): Generator<CsvRecord> {
    if (this.#open.length > 0) yield* this.#oneByOne();
  }

  *#oneByOne(): Generator<CsvRecord> {
    const lines = this.#open;
    this.#open = [];
    for (const [at, { number, text }] of lines.entries()) {
      const cells = plainCells(text, this.#delimiter);
      yield { line: number, cells, ...(at === 0 ? { isStray: true } : {}) };
    }
  }
}

/** Compare names of columns as people write them: `SHA-256`, `sha_256` and `Sha 256` are one. */
const plainName = (name: string) => name.toLowerCase().replace(/[\s_-]+/g, '');

/** A header resolved to positions: those of fields, and those of columns without a field, which become notes. */
interface Layout {
  readonly delimiter: Separator;
  readonly plan: Plan<number>;
  readonly notes: readonly (readonly [string, number])[];
  readonly columns: number;
}

/** Where no mapping is given, columns with the names of fields and of algorithms are read. */
function mappingOf(columns: readonly string[], mapping: Mapping | undefined): Mapping {
  if (mapping !== undefined) return mapping;
  const found: Record<string, string> = {};
  for (const column of columns) {
    const field = Object.keys(OWN_MAPPING).find((one) => plainName(one) === plainName(column));
    const algorithm = algorithmNamed(column) ?? algorithmNamed(plainName(column));
    const name = field ?? algorithm;
    if (name !== null && name !== undefined) found[name] ??= column;
  }
  return found;
}

function layoutOf(text: string, delimiter: Separator, mapping: Mapping | undefined): Layout | null {
  const columns = cellsOf(text, delimiter);
  if (columns === null) return null;
  const used = mappingOf(columns, mapping);
  const place = (column: string) => {
    const exact = columns.indexOf(column);
    const at = exact === -1 ? columns.findIndex((one) => plainName(one) === plainName(column)) : exact;
    return at === -1 ? undefined : at;
  };
  if (!valueColumns(used).some((column) => place(column) !== undefined)) return null;
  const plan = planOf(used, place);
  const taken = new Set([...plan.fields, ...plan.values].map(([, at]) => at));
  const notes = columns.flatMap((column, at): [string, number][] =>
    taken.has(at) || column === '' ? [] : [[column, at]],
  );
  return { delimiter, plan, notes, columns: columns.length };
}

/** Errors HASHLIST_INVALID: by no separator does the header have a column of values. */
function headerOf({ text, number: line }: Line, mapping: Mapping | undefined): Layout {
  for (const delimiter of SEPARATORS) {
    const layout = layoutOf(text, delimiter, mapping);
    if (layout !== null) return layout;
  }
  const missingColumn = mapping === undefined ? 'value' : valueColumns(mapping).join(' ');
  // The columns found are only counted: without a header they are values.
  throw new AppError('HASHLIST_INVALID', { line, missingColumn, columns: cellsOf(text, ',')?.length ?? 0 });
}

const notesOf = ({ notes }: Layout, cells: readonly string[]): Pick<RawFields, 'notes'> => {
  if (notes.length === 0) return {};
  return { notes: Object.fromEntries(notes.map(([name, at]) => [name, cells[at] ?? ''])) };
};

type Options = Omit<ListSource, 'bytes' | 'mapping'>;

function* rowsOf(record: CsvRecord, layout: Layout, options: Options): Generator<ParsedRow> {
  const { line, cells, isStray } = record;
  const isJoined = cells.length > layout.columns && cells.slice(layout.columns).some(isValueLike);
  if (isStray || isJoined) yield { ok: false, line, reason: 'swallowed_lines' };
  const notes = notesOf(layout, cells);
  for (const fields of fieldsOf(layout.plan, (position) => cells[position]))
    yield normalise({ ...fields, ...notes }, line, options);
}

/** Digits of a digest or a hash, in a column of its own. */
const isValueLike = (cell: string) => /^[0-9a-f]{32,288}$/i.test(cell);

/** Parse CSV with a header. Errors HASHLIST_INVALID: no header, or no mapped column for a value. */
export async function* parseCsv({ bytes, mapping, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  let layout: Layout | null = null;
  let records: Records | null = null;
  for await (const { number, text } of splitLines(bytes)) {
    if (text === null) {
      yield { ok: false, line: number, reason: 'line_too_long' };
      continue;
    }
    if (layout === null || records === null) {
      if (text.trim() === '') continue;
      layout = headerOf({ number, text }, mapping);
      const { columns, plan } = layout;
      if (layout.delimiter !== ',') options.onSeparator?.(layout.delimiter);
      const values = [...plan.values, ...plan.fields.filter(([field]) => field === 'value')].map(([, at]) => at);
      records = new Records(
        layout.delimiter,
        (cells) => cells.length >= columns && values.some((at) => isValueLike(cells[at] ?? '')),
      );
      continue;
    }
    for (const record of records.next({ number, text })) yield* rowsOf(record, layout, options);
  }
  if (layout === null || records === null) throw new AppError('HASHLIST_INVALID', { line: 1, why: 'no header' });
  for (const record of records.end()) yield* rowsOf(record, layout, options);
}

/** Parse the cache of ThreatExchange's tools: `hash, first_descriptor_id, added_on, labels`. */
export async function* parseThreatExchangeCsv({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  const records = new Records(',', ([value = '']) => isValueLike(value));
  const rows = function* ({ line, cells, isStray }: CsvRecord): Generator<ParsedRow> {
    if (isStray) yield { ok: false, line, reason: 'swallowed_lines' };
    const [value = '', entryId, updatedAt, labels = ''] = cells;
    const tags = labels.split(/[\s,;|]+/).filter(Boolean);
    yield normalise({ value, entryId, updatedAt, tags }, line, options);
  };
  for await (const { number, text } of splitLines(bytes)) {
    if (text === null) yield { ok: false, line: number, reason: 'line_too_long' };
    else for (const record of records.next({ number, text })) yield* rows(record);
  }
  for (const record of records.end()) yield* rows(record);
}
