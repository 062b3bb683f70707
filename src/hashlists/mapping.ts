/**
 * Mapping of CSV columns, or fields of a JSON record, to fields of an entry:
 * `value=HASH,algorithm=TYPE,category=SEVERITY,entryId=ID`. For several values in a row, each algorithm is mapped:
 * `md5=MD5,sha1=SHA1,photodna=PDNA`. A dot selects a nested JSON field: `md5=hashes.md5`; `records` is the records' path.
 */
import { AppError } from '../core/errors.js';
import { ALGORITHMS, type Algorithm } from '../core/vocabulary.js';
import type { RawFields } from './normalise.js';

const MAPPED_FIELDS = [
  'value',
  'algorithm',
  'entryId',
  'category',
  'severity',
  'source',
  'mediaType',
  'updatedAt',
  'status',
  'quality',
] as const;
type MappedField = (typeof MAPPED_FIELDS)[number];
/** Field → name of the column, as the file's header spells it. */
export type Mapping = Readonly<Partial<Record<MappedField | Algorithm | 'records', string>>>;

const KEYS: readonly string[] = [...MAPPED_FIELDS, ...ALGORITHMS, 'records'];

/** The columns of Zeef's own CSV: each field under its own name. */
export const OWN_MAPPING: Mapping = Object.fromEntries(MAPPED_FIELDS.map((field) => [field, field]));

/** Members of JSON that needs no mapping: as in Zeef's own, and values under the names of their algorithms. */
export const OWN_MEMBERS: Mapping = {
  ...OWN_MAPPING,
  ...Object.fromEntries(ALGORITHMS.map((algorithm) => [algorithm, algorithm])),
};

/** Return the columns with values; a file must have at least one of them. */
export function valueColumns(mapping: Mapping): readonly string[] {
  return (['value', ...ALGORITHMS] as const).flatMap((field) => mapping[field] ?? []);
}

/** Parse the text of `--map`. Errors HASHLIST_INVALID: an unknown field, a pair without `=`, no column with values. */
export function parseMapping(text: string): Mapping {
  const mapping: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const [field, column] = pair.split('=').map((part) => part.trim());
    if (!field || !KEYS.includes(field) || !column) {
      throw new AppError('HASHLIST_INVALID', { map: pair, expected: `field=COLUMN, fields: ${KEYS.join(' ')}` });
    }
    mapping[field] = column;
  }
  if (valueColumns(mapping).length === 0) {
    throw new AppError('HASHLIST_INVALID', { map: text, expected: `value=COLUMN, or ${ALGORITHMS.join('=, ')}=` });
  }
  return mapping;
}

/** A mapping resolved for one file: only its existing columns, each with its location (`C`). Reused for every row. */
export interface Plan<C> {
  readonly fields: Readonly<Partial<Record<MappedField, C>>>;
  readonly values: readonly (readonly [Algorithm, C])[];
}

/** Resolve a mapping. `locate`: returns a column's location, undefined if the file does not have it. */
export function planOf<C>(mapping: Mapping, locate: (column: string) => C | undefined): Plan<C> {
  const places = <F extends MappedField | Algorithm>(fields: readonly F[]): (readonly [F, C])[] =>
    fields.flatMap((field) => {
      const at = mapping[field] === undefined ? undefined : locate(mapping[field]);
      return at === undefined ? [] : [[field, at] as const];
    });
  return { fields: Object.fromEntries(places(MAPPED_FIELDS)) as Plan<C>['fields'], values: places(ALGORITHMS) };
}

/**
 * Return the fields of a row, once for each of its values. A row without values is returned too, to be rejected.
 * `read`: returns the text of a column, undefined if the row has none. `notes`, `tags`: those of the row, for each of its values.
 */
export function fieldsOf<C>(
  { fields, values }: Plan<C>,
  read: (at: C) => string | undefined,
  { notes, tags }: Pick<RawFields, 'notes' | 'tags'>,
): readonly RawFields[] {
  const textAt = (at: C | undefined) => (at === undefined ? undefined : read(at));
  // Every row has all members in one order: objects of one shape are made and read faster. It was a third of the time of a row.
  const about: RawFields & Record<MappedField, string | undefined> = {
    value: textAt(fields.value) ?? '',
    algorithm: textAt(fields.algorithm),
    entryId: textAt(fields.entryId),
    category: textAt(fields.category),
    severity: textAt(fields.severity),
    source: textAt(fields.source),
    mediaType: textAt(fields.mediaType),
    updatedAt: textAt(fields.updatedAt),
    status: textAt(fields.status),
    quality: textAt(fields.quality),
    notes,
    tags,
  };
  const named: RawFields[] = [];
  for (const [algorithm, at] of values) {
    const value = textAt(at)?.trim();
    if (value) named.push({ ...about, value, algorithm });
  }
  return about.value.trim() === '' && named.length > 0 ? named : [about, ...named];
}
