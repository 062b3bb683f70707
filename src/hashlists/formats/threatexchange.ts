/**
 * ThreatExchange: indicators with descriptors, as an array, under `data`, or one a line. A record marked for deletion, or
 * without descriptors, is withdrawn; a record that its owners call NON_MALICIOUS is known good.
 */
import type { ParsedRow } from '../../core/parsed-row.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';
import { asArray, asObject, asText, fromUnixSeconds, jsonRecords, scalarsOf } from './json-records.js';

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

function rowOf(record: Fields, line: number, options: Omit<ListSource, 'bytes'>): ParsedRow {
  const entryId = asText(record.id);
  const at = fromUnixSeconds(record.last_updated) ?? asText(record.last_updated);
  const descriptors = dataOf(record.descriptors);
  const withdraw = (reason: 'not_active' | 'known_good'): ParsedRow => {
    const gone = entryId === undefined ? {} : { gone: { entryId, ...(at === undefined ? {} : { at }) } };
    return { ok: false, line, reason, ...gone };
  };
  if (record.should_delete === true || descriptors.length === 0) return withdraw('not_active');
  const value = asText(record.indicator) ?? asText(descriptors[0]!.raw_indicator);
  if (value === undefined) return { ok: false, line, reason: 'malformed' };
  const statuses = new Set(descriptors.map(({ status }) => asText(status)));
  const isGood = statuses.has('NON_MALICIOUS') && !statuses.has('MALICIOUS');
  if (isGood && options.kind === 'match') return withdraw('known_good');
  const isMeant = options.kind === 'match' ? statuses.has('MALICIOUS') : isGood;
  if (!isMeant) return withdraw('not_active');
  const tags = descriptors.flatMap((descriptor) => dataOf(descriptor.tags).flatMap(({ text }) => asText(text) ?? []));
  return normalise(
    {
      value,
      algorithm: asText(record.type),
      entryId,
      source: asText(asObject(descriptors[0]!.owner)?.id),
      updatedAt: at,
      status: 'active',
      tags: [...new Set(tags)],
      notes: scalarsOf(descriptors[0]!, MAPPED),
    },
    line,
    options,
  );
}
