/** The row of an entry, in every store: one value of one entry. */
import { ALGORITHMS, type Entry, NO_ATTRIBUTES } from '../../core/vocabulary.js';
import { VALUE_NAME_BYTES, type Vault } from '../../vault/vault.js';
import type { EntryChange } from '../lists-contract.js';

/** The part of an entry that is covered by its list's checksum. */
export interface Checked {
  /** Position in `ALGORITHMS`. */
  readonly algorithm: number;
  /** Sealed, with the algorithm's number as label. A new data key changes all checksums. */
  readonly value: Buffer;
  readonly entry_id: string;
  readonly attributes: string | null;
  /** Sealed JSON. */
  readonly notes: Buffer | null;
}

/** What names a row of a list. */
export type Identity = Pick<Checked, 'algorithm' | 'value' | 'entry_id'>;

export type ValueName = Omit<Identity, 'entry_id'>;

/** What a writer gives of a new entry. */
export interface NewRow extends Checked {
  /** Of its checked part, where it is known. */
  readonly digest?: Buffer | undefined;
  /** The version that last changed the entry. */
  readonly since: number;
  readonly disabled: number;
}

/** A row that a store holds. `id`: its key. */
export interface StoredRow extends Omit<NewRow, 'digest'> {
  readonly id: number;
  /** One of `MARKS`. */
  readonly quarantined: number;
}

/** Values of `StoredRow.quarantined`. */
export const MARKS = { release: 0, quarantine: 1, flood: 2 } as const;

/** Return whether a change would change a row. A flood does not change what a person decided. */
export function isChange(
  { disabled, quarantined }: Pick<StoredRow, 'disabled' | 'quarantined'>,
  change: EntryChange,
): boolean {
  if (change === 'remove') return true;
  if (change === 'enable') return disabled === 1;
  if (change === 'disable') return disabled === 0;
  return change === 'flood' ? quarantined === MARKS.release : quarantined !== MARKS[change];
}

/** What is converted to an entry. `name`: of its list. */
export interface EntryRow extends Checked {
  readonly name: string;
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

/** Store only given attributes: most entries have nothing but their value. */
export function toAttributes(entry: Omit<Entry, 'list'>): string | null {
  const { category, severity, source, mediaType, updatedAt, tags, inactiveUntil } = entry;
  const given: Attributes = {};
  if (category !== null) given.category = category;
  if (severity !== null) given.severity = severity;
  if (source !== null) given.source = source;
  if (mediaType !== null) given.mediaType = mediaType;
  if (updatedAt !== null) given.updatedAt = updatedAt;
  if (tags.length > 0) given.tags = tags;
  if (inactiveUntil) given.inactiveUntil = inactiveUntil;
  const text = JSON.stringify(given);
  return text === '{}' ? null : text;
}

/** Return attributes of a new statement with the time that a person set for the entry, unless the statement has one. */
export function withHeldTime(held: string | null, said: string | null): string | null {
  if (held === null || !held.includes('"inactiveUntil"')) return said;
  const { inactiveUntil } = JSON.parse(held) as Attributes;
  const given = JSON.parse(said ?? '{}') as Attributes;
  return inactiveUntil && !given.inactiveUntil ? JSON.stringify({ ...given, inactiveUntil }) : said;
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

/** Return the time of the last update that the list gave, RFC 3339; null without one. */
export const updatedAtOf = ({ attributes }: Pick<Checked, 'attributes'>): string | null =>
  attributes === null ? null : ((JSON.parse(attributes) as { updatedAt?: string }).updatedAt ?? null);

/** Milliseconds since 1970 of a source's time; null without one, or where it is none. */
export function msOf(at: string | null | undefined): number | null {
  const ms = at ? Date.parse(at) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

export const isSameValue = (a: ValueName, b: ValueName): boolean =>
  a.algorithm === b.algorithm && a.value.compare(b.value, 0, VALUE_NAME_BYTES, 0, VALUE_NAME_BYTES) === 0;

/** The name of a value in memory. */
export const nameOf = ({ algorithm, value }: ValueName) =>
  `${algorithm} ${value.toString('latin1', 0, VALUE_NAME_BYTES)}`;
