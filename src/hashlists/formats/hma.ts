/**
 * Meta's Hasher-Matcher-Actioner (HMA), 1.1: one bank, from a dump of its database, or from JSON lines, each a content as
 * `GET /c/bank/NAME/content/ID?include_signals=true` answers it. A content is an entry with the id `hma-` and its number.
 */
import { isBankName } from '../../core/bank-name.js';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { countType, type HmaFacts, severalBanks } from '../hma-facts.js';
import { type Line, splitLines } from '../lines.js';
import type { ListSource } from '../source.js';
import {
  entryIdOf,
  type HmaOptions,
  isContentId,
  metadataText,
  notesOfContent,
  rowOfSignal,
  untilOf,
} from './hma-content.js';
import { HmaDump } from './hma-dump.js';
import { asObject, asText } from './json-records.js';

/** Errors HASHLIST_INVALID: truncated, neither of the two, or several banks without a choice. */
export async function* parseHma({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  let reader: HmaDump | HmaContents | null = null;
  for await (const line of splitLines(bytes)) {
    if (reader === null) {
      if (line.text !== null && line.text.trim() === '') continue;
      reader = line.text?.startsWith('{') ? new HmaContents(options) : new HmaDump(options);
    }
    yield* reader.take(line);
  }
  if (reader === null) throw new AppError('HASHLIST_INVALID', { line: 1, why: 'empty file' });
  const facts = reader.end();
  if (facts !== null) options.onHma?.(facts);
}

/** JSON lines. */
class HmaContents {
  readonly #options: HmaOptions;
  readonly #otherTypes = new Map<string, number>();
  #bank: string | null = null;
  #ratio: number | null = null;
  #contents = 0;
  #disabledForEver = 0;
  #notesLeftOut = 0;

  constructor(options: HmaOptions) {
    this.#options = options;
    this.#bank = options.bank ?? null;
  }

  take({ number, text }: Line): readonly ParsedRow[] {
    if (text === null) return [{ ok: false, line: number, reason: 'line_too_long' }];
    if (text.trim() === '') return [];
    return this.#rowsOf(recordOf(text), number);
  }

  /** Null: no line was of the bank. */
  end(): HmaFacts | null {
    if (this.#bank === null || this.#contents === 0) return null;
    return {
      bank: this.#bank,
      ratio: this.#ratio,
      contents: this.#contents,
      disabledForEver: this.#disabledForEver,
      notesLeftOut: this.#notesLeftOut,
      otherTypes: Object.fromEntries(this.#otherTypes),
      exchanges: [],
    };
  }

  #rowsOf(record: Readonly<Record<string, unknown>> | null, line: number): readonly ParsedRow[] {
    const id = asText(record?.id) ?? '';
    const bank = asObject(record?.bank);
    const name = asText(bank?.name);
    const until = untilOf(asText(record?.disable_until_ts) ?? '');
    if (record === null || !isContentId(id) || name === undefined || !isBankName(name) || until === undefined)
      return [{ ok: false, line, reason: 'malformed' }];
    this.#bank ??= name;
    if (name !== this.#bank) {
      if (this.#options.bank === undefined) throw severalBanks([this.#bank, name]);
      return [];
    }
    this.#contents++;
    this.#ratio ??= typeof bank?.matching_enabled_ratio === 'number' ? bank.matching_enabled_ratio : null;
    if (until === null) this.#disabledForEver++;
    const metadata = record.metadata === undefined || record.metadata === null ? null : metadataText(record.metadata);
    const { notes, isWhole } = notesOfContent({
      note: asText(record.note) ?? null,
      metadata: metadata ?? null,
      uri: asText(record.original_media_uri) ?? null,
    });
    if (!isWhole || metadata === undefined) this.#notesLeftOut++;
    const signals = Object.entries(asObject(record.signals) ?? {});
    if (signals.length === 0) {
      const entryId = entryIdOf(id);
      if (until === null) return [{ ok: false, line, reason: 'not_active', gone: { entryId } }];
      return [{ ok: false, line, reason: 'malformed', of: { entryId } }];
    }
    return signals.map(([type, value]) =>
      rowOfSignal({ id, until, notes }, { type, value: asText(value) ?? '', line }, this.#options, (other) =>
        countType(this.#otherTypes, other),
      ),
    );
  }
}

function recordOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}
