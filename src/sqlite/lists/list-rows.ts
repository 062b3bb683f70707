/** Rows of the tables `list` and `entry`, and their conversion to the contract's types. */
import { AppError } from '../../core/errors.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import {
  ALGORITHMS,
  type Algorithm,
  type Entry,
  type ListInfo,
  type ListTerms,
  NO_ATTRIBUTES,
  NO_TERMS,
} from '../../core/vocabulary.js';
import type { Vault } from '../../vault/vault.js';
import { sound } from '../sums.js';
import { LIST, metaOf } from './database.js';

export interface ListRow {
  readonly id: number;
  readonly name: string;
  readonly kind: ListInfo['kind'];
  readonly enabled: number;
  readonly radius_bits: number;
  readonly match_low_quality: number;
  readonly version: number;
  readonly imported_at: string | null;
  readonly rejected: number;
  readonly duplicates: number;
  readonly checksum: string;
  readonly counts: string;
  readonly terms: string;
}

export interface EntryRow {
  readonly id: number;
  readonly name: string;
  readonly algorithm: number;
  /** Sealed, with the algorithm's number as label. */
  readonly value: Buffer;
  readonly entry_id: string;
  readonly attributes: string | null;
  /** Sealed JSON. */
  readonly notes: Buffer | null;
}

/** Label of sealed notes: no number of an algorithm. */
const NOTES_LABEL = 200;

type Attributes = {
  -readonly [Name in keyof Omit<Entry, 'list' | 'entryId' | 'algorithm' | 'value' | 'notes'>]?: Entry[Name];
};

export function sealNotes(vault: Vault, { notes }: Pick<Entry, 'notes'>): Buffer | null {
  for (const _ in notes) return vault.seal(NOTES_LABEL, Buffer.from(JSON.stringify(notes)));
  return null;
}

/** Errors SEALED_DAMAGED. */
const openNotes = (vault: Vault, sealed: Buffer): Entry['notes'] =>
  JSON.parse(vault.open(NOTES_LABEL, sealed).toString()) as Entry['notes'];

/** Seal notes by the current data key. Errors SEALED_DAMAGED. */
export const resealNotes = (from: Vault, to: Vault, sealed: Buffer): Buffer =>
  to.seal(NOTES_LABEL, from.open(NOTES_LABEL, sealed));

export function toInfo(row: ListRow): ListInfo {
  const entriesByAlgorithm = JSON.parse(row.counts) as Partial<Record<Algorithm, number>>;
  return {
    list: row.name,
    kind: row.kind,
    enabled: row.enabled === 1,
    radiusBits: row.radius_bits,
    matchLowQuality: row.match_low_quality === 1,
    version: row.version,
    importedAt: row.imported_at,
    entryCount: Object.values(entriesByAlgorithm).reduce((sum, count) => sum + count, 0),
    rejectedCount: row.rejected,
    duplicateCount: row.duplicates,
    entriesByAlgorithm,
    ...NO_TERMS,
    ...(JSON.parse(row.terms) as Partial<ListTerms>),
  };
}

/** The part of a list that is stored in one column. */
export function toTerms({ categoryMap, severityMap, expiresAt, entryDaysMax }: ListTerms): string {
  return JSON.stringify({ categoryMap, severityMap, expiresAt, entryDaysMax });
}

/** Store only given attributes: most entries have nothing but their value. */
export function toAttributes(entry: Omit<Entry, 'list'>): string | null {
  const { category, severity, source, mediaType, updatedAt, tags } = entry;
  const given: Attributes = {};
  if (category !== null) given.category = category;
  if (severity !== null) given.severity = severity;
  if (source !== null) given.source = source;
  if (mediaType !== null) given.mediaType = mediaType;
  if (updatedAt !== null) given.updatedAt = updatedAt;
  if (tags.length > 0) given.tags = tags;
  const text = JSON.stringify(given);
  return text === '{}' ? null : text;
}

/** Errors SEALED_DAMAGED. */
export function toEntry(vault: Vault, row: EntryRow): Entry {
  const given = (row.attributes === null ? {} : JSON.parse(row.attributes)) as Attributes;
  return {
    list: row.name,
    entryId: row.entry_id,
    algorithm: ALGORITHMS[row.algorithm]!,
    value: vault.open(row.algorithm, row.value).toString('hex'),
    status: 'active',
    ...NO_ATTRIBUTES,
    notes: row.notes === null ? {} : openNotes(vault, row.notes),
    ...given,
  };
}

/** Errors LIST_NOT_FOUND, STORE_DAMAGED. */
export function rowOf(db: Sqlite, name: string): ListRow {
  const row = db.prepare<[string], ListRow>('SELECT * FROM list WHERE name = ?').get(name);
  if (!row) throw new AppError('LIST_NOT_FOUND', { list: name });
  return sound(LIST, row);
}

/** Key of the next entry; never one that was used before. */
export function nextEntryKey(db: Sqlite): number {
  const most = db.prepare<[], number | null>('SELECT max(id) FROM entry').pluck().get() ?? 0;
  return 1 + Math.max(metaOf(db, 'last_entry_key'), most);
}

/** After entries were added, up to this key: no key is given twice. SQLite counts too, but without a sum. */
export function noteEntryKey(db: Sqlite, key: number): void {
  db.prepare(`UPDATE meta SET value = max(value, ?) WHERE name = 'last_entry_key'`).run(key);
}

/** Return the time of the last update that the list gave, RFC 3339; null without one. */
export const updatedAtOf = ({ attributes }: { readonly attributes: string | null }): string | null =>
  attributes === null ? null : ((JSON.parse(attributes) as { updatedAt?: string }).updatedAt ?? null);
