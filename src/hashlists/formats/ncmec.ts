/**
 * NCMEC Hash Sharing v2: pages of XML. Member and id together identify an entry. It has several fingerprints; those given
 * by reference (`href`) have no value. Deletions are separate entries.
 */

import { SaxesParser, type SaxesTagNS } from 'saxes';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { HASHLIST_RECORD_BYTES_MAX } from '../lines.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';

const NAMESPACE = 'https://hashsharing.ncmec.org/hashsharing/v2';
const ENTRIES = new Set(['image', 'video', 'deletedImage', 'deletedVideo']);

interface Fingerprint {
  readonly type: string;
  readonly isReference: boolean;
  value: string;
}

interface Record {
  readonly kind: string;
  readonly number: number;
  member: string;
  memberId: string;
  id: string;
  timestamp: string;
  classification: string;
  readonly fingerprints: Fingerprint[];
}

/** Builds records from the parser's events; a record is ready when its element closes. */
class Reader {
  readonly ready: Record[] = [];
  #open: Record | null = null;
  #inFingerprints = false;
  #text = '';
  #count = 0;
  hasRoot = false;

  opened({ local, uri, attributes }: { local: string; uri: string; attributes: { [name: string]: string } }): void {
    this.#text = '';
    if (!this.hasRoot) {
      if (local !== 'queryResult' || uri !== NAMESPACE) throw new Error(`unexpected root element ${local}`);
      this.hasRoot = true;
    } else if (this.#open === null) {
      if (!ENTRIES.has(local)) return;
      const empty = { member: '', memberId: '', id: '', timestamp: '', classification: '' };
      this.#open = { kind: local, number: ++this.#count, ...empty, fingerprints: [] };
    } else if (local === 'fingerprints') this.#inFingerprints = true;
    else if (this.#inFingerprints) {
      this.#open.fingerprints.push({ type: local, isReference: attributes.href !== undefined, value: '' });
    } else if (local === 'member') this.#open.memberId = attributes.id ?? '';
  }

  text(text: string): void {
    this.#text += text;
    if (this.#text.length > HASHLIST_RECORD_BYTES_MAX)
      throw new Error(`text exceeds ${HASHLIST_RECORD_BYTES_MAX} bytes`);
  }

  closed(local: string): void {
    const record = this.#open;
    if (!record) return;
    const text = this.#text.trim();
    this.#text = '';
    if (local === record.kind) {
      this.ready.push(record);
      this.#open = null;
    } else if (local === 'fingerprints') this.#inFingerprints = false;
    else if (this.#inFingerprints) record.fingerprints.at(-1)!.value = text;
    else if (local === 'member' || local === 'id' || local === 'timestamp' || local === 'classification')
      record[local] = text;
  }
}

/** Parse pages of XML. Errors HASHLIST_INVALID: not XML, truncated, or of another schema. */
export async function* parseNcmec({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  const parser = new SaxesParser({ xmlns: true, position: true });
  const reader = new Reader();
  let failure: unknown = null;
  let sinceEvent = 0;
  const guarded =
    <A extends unknown[]>(work: (...given: A) => void) =>
    (...given: A) => {
      sinceEvent = 0;
      if (failure !== null) return;
      try {
        work(...given);
      } catch (error) {
        failure = error;
      }
    };
  parser.on('error', (error) => {
    failure ??= error;
  });
  parser.on(
    'opentag',
    guarded(({ local, uri, attributes }: SaxesTagNS) => {
      const plain: { [name: string]: string } = {};
      for (const name in attributes) plain[attributes[name]!.local] = attributes[name]!.value;
      reader.opened({ local, uri, attributes: plain });
    }),
  );
  parser.on(
    'text',
    guarded((text: string) => reader.text(text)),
  );
  parser.on(
    'cdata',
    guarded((text: string) => reader.text(text)),
  );
  parser.on(
    'closetag',
    guarded(({ local }: SaxesTagNS) => reader.closed(local)),
  );
  const check = () => {
    if (failure === null) return;
    const why = failure instanceof Error ? failure.message.split('\n')[0]!.slice(0, 100) : 'invalid XML';
    throw new AppError('HASHLIST_INVALID', { line: parser.line, why }, failure);
  };
  const decoder = new TextDecoder('utf-8');
  for await (const chunk of bytes) {
    sinceEvent += chunk.length;
    parser.write(decoder.decode(chunk, { stream: true }));
    // The parser buffers a text, a comment or a tag until it ends: an endless one must not fill the memory.
    if (sinceEvent > HASHLIST_RECORD_BYTES_MAX)
      failure ??= new Error(`text exceeds ${HASHLIST_RECORD_BYTES_MAX} bytes`);
    check();
    for (const record of reader.ready.splice(0)) yield* rowsOf(record, options);
  }
  parser.close();
  if (!reader.hasRoot) failure ??= new Error('empty file');
  check();
  for (const record of reader.ready.splice(0)) yield* rowsOf(record, options);
}

function* rowsOf(record: Record, options: Omit<ListSource, 'bytes'>): Generator<ParsedRow> {
  const { kind, number: line, member, memberId, id, timestamp, classification, fingerprints } = record;
  if (id === '' || memberId === '') {
    yield { ok: false, line, reason: 'malformed' };
    return;
  }
  const entryId = `${memberId}/${id}`;
  if (kind.startsWith('deleted')) {
    yield { ok: false, line, reason: 'not_active', gone: { entryId, ...(timestamp ? { at: timestamp } : {}) } };
    return;
  }
  const common = { entryId, category: classification, source: member, mediaType: kind, updatedAt: timestamp };
  if (fingerprints.length === 0) yield { ok: false, line, reason: 'malformed' };
  for (const { type, isReference, value } of fingerprints) {
    if (isReference || value === '') yield { ok: false, line, reason: 'not_a_value' };
    else yield normalise({ ...common, algorithm: type, value }, line, options);
  }
}
