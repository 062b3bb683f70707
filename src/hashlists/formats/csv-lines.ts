/**
 * Lines of CSV → rows. On one line, quotes are read leniently. A stray quote opens a field that swallows the rows up to the next one,
 * so a field with line breaks is read by RFC 4180 alone, and only where none of its lines is a row. Otherwise the quote is a
 * character, each line is read by itself, and the first is named. Pure: lines in, rows out.
 */
import { HASHLIST_LINE_BYTES_MAX, type Line } from '../lines.js';

export const SEPARATORS = [',', ';', '\t', '|'] as const;
export type Separator = (typeof SEPARATORS)[number];

/** Lines of one row: a remark of several lines; not rows. */
export const CSV_ROW_LINES_MAX = 8;

export type CsvRow =
  | {
      readonly ok: true;
      /** Its first line. */
      readonly line: number;
      readonly fields: readonly string[];
      /** With quotes, whether they stand at the edges of fields alone; null without quotes. */
      readonly isClean: boolean | null;
    }
  | { readonly ok: false; readonly line: number; readonly reason: 'swallowed_lines' | 'line_too_long' };

/** What the columns of values hold: something that is no value, or nothing but values and empty fields. */
export type Values = 'none' | 'some' | 'only';

interface Read {
  readonly fields: string[];
  readonly isClean: boolean;
  /** The last field's quote has no end. */
  readonly isOpen: boolean;
}

const isSpace = (char: string | undefined) => char === ' ' || char === '\t';

/** Return the place behind a quoted field's end, and whether quotes within were doubled as they must be; null without an end. */
function quotedEnd(
  text: string,
  start: number,
  separator: Separator,
): { end: number; next: number; isClean: boolean } | null {
  let isClean = true;
  for (let at = text.indexOf('"', start); at !== -1; ) {
    let next = at + 1;
    if (text[next] === '"') {
      at = text.indexOf('"', next + 1);
      continue;
    }
    while (text[next] !== separator && isSpace(text[next])) next++;
    if (next === text.length || text[next] === separator) return { end: at, next, isClean };
    isClean = false;
    at = text.indexOf('"', at + 1);
  }
  return null;
}

/**
 * Read the fields of a row; of one without quotes, those that a split by the separator gives. `isAlone`: a quote without an end is a
 * character, as are those behind it.
 */
export function readFields(text: string, separator: Separator, isAlone: boolean): Read {
  const fields: string[] = [];
  let isClean = true;
  let at = 0;
  for (;;) {
    let start = at;
    while (text[start] !== separator && isSpace(text[start])) start++;
    const quoted = text[start] === '"' ? quotedEnd(text, start + 1, separator) : null;
    if (quoted !== null) {
      fields.push(text.slice(start + 1, quoted.end).replaceAll('""', '"'));
      isClean &&= quoted.isClean;
      at = quoted.next;
    } else if (text[start] === '"') {
      if (!isAlone) return { fields, isClean, isOpen: true };
      return { fields: [...fields, ...text.slice(at).split(separator)], isClean: false, isOpen: true };
    } else {
      const end = text.indexOf(separator, at);
      const field = end === -1 ? text.slice(at) : text.slice(at, end);
      isClean &&= !field.includes('"');
      fields.push(field);
      at = end === -1 ? text.length : end;
    }
    if (at >= text.length) return { fields, isClean, isOpen: false };
    at++;
    // A separator at the end: one more field, empty.
    if (at === text.length) return { fields: [...fields, ''], isClean, isOpen: false };
  }
}

/** Read a line by itself, such as a header. Result: its fields, and whether all quotes are in their places. */
export function readCsvLine(text: string, separator: Separator): { fields: readonly string[]; isClean: boolean } {
  return text.includes('"') ? readFields(text, separator, true) : { fields: text.split(separator), isClean: true };
}

export class CsvLines {
  readonly #separator: Separator;
  readonly #valuesIn: (fields: readonly string[]) => Values;
  /** Lines of a row whose quoted field is open. */
  #held: (Line & { text: string })[] = [];
  #heldChars = 0;
  readonly #columns: number;
  /** Fields of a row: those of the header, or of the last row on one line where exporters leave out the last, empty ones. */
  #width: number;
  #ready: CsvRow[] = [];

  /** `columns`: number of the header's. `valuesIn`: looks for values where the header has them. */
  constructor(separator: Separator, columns: number, valuesIn: (fields: readonly string[]) => Values) {
    this.#separator = separator;
    this.#columns = columns;
    this.#width = columns;
    this.#valuesIn = valuesIn;
  }

  /** Return the rows that the line completes. */
  take(line: Line): readonly CsvRow[] {
    this.#takeOne(line);
    return this.#takeReady();
  }

  /** Return the rows that are left at the end of the file. */
  end(): readonly CsvRow[] {
    while (this.#held.length > 0) this.#release();
    return this.#takeReady();
  }

  #takeReady(): readonly CsvRow[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  #takeOne(line: Line): void {
    const { text, number } = line;
    if (this.#held.length > 0) this.#addToHeld(line);
    else if (text === null) this.#ready.push({ ok: false, line: number, reason: 'line_too_long' });
    else if (!text.includes('"')) {
      if (text.trim() === '') return;
      this.#add(number, text.split(this.#separator), null);
    } else {
      const { fields, isClean, isOpen } = readFields(text, this.#separator, false);
      if (!isOpen) this.#add(number, fields, isClean);
      else this.#hold({ number, text });
    }
  }

  #add(line: number, fields: readonly string[], isClean: boolean | null): void {
    this.#width = Math.min(this.#columns, fields.length);
    this.#ready.push({ ok: true, line, fields, isClean });
  }

  /** Name the line of a stray quote, and read it alone. */
  #addAlone({ number: line, text }: Line & { text: string }): void {
    const { fields } = readFields(text, this.#separator, true);
    this.#ready.push({ ok: false, line, reason: 'swallowed_lines' }, { ok: true, line, fields, isClean: false });
  }

  #hold(line: Line & { text: string }): void {
    this.#held.push(line);
    this.#heldChars += line.text.length + 1;
  }

  #addToHeld({ number, text }: Line): void {
    const isOver =
      text === null ||
      this.#held.length >= CSV_ROW_LINES_MAX ||
      this.#heldChars + text.length > HASHLIST_LINE_BYTES_MAX;
    if (isOver) {
      this.#release();
      this.#takeOne({ number, text });
      return;
    }
    this.#hold({ number, text });
    if (!text.includes('"')) return;
    const whole = this.#held.map((line) => line.text).join('\n');
    const { fields, isClean, isOpen } = readFields(whole, this.#separator, false);
    if (isOpen) return;
    const lines = this.#held.map((line) => line.text);
    const isSwallowed =
      !isClean ||
      lines.slice(1, -1).some((one) => this.#isRow(one)) ||
      // The last line ends the quoted field, so it has a quote: it is a row only if the first one is, too.
      (this.#isWholeRow(lines[0]!) && this.#isWholeRow(text));
    if (isSwallowed) this.#release();
    else {
      this.#ready.push({ ok: true, line: this.#held[0]!.number, fields, isClean });
      this.#drop();
    }
  }

  #drop(): void {
    this.#held = [];
    this.#heldChars = 0;
  }

  /** Return whether a line alone has a value, in as many fields as its neighbours. */
  #isRow(text: string): boolean {
    const { fields } = readFields(text, this.#separator, true);
    return fields.length >= this.#width && this.#valuesIn(fields) !== 'none';
  }

  /** Return whether a line is a row but for a quote before or behind a field: part of a remark seldom has values in all their columns. */
  #isWholeRow(text: string): boolean {
    const fields = readFields(text, this.#separator, true).fields.map((field) => field.trim().replace(/^"|"$/g, ''));
    return fields.length >= this.#width && this.#valuesIn(fields) === 'only';
  }

  /** Read the first of the held lines alone, name it, and take the others again. */
  #release(): void {
    const [first, ...others] = this.#held;
    this.#drop();
    this.#addAlone(first!);
    for (const line of others) this.#takeOne(line);
  }
}
