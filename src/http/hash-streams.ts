/** Batches of any length, answered while they arrive: only the pieces in flight are in memory. */
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { HashItemAnswer } from '../check/check-hashes.js';
import type { HashBatch } from '../check/hash-batch.js';
import type { Decision } from '../check/policy.js';
import { BATCH_ALGORITHMS, type BatchAlgorithm } from '../check/search-piece.js';
import { Breath } from '../core/breath.js';
import { AppError, ERRORS, type ErrorCode } from '../core/errors.js';
import { isUnspecific } from '../core/hash-detail.js';
import { DIGEST_ALGORITHMS, VALUE_BYTES } from '../core/vocabulary.js';
import { answerRead, readLines } from './hash-items.js';
import { type HashLines, OTHER, parseHashLines } from './hash-lines.js';

/** A line of NDJSON: most are under 1 kB, and a longer one delays all items after it. The windows of an image are 120 kB. */
const ITEM_LINE_BYTES_MAX = 262_144;

/** A piece of NDJSON: about 8,000 items. */
const LINES_BYTES = 1_048_576;
/** Pause of the source after which the lines so far are answered. */
const IDLE_MS = 5;
/** Pieces that are searched or wait while an earlier one is sent. */
const PIECES_AHEAD = 4;
/** Raw values of one piece: large requests give each of a few cores two pieces in flight. */
const RAW_HASHES = 16_384;
const RAW_DIGESTS = 131_072;

type ToResult = (answer: HashItemAnswer) => object;

/** Gather source chunks to about `bytesMax`, or to the bytes received when the source pauses. */
async function* gatherChunks(source: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  let held: Buffer[] = [];
  let bytes = 0;
  let next = chunks.next();
  try {
    for (;;) {
      const arrived = bytes === 0 ? await next : await Promise.race([next, delay(IDLE_MS, null)]);
      if (arrived !== null && !arrived.done) {
        held.push(arrived.value);
        bytes += arrived.value.length;
        next = chunks.next();
        if (bytes < bytesMax) continue;
      }
      if (bytes > 0) yield held.length === 1 ? held[0]! : Buffer.concat(held);
      held = [];
      bytes = 0;
      if (arrived?.done) return;
    }
  } finally {
    await chunks.return?.();
  }
}

/** Yield pieces of whole lines. A line over the limit is cut to its beginning, which is not a valid item. */
async function* linePieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const NEWLINE = 10;
  let rest: Buffer = Buffer.alloc(0);
  for await (const gathered of gatherChunks(source, LINES_BYTES)) {
    const end = gathered.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      yield rest.length > 0 ? Buffer.concat([rest, gathered.subarray(0, end)]) : gathered.subarray(0, end);
      rest = gathered.subarray(end);
    } else rest = Buffer.concat([rest, gathered]);
    if (rest.length > ITEM_LINE_BYTES_MAX) rest = rest.subarray(0, ITEM_LINE_BYTES_MAX);
  }
  if (rest.length > 0) yield rest;
}

const answerOf = (batch: HashBatch, id: string | null, decision: Decision, lowQuality = false): HashItemAnswer => ({
  id,
  verdict: decision.verdict,
  ...(decision.reason === null ? {} : { reason: decision.reason }),
  lowQuality,
  exact: batch.exact,
  matches: decision.matches,
  matchCount: decision.matchCount,
  truncated: decision.truncated,
});

/** Return whether near matches of a value are left out; its answer has `lowQuality`, so that the caller knows. */
const isLowAt = (algorithm: BatchAlgorithm, values: Uint8Array, position: number) =>
  isUnspecific(algorithm, values.subarray(position * VALUE_BYTES[algorithm], (position + 1) * VALUE_BYTES[algorithm]));

function countLow(algorithm: BatchAlgorithm, values: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < values.length / VALUE_BYTES[algorithm]; at++) if (isLowAt(algorithm, values, at)) count++;
  return count;
}

async function answerPiece(batch: HashBatch, bytes: Buffer, toResult: ToResult): Promise<string> {
  const lines: HashLines = parseHashLines(bytes);
  const idOf = (line: number) =>
    lines.idTo[line] === 0 ? null : bytes.toString('latin1', lines.idFrom[line], lines.idTo[line]);
  const referenceOf = (name: BatchAlgorithm) => (position: number) => idOf(lines.lineOf[name][position]!);
  const decisions = await Promise.all(
    BATCH_ALGORITHMS.map((name) =>
      lines.values[name].length > 0
        ? batch.checkValues(name, lines.values[name], referenceOf(name))
        : new Map<number, Decision>(),
    ),
  );
  const others = lines.others.length > 0 ? await answerRead(batch, await readLines(bytes, lines.others)) : [];
  const breath = new Breath();
  const emptyOf = (name: BatchAlgorithm, lowQuality: boolean) =>
    JSON.stringify(answerOf(batch, null, batch.emptyDecision(name), lowQuality)).slice('{"id":null'.length);
  const empty = BATCH_ALGORITHMS.map((name) => emptyOf(name, false));
  const emptyLow = BATCH_ALGORITHMS.map((name) => emptyOf(name, true));
  let text = '';
  for (let line = 0; line < lines.count; line++) {
    if (breath.isDue) await breath.take();
    const at = lines.algorithm[line]!;
    if (at === OTHER) {
      text += `${JSON.stringify(toResult(others[lines.position[line]!]!))}\n`;
      continue;
    }
    const id = idOf(line);
    const position = lines.position[line]!;
    const decision = decisions[at]!.get(position);
    const name = BATCH_ALGORITHMS[at]!;
    const isLow = isLowAt(name, lines.values[name], position);
    // The id is ASCII without quotes or escapes, so it is copied unchanged.
    if (decision === undefined) text += `{"id":${id === null ? 'null' : `"${id}"`}${(isLow ? emptyLow : empty)[at]}\n`;
    else text += `${JSON.stringify(toResult(answerOf(batch, id, decision, isLow)))}\n`;
  }
  return text;
}

/**
 * Return the tenant limit that stops an answer, to be reported inside it where it has begun and may be cut short.
 * Errors  every other error, and the limit where the answer has not begun or must not be cut short: the stream fails.
 */
function refusalOf(
  error: unknown,
  body: Readable,
  mayTruncate: boolean,
): { readonly code: ErrorCode; readonly says: string } {
  const isRefusal = error instanceof AppError && ERRORS[error.code].http === 429;
  // The rest of the body is read and discarded: closing the connection would lose the answer.
  if (isRefusal) body.resume();
  if (!isRefusal || !mayTruncate) throw error;
  return { code: error.code, says: ERRORS[error.code].says };
}

/** Iterate a body without closing the connection at the end. */
const keptOpen = (body: Readable): AsyncIterable<Buffer> => body.iterator({ destroyOnReturn: false });

/**
 * Yield one line an item, in order; a limit error is the last. `mayTruncate` false: an answer is never cut short, but fails as a whole.
 * Errors  those of the source, the store and the tenant's limits.
 */
export async function* answerLines(
  body: Readable,
  batch: HashBatch,
  toResult: ToResult,
  mayTruncate: boolean,
): AsyncGenerator<string> {
  const answers: AsyncIterable<string> = Readable.from(linePieces(keptOpen(body))).map(
    (piece: Buffer) => answerPiece(batch, piece, toResult),
    { concurrency: PIECES_AHEAD },
  );
  let hasBegun = false;
  try {
    for await (const answer of answers) {
      yield answer;
      hasBegun = true;
    }
  } catch (error) {
    yield `${JSON.stringify({ id: null, error: { ...refusalOf(error, body, mayTruncate && hasBegun), field: null } })}\n`;
  }
}

/** Yield pieces of whole values; the last may be part of a value, which is an error at the end of the answer. */
async function* valuePieces(source: AsyncIterable<Buffer>, width: number, bytesMax: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const gathered of gatherChunks(source, bytesMax)) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, gathered]) : gathered;
    const whole = bytes.length - (bytes.length % width);
    if (whole > 0) yield bytes.subarray(0, whole);
    rest = bytes.subarray(whole);
  }
  if (rest.length > 0) yield rest;
}

/**
 * Yield `{generation, results: [{index, verdict, ...}], checked, matched}`: only values that matched, by their position;
 * with `notChecked` and `reason` where none was searched, and `lowQuality`, the number of values whose near matches are left out
 * (`isUnspecific`).
 * `mayTruncate` and errors as in `answerLines`.
 */
export async function* answerRaw(
  body: Readable,
  batch: HashBatch,
  algorithm: BatchAlgorithm,
  toResult: ToResult,
  mayTruncate: boolean,
): AsyncGenerator<string> {
  const width = VALUE_BYTES[algorithm];
  const isDigest = DIGEST_ALGORITHMS.some((name) => name === algorithm);
  const pieces = valuePieces(keptOpen(body), width, (isDigest ? RAW_DIGESTS : RAW_HASHES) * width);
  const answers: AsyncIterable<{ piece: Buffer; decisions: ReadonlyMap<number, Decision> | null }> = Readable.from(
    pieces,
  ).map(
    async (piece: Buffer) => ({
      piece,
      decisions: piece.length % width === 0 ? await batch.checkValues(algorithm, piece) : null,
    }),
    { concurrency: PIECES_AHEAD },
  );
  let checked = 0;
  let matched = 0;
  let low = 0;
  let error: { readonly code: ErrorCode; readonly says: string } | null = null;
  let separator = '';
  // Sent with the first answer: until then a refusal can still set the status code.
  let begin = `{"generation":${batch.generation},"results":[`;
  try {
    for await (const { piece, decisions } of answers) {
      if (decisions === null) {
        error = { code: 'VALUE_INVALID', says: ERRORS.VALUE_INVALID.says };
        continue;
      }
      let text = '';
      for (const [position, decision] of decisions) {
        if (decision.verdict === 'match') matched++;
        const { id: _, ...result } = toResult(answerOf(batch, null, decision, isLowAt(algorithm, piece, position))) as {
          id: null;
        };
        text += `${separator}${JSON.stringify({ index: checked + position, ...result })}`;
        separator = ',';
      }
      checked += piece.length / width;
      low += countLow(algorithm, piece);
      if (text === '') continue;
      yield begin + text;
      begin = '';
    }
  } catch (thrown) {
    error = refusalOf(thrown, body, mayTruncate && begin === '');
  }
  const { reason } = batch.emptyDecision(algorithm);
  const unsearched = reason === null ? {} : { notChecked: checked, reason };
  const lowQuality = low === 0 ? {} : { lowQuality: low };
  yield `${begin}],${JSON.stringify({ checked, matched, ...lowQuality, ...unsearched, ...(error ? { error } : {}) }).slice(1)}`;
}
