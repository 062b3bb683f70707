/**
 * Contents: entries that clients add one by one, change and remove. A content is an entry, with all its values; its number is the lowest key of these,
 * so that entries of imports have one too.
 */
import { oneByOne } from '../core/batches.js';
import { AppError } from '../core/errors.js';
import { newId } from '../core/new-id.js';
import { type Algorithm, NO_ATTRIBUTES } from '../core/vocabulary.js';
import { valueFault } from '../hashlists/value-rules.js';
import { requireRoom } from '../lists/banks.js';
import { type ImportReview, openReview } from '../lists/import/import-review.js';
import type { HeldEntry, ListStore, Review } from '../store/lists-contract.js';

/** What a client keeps with an entry, as JSON: sealed with each of its values. */
export const METADATA_CHARACTERS_MAX = 16_384;

/** What clients keep with an entry, among its notes. */
export interface ContentFacts {
  readonly note?: string | null | undefined;
  /** JSON. */
  readonly metadata?: string | null | undefined;
}

interface NewContent extends ContentFacts {
  readonly list: string;
  /** Of all lists of the list's tenant. */
  readonly tenantEntriesMax: number;
  /** Lower-case hex. */
  readonly values: readonly { readonly algorithm: Algorithm; readonly value: string }[];
  readonly mediaType: string | null;
}

export interface Content {
  readonly contentId: number;
  readonly list: string;
  readonly entryId: string;
  readonly held: readonly HeldEntry[];
}

/** `until`: RFC 3339; `forever`: until a person changes it; null: it counts. */
export interface ContentChange extends ContentFacts {
  readonly inactive?: { readonly until: string } | 'forever' | null | undefined;
}

/** The time of an entry that counts, in place of one that a person had set. */
const COUNTS = '1970-01-01T00:00:01.000Z';

type Values = Pick<HeldEntry, 'notes' | 'inactiveUntil' | 'quarantined' | 'flooded' | 'disabled'>;

/** Return until when an entry does not count, as it was set; a time may be past. */
export function inactiveOf(held: readonly Values[]): Exclude<ContentChange['inactive'], undefined> {
  if (held.some(({ quarantined, disabled }) => quarantined || disabled)) return 'forever';
  const until = held.find(({ inactiveUntil }) => inactiveUntil)?.inactiveUntil ?? COUNTS;
  return until === COUNTS ? null : { until };
}

/** A review that lets nothing wait: the caller learns at once that it is refused, and a version that waits already stays. */
const orRefuse =
  (list: string, review: Review): Review =>
  (draft) => {
    const rules = review(draft).map(({ rule }) => rule);
    if (rules.length > 0) throw new AppError('ENTRY_REFUSED', { list, why: rules.join(' ') });
    return [];
  };

/** What an addition is reviewed by; what is said again of an entry that is there is not. */
interface Written {
  readonly origin: string;
  readonly watch?: ImportReview['watch'];
  readonly review?: Review;
}

type Statement = Omit<HeldEntry, 'list' | 'quarantined' | 'flooded' | 'disabled'>;

/** Write what is said of one entry. Errors ENTRY_REFUSED; LIST_NOT_FOUND, STORE_FAILED. */
async function write(lists: ListStore, list: string, entries: readonly Statement[], how: Written): Promise<void> {
  const { origin, watch = (batches) => batches, review = () => [] } = how;
  async function* rows() {
    yield entries.map((entry, at) => ({ ok: true, line: at + 1, entry }) as const);
  }
  const watched = { [Symbol.asyncIterator]: () => oneByOne(watch(rows())) };
  const { rejected } = await lists.addEntries(list, watched, { origin, review: orRefuse(list, review) });
  if (rejected > 0) throw new AppError('ENTRY_REFUSED', { list, why: 'its source has a newer statement' });
}

const notesOf = ({ note, metadata }: ContentFacts): Record<string, string> => ({
  ...(note ? { note } : {}),
  ...(metadata ? { metadata } : {}),
});

/**
 * Add an entry. The same values may be added again: they are an entry each.
 * Errors  VALUE_INVALID: a value that unrelated files share; ENTRY_REFUSED: it is near a canary, or crowded; TENANT_FULL;
 *         LIST_NOT_FOUND; REQUEST_INVALID: a suppression list; STORE_FAILED.
 */
export async function addContent(lists: ListStore, content: NewContent): Promise<Content> {
  const { list, values, mediaType } = content;
  const info = await lists.list(list);
  if (info === null) throw new AppError('LIST_NOT_FOUND', { list });
  if (info.kind === 'suppression') throw new AppError('REQUEST_INVALID', { list, expected: 'a match list' });
  for (const { algorithm, value } of values) {
    const fault = valueFault(algorithm, value);
    if (fault !== null) throw new AppError('VALUE_INVALID', { field: algorithm, why: fault });
  }
  await requireRoom(lists, info.tenant, content.tenantEntriesMax);
  const entryId = newId();
  const common = { ...NO_ATTRIBUTES, entryId, mediaType, notes: notesOf(content), status: 'active' as const };
  const updatedAt = new Date().toISOString();
  const entries = values.map((one) => ({ ...common, ...one, updatedAt }));
  const { radiusBits, tenant } = info;
  await write(lists, list, entries, { origin: 'content', ...(await openReview(lists, radiusBits, { tenant })) });
  return contentOf(lists, list, entryId);
}

/** Errors NOT_FOUND, LIST_NOT_FOUND, STORE_FAILED. */
export async function contentOf(lists: ListStore, list: string, entryId: string): Promise<Content> {
  const held = await lists.entry(list, entryId);
  const contentId = (await lists.entryKeys(list, [entryId])).get(entryId);
  if (held.length === 0 || contentId === undefined) throw new AppError('NOT_FOUND', { list });
  return { contentId, list, entryId, held };
}

/** Return what a client keeps with an entry. Columns of an import may have the same names, and any text. */
export function keptWith(held: readonly Pick<HeldEntry, 'notes'>[]): {
  readonly note: string | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
} {
  const { note = null, metadata = '' } = held[0]?.notes ?? {};
  try {
    const parsed: unknown = JSON.parse(metadata);
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return { note, metadata: isObject ? (parsed as Record<string, unknown>) : null };
  } catch {
    return { note, metadata: null };
  }
}

/** Return the content of a number, in whatever list; null: none has it. Errors STORE_FAILED. */
export async function contentById(lists: ListStore, contentId: number): Promise<Content | null> {
  const entry = (await lists.entriesByKeys([contentId])).get(contentId);
  if (entry === undefined) return null;
  return contentOf(lists, entry.list, entry.entryId).catch((error: unknown) => {
    // Its list, or the entry, went while it was read; or it is of an earlier version.
    if (error instanceof AppError && (error.code === 'NOT_FOUND' || error.code === 'LIST_NOT_FOUND')) return null;
    throw error;
  });
}

/**
 * Change what is kept with an entry, and whether it counts. An entry that does not count is still found, and said to be so.
 * Errors  ENTRY_REFUSED: its source said something newer meanwhile; NOT_FOUND, LIST_NOT_FOUND, STORE_FAILED.
 */
export async function changeContent(
  lists: ListStore,
  { list, entryId, held }: Pick<Content, 'list' | 'entryId' | 'held'>,
  { inactive, note, metadata }: ContentChange,
): Promise<Content> {
  const before = inactiveOf(held);
  const isTimed = inactive !== undefined && inactive !== 'forever';
  const until = isTimed ? (inactive?.until ?? COUNTS) : undefined;
  const hasTime = held.some(({ inactiveUntil }) => inactiveUntil);
  const isRestated =
    note !== undefined || metadata !== undefined || (until !== undefined && (until !== COUNTS || hasTime));
  if (isRestated) {
    const entries = held.map(({ quarantined: _q, flooded: _f, disabled: _d, list: _l, ...entry }) => {
      const { note: oldNote = null, metadata: oldMetadata = null, ...notes } = entry.notes;
      const kept = notesOf({
        note: note === undefined ? oldNote : note,
        metadata: metadata === undefined ? oldMetadata : metadata,
      });
      return { ...entry, notes: { ...notes, ...kept }, inactiveUntil: until ?? entry.inactiveUntil ?? null };
    });
    await write(lists, list, entries, { origin: 'content changed' });
  }
  if (inactive === 'forever') await lists.changeEntries(list, { entryId }, 'quarantine');
  // One that an operator disabled stays so, and is said to.
  else if (inactive !== undefined && before === 'forever') await lists.changeEntries(list, { entryId }, 'release');
  return contentOf(lists, list, entryId);
}
