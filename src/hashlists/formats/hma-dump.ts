/**
 * HMA's database as the plain text of `pg_dump`: blocks of COPY, a row a line. A signal is a row only once its content and
 * the banks are known: in the order of `pg_dump` these come first, in another order the signals are held until then.
 */
import { isBankName } from '../../core/bank-name.js';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { countType, HMA_NAMES_MAX, type HmaFacts, severalBanks } from '../hma-facts.js';
import type { Line } from '../lines.js';
import {
  type HmaOptions,
  isContentId,
  metadataText,
  notesOfContent,
  rowOfSignal,
  type Until,
  untilOf,
} from './hma-content.js';

/** Tables that are read, and the columns that each must have. */
const TABLES = {
  bank: ['id', 'name'],
  bank_content: ['id', 'bank_id', 'disable_until_ts'],
  content_signal: ['content_id', 'signal_type', 'signal_val'],
  exchange: ['name'],
} as const;
type Table = keyof typeof TABLES;
const NEEDED = ['bank', 'bank_content', 'content_signal'] as const satisfies Table[];
const isTable = (name: string): name is Table => Object.hasOwn(TABLES, name);

/** `COPY public.bank (id, name) FROM stdin;` */
const COPY = /^COPY (?:(?:"[^"]*"|[^\s."]+)\.)?"?([^\s."]+)"? (?:\((.*)\) )?FROM stdin;$/;
const END = '\\.';
const NULL = '\\N';

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Return a field of a row as text; null for SQL's null. */
function unescaped(field: string): string | null {
  if (field === NULL) return null;
  return field.includes('\\') ? field.replaceAll(/\\(.)/gs, (_, char: string) => ESCAPES[char] ?? char) : field;
}

/** Return a copy: a piece of a text keeps all of the text in memory. */
const copied = (text: string) => Buffer.from(text).toString();

const invalid = (line: number, why: string) => new AppError('HASHLIST_INVALID', { line, why });

/**
 * What is held of a dump at once: contents with their notes, and signals that come before them. Ten million contents without notes, or two
 * million with signals before them; more would end the process by its own limit of memory.
 */
const HELD_BYTES_MAX = 536_870_912;
/** Memory of a content, and of a signal or a note without its text; measured: 30, 130 and 100 bytes. */
const CONTENT_BYTES = 50;
const SIGNAL_BYTES = 130;
/** An installation has tens. */
const BANKS_MAX = 10_000;

interface Block {
  /** Null: of a table that is not read. */
  readonly table: Table | null;
  /** Column → its place in a row. */
  readonly places: ReadonlyMap<string, number>;
}

interface Bank {
  readonly name: string;
  readonly ratio: number | null;
}

/** Of one bank. */
interface Counts {
  contents: number;
  disabledForEver: number;
  notesLeftOut: number;
}

interface Content {
  readonly bank: string;
  readonly until: Until;
  readonly notes: Readonly<Record<string, string>>;
}

interface Held {
  readonly content: string;
  readonly type: string;
  readonly value: string;
  readonly line: number;
}

const NONE: readonly ParsedRow[] = [];

export class HmaDump {
  readonly #options: HmaOptions;
  readonly #heldBytesMax: number;
  readonly #complete = new Set<Table>();
  /** By their keys. */
  readonly #banks = new Map<string, Bank>();
  readonly #counts = new Map<string, Counts>();
  readonly #contents = new Map<number, Content>();
  /** Contents of which nothing else is said are one object a bank and time. */
  readonly #plain = new Map<string, Content>();
  readonly #otherTypes = new Map<string, number>();
  readonly #exchanges: string[] = [];
  #block: Block | null = null;
  #chosen: string | null = null;
  #held: Held[] = [];
  #heldBytes = 0;
  #line = 0;

  constructor(options: HmaOptions, heldBytesMax = HELD_BYTES_MAX) {
    this.#options = options;
    this.#heldBytesMax = heldBytesMax;
  }

  /** Return the rows that are known by this line. Errors HASHLIST_INVALID. */
  take({ number, text }: Line): Iterable<ParsedRow> {
    this.#line = number;
    const block = this.#block;
    if (block === null) {
      if (text?.startsWith('COPY ')) this.#block = this.#blockOf(text);
      return NONE;
    }
    if (text === END) {
      this.#block = null;
      return block.table === null ? NONE : this.#completed(block.table);
    }
    if (block.table === null) return NONE;
    const fields = text?.split('\t');
    if (fields?.length === block.places.size)
      return this.#rowsOf(block.table, (column) => {
        const at = block.places.get(column);
        return at === undefined ? null : unescaped(fields[at]!);
      });
    if (block.table === 'bank' || block.table === 'exchange') throw invalid(number, `damaged row of ${block.table}`);
    return this.#rejected(text === null ? 'line_too_long' : 'malformed');
  }

  /** Return the facts, once all lines are taken. Errors HASHLIST_INVALID: truncated, or not a dump of HMA. */
  end(): HmaFacts {
    if (this.#block !== null) throw invalid(this.#line, 'truncated: a COPY block has no end');
    const missing = NEEDED.filter((table) => !this.#complete.has(table));
    if (missing.length > 0)
      throw new AppError('HASHLIST_INVALID', {
        why: `no COPY block of ${missing.join(', ')}`,
        expected: 'the plain text of pg_dump, without --inserts',
      });
    for (const bank of this.#counts.keys())
      if (!this.#banks.has(bank)) throw invalid(this.#line, 'contents of a bank that the dump does not have');
    const { name, ratio } = this.#banks.get(this.#chosen!)!;
    const counts = this.#counts.get(this.#chosen!) ?? { contents: 0, disabledForEver: 0, notesLeftOut: 0 };
    const otherTypes = Object.fromEntries(this.#otherTypes);
    return { bank: name, ratio, ...counts, otherTypes, exchanges: this.#exchanges };
  }

  #blockOf(header: string): Block | null {
    const [, name = '', columns = ''] = COPY.exec(header) ?? [];
    if (name === '') return null;
    if (!isTable(name)) return { table: null, places: new Map() };
    if (this.#complete.has(name)) throw invalid(this.#line, `two COPY blocks of ${name}`);
    const names = columns.split(',').map((one) => one.trim().replaceAll('"', ''));
    const places = new Map(names.map((column, at) => [column, at]));
    const missing = TABLES[name].filter((column) => !places.has(column));
    if (missing.length > 0 || places.size !== names.length)
      throw invalid(this.#line, `the COPY block of ${name} has no column ${missing.join(', ')}`);
    return { table: name, places };
  }

  #rowsOf(table: Table, read: (column: string) => string | null): readonly ParsedRow[] {
    if (table === 'bank') this.#takeBank(read);
    else if (table === 'exchange') this.#takeExchange(read('name'));
    else if (table === 'bank_content') return this.#takeContent(read);
    else return this.#takeSignal(read);
    return NONE;
  }

  #takeBank(read: (column: string) => string | null): void {
    const [id, name, share] = [read('id'), read('name'), read('enabled_ratio')];
    const ratio = share === null ? null : Number(share);
    const isRatio = ratio === null || (ratio >= 0 && ratio <= 1);
    if (id === null || !isContentId(id) || name === null || !isBankName(name) || !isRatio)
      throw invalid(this.#line, 'damaged row of bank');
    if (this.#banks.size >= BANKS_MAX) throw invalid(this.#line, `more than ${BANKS_MAX} banks`);
    this.#banks.set(copied(id), { name: copied(name), ratio });
  }

  #takeExchange(name: string | null): void {
    if (name === null || !isBankName(name)) throw invalid(this.#line, 'damaged row of exchange');
    if (this.#exchanges.length < HMA_NAMES_MAX) this.#exchanges.push(copied(name));
  }

  #takeContent(read: (column: string) => string | null): readonly ParsedRow[] {
    const id = read('id') ?? '';
    const bank = read('bank_id') ?? '';
    const until = untilOf(read('disable_until_ts') ?? '');
    if (!isContentId(id) || !isContentId(bank) || until === undefined) return this.#rejected('malformed');
    const given = read('bank_content_metadata');
    const metadata = given === null ? null : metadataOf(given);
    const { notes, isWhole } = notesOfContent({
      note: read('note'),
      metadata: metadata ?? null,
      uri: read('original_content_uri'),
    });
    const counts = this.#counts.get(bank) ?? { contents: 0, disabledForEver: 0, notesLeftOut: 0 };
    counts.contents++;
    if (until === null) counts.disabledForEver++;
    if (!isWhole || metadata === undefined) counts.notesLeftOut++;
    this.#counts.set(copied(bank), counts);
    this.#contents.set(Number(id), this.#contentOf(bank, until, notes));
    this.#hold(CONTENT_BYTES);
    return NONE;
  }

  #contentOf(bank: string, until: Until, notes: Content['notes']): Content {
    const texts = Object.entries(notes);
    if (texts.length > 0) {
      this.#hold(texts.reduce((sum, [, text]) => sum + SIGNAL_BYTES + text.length * 2, 0));
      const kept = Object.fromEntries(texts.map(([name, text]) => [name, copied(text)]));
      return { bank: copied(bank), until, notes: kept };
    }
    const key = `${bank} ${until}`;
    const plain = this.#plain.get(key) ?? { bank: copied(bank), until, notes };
    this.#plain.set(key, plain);
    return plain;
  }

  #takeSignal(read: (column: string) => string | null): readonly ParsedRow[] {
    const content = read('content_id') ?? '';
    const type = read('signal_type');
    const value = read('signal_val');
    if (!isContentId(content) || type === null || value === null) return this.#rejected('malformed');
    const signal = { content, type, value, line: this.#line };
    if (this.#isReady()) return this.#signalRows(signal);
    this.#hold(SIGNAL_BYTES + type.length + value.length);
    this.#held.push({ ...signal, content: copied(content), type: copied(type), value: copied(value) });
    return NONE;
  }

  #isReady(): boolean {
    return this.#complete.has('bank') && this.#complete.has('bank_content');
  }

  #completed(table: Table): Iterable<ParsedRow> {
    this.#complete.add(table);
    if (table === 'bank') this.#chosen = this.#choose();
    return this.#isReady() && this.#held.length > 0 ? this.#released() : NONE;
  }

  *#released(): Generator<ParsedRow> {
    const held = this.#held;
    this.#held = [];
    for (const signal of held) yield* this.#signalRows(signal);
  }

  #signalRows({ content: id, ...signal }: Held): readonly ParsedRow[] {
    const content = this.#contents.get(Number(id));
    // Its content was damaged: it is reported too.
    if (content === undefined) return [{ ok: false, line: signal.line, reason: 'malformed' }];
    if (content.bank !== this.#chosen) return NONE;
    return [
      rowOfSignal({ id, ...content }, signal, this.#options, (type) => countType(this.#otherTypes, copied(type))),
    ];
  }

  #choose(): string {
    const { bank: asked } = this.#options;
    const names = [...this.#banks.values()].map(({ name }) => name);
    if (names.length === 0) throw invalid(this.#line, 'the dump has no bank');
    if (asked === undefined && names.length > 1) throw severalBanks(names);
    const found = [...this.#banks].find(([, { name }]) => asked === undefined || name === asked);
    if (found !== undefined) return found[0];
    const expected = names.slice(0, HMA_NAMES_MAX).join(' ');
    throw new AppError('HASHLIST_INVALID', { bank: asked!, why: 'no such bank', expected });
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes <= this.#heldBytesMax) return;
    throw invalid(this.#line, `contents, and signals before them, exceed ${this.#heldBytesMax} bytes of memory`);
  }

  #rejected(reason: 'malformed' | 'line_too_long'): readonly ParsedRow[] {
    return [{ ok: false, line: this.#line, reason }];
  }
}

/** Return metadata as it is kept; null for none, undefined if it is no JSON object. */
function metadataOf(text: string): string | null | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value === null ? null : metadataText(value);
  } catch {
    return undefined;
  }
}
