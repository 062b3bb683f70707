/** One content of HMA and its signals → rows, whatever file it is in. */
import type { ParsedRow } from '../../core/parsed-row.js';
import { keptNotes, normalise, type RawFields } from '../normalise.js';
import type { ListSource } from '../source.js';
import { asObject, fromUnixSeconds } from './json-records.js';

export type HmaOptions = Omit<ListSource, 'bytes'>;
type Notes = Readonly<Record<string, string>>;

/** HMA's value of `disable_until_ts` that is no time. Its 1, a content that counts, is a time that is past, as in `cases/contents.ts`. */
const FOR_EVER = '0';

/** Until when a content does not count: RFC 3339; null: for ever. */
export type Until = string | null;

/** Return until when a content does not count, from `disable_until_ts`; undefined if it is none. */
export function untilOf(text: string): Until | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  return text === FOR_EVER ? null : fromUnixSeconds(text);
}

/** HMA's identifiers are integers of 32 bits. */
export const isContentId = (text: string) => /^\d{1,10}$/.test(text);

const NO_NOTES: Notes = {};

/** What is kept beside a content, by the names under which `cases/contents.ts` keeps it. */
interface Beside {
  readonly note: string | null;
  /** JSON, an object. */
  readonly metadata: string | null;
  readonly uri: string | null;
}

/** Return the notes of a content, and whether all of them are kept. */
export function notesOfContent({ note, metadata, uri }: Beside): { readonly notes: Notes; readonly isWhole: boolean } {
  if (!note && !metadata && !uri) return { notes: NO_NOTES, isWhole: true };
  const given = {
    ...(note ? { note } : {}),
    ...(metadata ? { metadata } : {}),
    ...(uri ? { original_content_uri: uri } : {}),
  };
  const notes = keptNotes(given);
  return { notes, isWhole: Object.entries(given).every(([name, text]) => name in notes || text.trim() === '') };
}

/** Return metadata as it is kept, undefined if it is no JSON object. */
export function metadataText(value: unknown): string | undefined {
  const object = asObject(value);
  return object === null ? undefined : JSON.stringify(object);
}

/** Signal types that are read. All others come from extensions. */
const TYPES: ReadonlyMap<string, Pick<RawFields, 'algorithm' | 'mediaType'>> = new Map([
  ['pdq', { algorithm: 'pdq' }],
  ['video_md5', { algorithm: 'md5', mediaType: 'video' }],
]);

export const entryIdOf = (contentId: string) => `hma-${contentId}`;

interface Signal {
  readonly type: string;
  readonly value: string;
  readonly line: number;
}

/** Return a signal of a content as a row. A content that is disabled for ever is withdrawn. */
export function rowOfSignal(
  { id, until, notes }: { readonly id: string; readonly until: Until; readonly notes: Notes },
  { type, value, line }: Signal,
  options: HmaOptions,
  onOtherType: (type: string) => void,
): ParsedRow {
  const entryId = entryIdOf(id);
  if (until === null) return { ok: false, line, reason: 'not_active', gone: { entryId } };
  const known = TYPES.get(type);
  if (known === undefined) {
    onOtherType(type);
    return { ok: false, line, reason: 'unknown_algorithm', of: { entryId } };
  }
  const row = normalise({ ...known, value, entryId, notes }, line, options);
  return row.ok ? { ...row, entry: { ...row.entry, inactiveUntil: until } } : row;
}
