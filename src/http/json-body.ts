/**
 * JSON bodies. Depth and number of values are bounded before anything is parsed: a body of brackets would take a hundred
 * times its length. The items of a large batch are parsed in another thread first, and here a few at a time.
 */
import { isUtf8 } from 'node:buffer';
import type { Piscina } from 'piscina';
import secureJson from 'secure-json-parse';
import { Breath } from '../core/breath.js';
import { AppError } from '../core/errors.js';
import { artefact } from '../core/package-root.js';
import { threadPool } from '../core/thread-pool.js';

/** The deepest request nests four levels. */
const JSON_DEPTH_MAX = 32;
/**
 * A value needs at most 66 bytes of memory, however short its text is. `JSON_MEMORY_FACTOR` is taken for each byte, which holds with
 * one value in 8 bytes: its comment has the figures. Items of hashes have one in 9 bytes or more.
 */
const VALUE_BYTES_MIN = 8;
/** An object with a number as a name is an array to the engine: `{"30":0}` takes 336 bytes. */
const NUMBER_NAME_VALUES = 6;
/** With fewer values a body is small in any form. */
const DENSE_VALUES_MAX = 10_000;
/** Parsed in a millisecond: the transfer to another thread would take as long. */
const HERE_BYTES_MAX = 131_072;
/**
 * Parts of a batch that the thread has split, each parsed in some milliseconds: the 2,756 hashes of a file, the most that an item has, are
 * 910,000 bytes, a thousand names of lists 70,000.
 */
const PART_BYTES_MAX = 1_048_576;
const NEWLINE = 10;
const [QUOTE, BACKSLASH, COMMA, COLON, ZERO, NINE] = [34, 92, 44, 58, 48, 57];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

const invalid = (expected: string) => new AppError('REQUEST_INVALID', { field: 'body', expected });

/** Errors REQUEST_INVALID: too deep, or too many values. */
function requireBounded(bytes: Uint8Array): void {
  let depth = 0;
  let values = 0;
  let first = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      first = bytes[at + 1] ?? 0;
      for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      values++;
      if (++depth > JSON_DEPTH_MAX) throw invalid(`at most ${JSON_DEPTH_MAX} levels`);
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
    else if (byte === COMMA) values++;
    // A digit may be written as an escape.
    else if (byte === COLON) values += (first >= ZERO && first <= NINE) || first === BACKSLASH ? NUMBER_NAME_VALUES : 1;
  }
  const valuesMax = Math.max(DENSE_VALUES_MAX, Math.floor(bytes.length / VALUE_BYTES_MIN));
  if (values > valuesMax) throw invalid(`at most ${valuesMax} values in ${bytes.length} bytes`);
}

/** Parse a body in this thread. Errors BODY_EMPTY; REQUEST_INVALID: not JSON in UTF-8, or beyond a bound. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw new AppError('BODY_EMPTY', { field: 'body' });
  if (!isUtf8(bytes)) throw invalid('UTF-8');
  requireBounded(bytes);
  try {
    return secureJson.parse(bytes.toString('utf8'), null, { protoAction: 'error', constructorAction: 'error' });
  } catch {
    // The parser's message would quote the body.
    throw invalid('JSON without __proto__ and constructor.prototype');
  }
}

/** A batch, split by the thread. */
interface SplitBatch {
  /** The body without its items, as JSON. */
  readonly envelope: string;
  /** The items, one a line. */
  readonly lines: Uint8Array;
}

/** Return a part of a batch as JSON. Errors REQUEST_INVALID: it would hold up the thread of all requests. */
function partText(part: unknown, field: string): string {
  const text = JSON.stringify(part);
  if (Buffer.byteLength(text, 'utf8') <= PART_BYTES_MAX) return text;
  throw new AppError('REQUEST_INVALID', { field, bytesMax: PART_BYTES_MAX });
}

/** Split the body of a batch; runs in the thread. Errors as `parseJson`; TOO_MANY_ITEMS; a part is too long. */
export function splitBatch(bytes: Buffer, itemsMax: number): SplitBatch {
  const body = parseJson(bytes);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('an object');
  const { items, ...envelope } = body as { items?: unknown };
  if (!Array.isArray(items)) throw new AppError('REQUEST_INVALID', { field: 'items', expected: 'a list' });
  requireItems(items.length, itemsMax);
  const texts: string[] = [];
  for (const [at, item] of items.entries()) {
    texts.push(partText(item, `items/${at}`));
    // Only one form of an item is in memory.
    items[at] = null;
  }
  return { envelope: partText(envelope, 'body'), lines: Buffer.from(texts.join('\n'), 'utf8') };
}

/** Errors TOO_MANY_ITEMS. */
export function requireItems(items: number, itemsMax: number): void {
  if (items > itemsMax) throw new AppError('TOO_MANY_ITEMS', { items, itemsMax });
}

export interface BatchTask {
  readonly bytes: Uint8Array;
  readonly itemsMax: number;
}

/** Values cross, not errors. */
export type BatchReply =
  | ({ readonly ok: true } & SplitBatch)
  | { readonly ok: false; readonly code: AppError['code']; readonly details: AppError['details'] };

/** Parses the bodies of batches. */
export class BatchParser {
  #pool: Piscina | null = null;

  /** `itemsMax`: items of one batch. */
  constructor(readonly itemsMax: number) {}

  /** Return the parsed body. A large one is moved to the thread: its bytes are gone. Errors as `splitBatch`. */
  async parse(bytes: Buffer): Promise<unknown> {
    if (bytes.length <= HERE_BYTES_MAX) return parseJson(bytes);
    // Started with the first large batch.
    this.#pool ??= threadPool({ filename: artefact('src', 'http', 'json-worker.js'), minThreads: 0, maxThreads: 1 });
    const task: BatchTask = { bytes, itemsMax: this.itemsMax };
    const isWhole = bytes.length === bytes.buffer.byteLength;
    const transferList = isWhole ? [bytes.buffer as ArrayBuffer] : [];
    const reply = (await this.#pool.run(task, { transferList })) as BatchReply;
    if (!reply.ok) throw new AppError(reply.code, reply.details);
    return { ...(JSON.parse(reply.envelope) as object), items: await parseLines(reply.lines) };
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }
}

async function parseLines(bytes: Uint8Array): Promise<unknown[]> {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: unknown[] = [];
  const breath = new Breath();
  for (let from = 0; from < lines.length; ) {
    if (breath.isDue) await breath.take();
    const newline = lines.indexOf(NEWLINE, from);
    const end = newline < 0 ? lines.length : newline;
    items.push(JSON.parse(lines.toString('utf8', from, end)));
    from = end + 1;
  }
  return items;
}
