/** JSON documents → their records, one at a time: a list of gigabytes is one array that is never there as a whole. */
import { JSONParser } from '@streamparser/json';
import { AppError } from '../../core/errors.js';
import { HASHLIST_RECORD_BYTES_MAX } from '../../core/limits.js';

const SPACE = 0x20;

interface JsonRecord {
  /** From 1. */
  readonly number: number;
  readonly value: unknown;
}

/**
 * `paths`: where records lie, such as `$.value.*`. `separator`: of several documents in one file.
 * Errors  HASHLIST_INVALID: not JSON, cut short, or a record longer than `HASHLIST_RECORD_BYTES_MAX`.
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
    throw new AppError('HASHLIST_INVALID', { record: number + ready.length + 1, why: 'not JSON' }, failure);
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
      throw new AppError('HASHLIST_INVALID', { record: number + 1, why: 'a record is too long' });
    }
    const batch = ready;
    ready = [];
    for (const value of batch) yield { number: ++number, value };
  }
  if (isEmpty) throw new AppError('HASHLIST_INVALID', { record: 1, why: 'there is no JSON' });
  attempt(() => {
    if (!parser.isEnded) parser.end();
  });
  for (const value of ready) yield { number: ++number, value };
}

/** A JSON object, or null. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Text, or a number written as text; undefined for all else. */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
}

/** Seconds since 1970 → RFC 3339; undefined where it is no such number. */
export function fromUnixSeconds(value: unknown): string | undefined {
  const ms = Number(value) * 1000;
  return value !== null && value !== undefined && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : undefined;
}
