/**
 * Which column of a CSV, or which field of a JSON record, is which field of an entry:
 * `value=HASH,algorithm=TYPE,category=SEVERITY,entryId=ID`. A row that carries several values names each by its algorithm:
 * `md5=MD5,sha1=SHA1,photodna=PDNA`. Inside JSON a dot goes deeper: `md5=hashes.md5`; `records` says where the records are.
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

/** Columns of which a file must have at least one: those that carry values. */
export function valueColumns(mapping: Mapping): readonly string[] {
  return (['value', ...ALGORITHMS] as const).flatMap((field) => mapping[field] ?? []);
}

/** Errors HASHLIST_INVALID: a field that there is not, a pair without `=`, no column that carries values. */
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

/** A mapping as one file has it: only the columns that are there, each by where it is (`C`). Made once, used for every row. */
export interface Plan<C> {
  readonly fields: readonly (readonly [MappedField, C])[];
  readonly values: readonly (readonly [Algorithm, C])[];
}

/** `locate`: where a column is, undefined where the file has none of that name. */
export function planOf<C>(mapping: Mapping, locate: (column: string) => C | undefined): Plan<C> {
  const places = <F extends MappedField | Algorithm>(fields: readonly F[]): (readonly [F, C])[] =>
    fields.flatMap((field) => {
      const at = mapping[field] === undefined ? undefined : locate(mapping[field]);
      return at === undefined ? [] : [[field, at] as const];
    });
  return { fields: places(MAPPED_FIELDS), values: places(ALGORITHMS) };
}

/**
 * What one row says: an entry for each value that it carries. A row that carries none still comes out, to be rejected.
 * `read`: the text of a column, undefined where the row has none.
 */
export function fieldsOf<C>(plan: Plan<C>, read: (at: C) => string | undefined): readonly RawFields[] {
  const about: { value: string } & Partial<Record<MappedField, string>> = { value: '' };
  for (const [field, at] of plan.fields) {
    const said = read(at);
    if (said !== undefined) about[field] = said;
  }
  if (plan.values.length === 0) return [about];
  const named = plan.values.flatMap(([algorithm, at]): RawFields[] => {
    const value = (read(at) ?? '').trim();
    return value === '' ? [] : [{ ...about, value, algorithm }];
  });
  return about.value.trim() === '' && named.length > 0 ? named : [about, ...named];
}
