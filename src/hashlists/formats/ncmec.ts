/**
 * NCMEC Hash Sharing v2: pages of XML. Member and id together identify an entry. It has several fingerprints; those given
 * by reference (`href`) have no value. Deletions are separate entries.
 */

import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';
import { NcmecFeedback } from './ncmec-feedback.js';
import { BoundedXml, type XmlElement, XmlFault } from './xml.js';

const NAMESPACE = 'https://hashsharing.ncmec.org/hashsharing/v2';
const ENTRIES = new Set(['image', 'video', 'deletedImage', 'deletedVideo']);
/** An image has a handful of algorithms. */
const FINGERPRINTS_MAX = 1_000;
/** Other elements of an entry that are kept: it has a handful. */
const NOTES_MAX = 20;
/** The longest text is a PhotoDNA value of 288 characters; names and notes are under a thousand. */
const TEXT_CHARS_MAX = 65_536;

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
  readonly notes: { [name: string]: string };
  readonly feedback: NcmecFeedback;
}

/** Builds records from the parser's events; a record is ready when its element closes. */
class Reader {
  readonly ready: Record[] = [];
  #open: Record | null = null;
  #inFingerprints = false;
  /** Other members speak in it. */
  #inFeedback = false;
  /** Open elements within the entry. */
  #depth = 0;
  #text = '';
  #count = 0;
  hasRoot = false;

  opened({ local, uri, attributes }: XmlElement): void {
    this.#text = '';
    if (!this.hasRoot) {
      // The element found is not named: it may be a value.
      if (local !== 'queryResult' || uri !== NAMESPACE) throw new XmlFault('the root is no queryResult of NCMEC');
      this.hasRoot = true;
    } else if (this.#open === null) {
      if (!ENTRIES.has(local)) return;
      const empty = { member: '', memberId: '', id: '', timestamp: '', classification: '' };
      this.#open = {
        kind: local,
        number: ++this.#count,
        ...empty,
        fingerprints: [],
        notes: {},
        feedback: new NcmecFeedback(),
      };
      this.#depth = 0;
    } else this.#openedWithin(this.#open, local, attributes);
  }

  #openedWithin({ fingerprints, feedback }: Record, local: string, attributes: XmlElement['attributes']): void {
    this.#depth++;
    if (this.#inFingerprints) {
      if (fingerprints.length >= FINGERPRINTS_MAX)
        throw new XmlFault(`an entry has more than ${FINGERPRINTS_MAX} fingerprints`);
      fingerprints.push({ type: local, isReference: attributes.href !== undefined, value: '' });
    } else if (this.#inFeedback) feedback.opened(local, attributes);
    else if (this.#depth > 1) return;
    else if (local === 'fingerprints') this.#inFingerprints = true;
    else if (local === 'feedback') this.#inFeedback = true;
    else if (local === 'member') this.#open!.memberId = attributes.id ?? '';
  }

  text(text: string): void {
    this.#text += text;
    if (this.#text.length > TEXT_CHARS_MAX) throw new XmlFault(`text exceeds ${TEXT_CHARS_MAX} characters`);
  }

  closed(local: string): void {
    const record = this.#open;
    if (!record) return;
    const text = this.#text.trim();
    this.#text = '';
    const depth = this.#depth--;
    if (depth === 0) {
      this.ready.push(record);
      this.#open = null;
    } else if (local === 'fingerprints' && depth === 1) this.#inFingerprints = false;
    else if (this.#inFingerprints) record.fingerprints.at(-1)!.value = text;
    else if (local === 'feedback' && depth === 1) this.#inFeedback = false;
    else if (this.#inFeedback) record.feedback.closed(local, text);
    else if (depth > 1) return;
    else if (local === 'member' || local === 'id' || local === 'timestamp' || local === 'classification')
      record[local] = text;
    else if (text !== '' && Object.keys(record.notes).length < NOTES_MAX) record.notes[local] = text;
  }
}

/** Parse pages of XML. Errors HASHLIST_INVALID: not XML, truncated, of another schema, or beyond a bound. */
export async function* parseNcmec({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  const reader = new Reader();
  const xml = new BoundedXml(reader);
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof XmlFault)) throw error;
      throw new AppError('HASHLIST_INVALID', { line: xml.line, why: error.message });
    }
  };
  for await (const chunk of bytes) {
    attempt(() => xml.write(chunk));
    for (const record of reader.ready.splice(0)) yield* rowsOf(record, options);
  }
  attempt(() => {
    xml.close();
    if (!reader.hasRoot) throw new XmlFault('empty file');
  });
  for (const record of reader.ready.splice(0)) yield* rowsOf(record, options);
}

function* rowsOf(record: Record, options: Omit<ListSource, 'bytes'>): Generator<ParsedRow> {
  const { kind, number: line, member, memberId, id, timestamp, classification, fingerprints, notes, feedback } = record;
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
  const of = { entryId, ...(timestamp ? { at: timestamp } : {}) };
  if (fingerprints.length === 0) yield { ok: false, line, reason: 'malformed', of };
  for (const { type, isReference, value } of fingerprints) {
    if (isReference || value === '') yield { ok: false, line, reason: 'not_a_value', of };
    else {
      const about = { ...notes, ...feedback.notesOf(type) };
      yield normalise({ ...common, algorithm: type, value, notes: about }, line, options);
    }
  }
}
