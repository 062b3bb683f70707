/** JSON documents → their records, streamed: an array of gigabytes is never in memory as a whole. */

import type { JSONParser, TokenType } from '@streamparser/json';
import { AppError } from '../../core/errors.js';
import { lazily } from '../../core/lazily.js';
import { HASHLIST_RECORD_BYTES_MAX } from '../lines.js';

const streamparser = lazily<typeof import('@streamparser/json')>('@streamparser/json');

/** Published lists nest eight levels; more is not a list, or is a bomb. */
export const JSON_DEPTH_MAX = 64;
/** Values and punctuation of one record: an entry with all its fingerprints has some hundred. */
const JSON_TOKENS_MAX = 1_000_000;
const SPACE = 0x20;

interface JsonRecord {
  /** From 1. */
  readonly number: number;
  readonly value: unknown;
}

export const opensObject = (token: TokenType) => token === streamparser().TokenType.LEFT_BRACE;

/** Its message is in Zeef's own words: the parser's would quote the document, which may be a value. */
export class JsonFault extends Error {}

interface JsonOptions {
  /** Paths to the records, such as `$.value.*`. */
  readonly paths: readonly string[];
  /** Between several documents. */
  readonly separator?: string | undefined;
  readonly onValue: (value: unknown, key: string | number | undefined) => void;
  readonly onToken?: (token: TokenType) => void;
}

/** JSON of any length → the values at some paths, within bounds of depth and of each record. */
export class BoundedJson {
  readonly #parser: JSONParser;
  readonly #kinds = streamparser().TokenType;
  #failure: unknown = null;
  #depth = 0;
  #tokens = 0;
  #bytes = 0;
  #isFirst = true;

  constructor({ paths, separator, onValue, onToken }: JsonOptions) {
    const parser = new (streamparser().JSONParser)({
      paths: [...paths],
      keepStack: false,
      ...(separator ? { separator } : {}),
    });
    parser.onError = (error) => {
      this.#failure ??= error;
    };
    parser.onToken = ({ token }) => {
      this.#count(token);
      onToken?.(token);
    };
    parser.onValue = ({ value, key, parent }) => {
      this.#tokens = 0;
      this.#bytes = 0;
      // The parser keeps the members of a parent that is a record too: a case with millions of media.
      if (Array.isArray(parent)) parent.length = 0;
      onValue(value, key);
    };
    this.#parser = parser;
  }

  /** Errors JsonFault: not JSON, or beyond a bound; those of the callbacks. */
  write(chunk: Uint8Array): void {
    const hasMark = this.#isFirst && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;
    this.#isFirst = false;
    this.#bytes += chunk.length;
    this.#attempt(() => this.#parser.write(hasMark ? chunk.subarray(3) : chunk));
    // The chunk that ended a record counts for none.
    if (this.#bytes > HASHLIST_RECORD_BYTES_MAX) {
      throw new JsonFault(`record exceeds ${HASHLIST_RECORD_BYTES_MAX} bytes`);
    }
  }

  /** Errors JsonFault: the document is truncated. */
  end(): void {
    this.#attempt(() => {
      if (!this.#parser.isEnded) this.#parser.end();
    });
  }

  #count(token: TokenType): void {
    this.#tokens++;
    if (this.#tokens > JSON_TOKENS_MAX) throw new JsonFault(`record has more than ${JSON_TOKENS_MAX} values`);
    if (token === this.#kinds.LEFT_BRACE || token === this.#kinds.LEFT_BRACKET) this.#depth++;
    else if (token === this.#kinds.RIGHT_BRACE || token === this.#kinds.RIGHT_BRACKET) this.#depth--;
    if (this.#depth > JSON_DEPTH_MAX) throw new JsonFault(`values are nested deeper than ${JSON_DEPTH_MAX}`);
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failure ??= error;
    }
    if (this.#failure === null) return;
    throw this.#failure instanceof JsonFault ? this.#failure : new JsonFault('invalid JSON');
  }
}

/**
 * Yield the records of JSON documents. `paths`: to the records, such as `$.value.*`. `separator`: between several documents.
 *
 * Errors  HASHLIST_INVALID: not JSON, truncated, nested too deep, or a record longer than `HASHLIST_RECORD_BYTES_MAX`.
 */
export async function* jsonRecords(
  bytes: AsyncIterable<Uint8Array>,
  paths: readonly string[],
  separator?: string,
): AsyncGenerator<JsonRecord> {
  let ready: unknown[] = [];
  let number = 0;
  const json = new BoundedJson({ paths, separator, onValue: (value) => void ready.push(value) });
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof JsonFault)) throw error;
      throw new AppError('HASHLIST_INVALID', { record: number + ready.length + 1, why: error.message });
    }
  };
  let isEmpty = true;
  for await (const chunk of bytes) {
    isEmpty &&= chunk.every((byte) => byte <= SPACE);
    attempt(() => json.write(chunk));
    const batch = ready;
    ready = [];
    for (const value of batch) yield { number: ++number, value };
  }
  if (isEmpty) throw new AppError('HASHLIST_INVALID', { record: 1, why: 'empty file' });
  attempt(() => json.end());
  for (const value of ready) yield { number: ++number, value };
}

/** Return `value` if it is a JSON object, else null. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Return a string, or a number as a string; undefined for other values. */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
}

/** Whether a mark of a record is set, in any spelling: one that is there and not plainly false. */
export function isSet(mark: unknown): boolean {
  const word = typeof mark === 'boolean' ? String(mark) : (asText(mark)?.trim().toLowerCase() ?? '');
  return word !== '' && word !== 'false' && word !== '0' && word !== 'no';
}

/** Return the texts, numbers and truth values of a record by their names, for its notes. `mapped`: names that have a field. */
export function scalarsOf(
  record: Readonly<Record<string, unknown>>,
  mapped: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  const notes: Record<string, string> = {};
  for (const [name, value] of Object.entries(record)) {
    if (mapped.has(name)) continue;
    const text = typeof value === 'boolean' ? String(value) : asText(value);
    if (text !== undefined) notes[name] = text;
  }
  return notes;
}

/** Convert seconds since 1970, as a number or as digits → RFC 3339; undefined for an invalid time. */
export function fromUnixSeconds(value: unknown): string | undefined {
  const text = asText(value)?.trim();
  // An empty text would be the first second of 1970, older than all else.
  const ms = text ? Number(text) * 1000 : Number.NaN;
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : undefined;
}
