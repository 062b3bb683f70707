/** JSON documents → their records, streamed: an array of gigabytes is never in memory as a whole. */

import { JSONParser } from '@streamparser/json';
import { AppError } from '../../core/errors.js';
import { HASHLIST_RECORD_BYTES_MAX } from '../lines.js';

const SPACE = 0x20;

interface JsonRecord {
  /** From 1. */
  readonly number: number;
  readonly value: unknown;
}

/**
 * Yield the records of JSON documents. `paths`: to the records, such as `$.value.*`. `separator`: between several documents.
 *
 * Errors  HASHLIST_INVALID: not JSON, truncated, or a record longer than `HASHLIST_RECORD_BYTES_MAX`.
 */
export async function* jsonRecords(
  bytes: AsyncIterable<Uint8Array>,
  paths: readonly string[],
  separator?: string,
): AsyncGenerator<JsonRecord> {
  const parser = new JSONParser({ paths: [...paths], keepStack: false, ...(separator ? { separator } : {}) });
  let ready: unknown[] = [];
  let number = 0;
  let sinceRecord = 0;
  let failure: unknown = null;
  parser.onValue = ({ value }) => void ready.push(value);
  parser.onError = (error) => {
    failure ??= error;
  };
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      failure ??= error;
    }
    if (failure === null) return;
    throw new AppError('HASHLIST_INVALID', { record: number + ready.length + 1, why: 'invalid JSON' }, failure);
  };
  let isFirst = true;
  let isEmpty = true;
  for await (const chunk of bytes) {
    const hasMark = isFirst && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;
    isFirst = false;
    isEmpty &&= chunk.every((byte) => byte <= SPACE);
    attempt(() => parser.write(hasMark ? chunk.subarray(3) : chunk));
    sinceRecord = ready.length > 0 ? 0 : sinceRecord + chunk.length;
    if (sinceRecord > HASHLIST_RECORD_BYTES_MAX) {
      throw new AppError('HASHLIST_INVALID', {
        record: number + 1,
        why: `record exceeds ${HASHLIST_RECORD_BYTES_MAX} bytes`,
      });
    }
    const batch = ready;
    ready = [];
    for (const value of batch) yield { number: ++number, value };
  }
  if (isEmpty) throw new AppError('HASHLIST_INVALID', { record: 1, why: 'empty file' });
  attempt(() => {
    if (!parser.isEnded) parser.end();
  });
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

/** Convert seconds since 1970 → RFC 3339; undefined for an invalid time. */
export function fromUnixSeconds(value: unknown): string | undefined {
  const ms = Number(value) * 1000;
  return value !== null && value !== undefined && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : undefined;
}
