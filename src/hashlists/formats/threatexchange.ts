/**
 * ThreatExchange: indicators with descriptors, as an array, under `data`, or one a line. A record marked for deletion, or
 * without descriptors, is withdrawn; a record that its owners call NON_MALICIOUS is known good.
 */
import type { ParsedRow } from '../../core/parsed-row.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';
import { asArray, asObject, asText, fromUnixSeconds, isSet, jsonRecords, scalarsOf } from './json-records.js';

type Fields = Readonly<Record<string, unknown>>;

const dataOf = (value: unknown): Fields[] =>
  asArray(asObject(value)?.data)
    .map(asObject)
    .filter((one): one is Fields => one !== null);

/** Pieces before the first character; a document begins in its first piece. */
const PIECES_HELD_MAX = 16;

/** Return whether the document is an array, by its first byte that is not white space, and all of its bytes. */
async function startsArray(bytes: AsyncIterable<Uint8Array>): Promise<[boolean, AsyncIterable<Uint8Array>]> {
  const iterator = bytes[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let first = '';
  // White space without an end is left to the parser, which refuses it.
  while (first === '' && held.length < PIECES_HELD_MAX) {
    const { done, value } = await iterator.next();
    if (done) break;
    held.push(value);
    first = Buffer.from(value)
      .toString('latin1')
      .replace(/^[\s\xef\xbb\xbf]+/, '')
      .slice(0, 1);
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* held;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) return;
      yield value;
    }
  }
  return [first === '[', whole()];
}

export async function* parseThreatExchange({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  const [isArray, whole] = await startsArray(bytes);
  let line = 0;
  for await (const { value } of jsonRecords(whole, isArray ? ['$.*'] : ['$.data.*', '$'], isArray ? undefined : '\n')) {
    const record = asObject(value);
    // The page object itself: its records have been emitted before it.
    if (!isArray && record && 'data' in record && !('indicator' in record)) continue;
    line++;
    yield record ? rowOf(record, line, options) : { ok: false, line, reason: 'malformed' };
  }
}

/** Members of a descriptor that have a field, or hold the value. */
const MAPPED = new Set(['id', 'raw_indicator', 'type', 'status', 'indicator']);

/** The tools write seconds, or a time whose zone has no colon: `2024-07-01T18:31:15+0000`. */
function timeOf(value: unknown): string | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return fromUnixSeconds(value) ?? (Number.isNaN(ms) ? undefined : new Date(ms).toISOString());
}

const KNOWN_GOOD = 'known good';

/** Return the status that `normalise` reads: `active` if the record is meant for a list of this kind. */
function statusOf(record: Fields, descriptors: readonly Fields[], kind: ListSource['kind']): string {
  if (isSet(record.should_delete) || descriptors.length === 0) return 'deleted';
  const statuses = new Set(descriptors.map(({ status }) => asText(status)));
  if (statuses.has('MALICIOUS')) return kind === 'match' ? 'active' : 'malicious';
  if (!statuses.has('NON_MALICIOUS')) return 'unknown';
  return kind === 'match' ? KNOWN_GOOD : 'active';
}

function rowOf(record: Fields, line: number, options: Omit<ListSource, 'bytes'>): ParsedRow {
  const descriptors = dataOf(record.descriptors);
  const [first = {}] = descriptors;
  const status = statusOf(record, descriptors, options.kind);
  const tags = descriptors.flatMap((descriptor) => dataOf(descriptor.tags).flatMap(({ text }) => asText(text) ?? []));
  const row = normalise(
    {
      value: asText(record.indicator) ?? asText(first.raw_indicator) ?? '',
      algorithm: asText(record.type),
      entryId: asText(record.id),
      source: asText(asObject(first.owner)?.id),
      updatedAt: timeOf(record.last_updated),
      status,
      tags: [...new Set(tags)],
      notes: scalarsOf(first, MAPPED),
    },
    line,
    options,
  );
  return !row.ok && row.reason === 'not_active' && status === KNOWN_GOOD ? { ...row, reason: 'known_good' } : row;
}
