/** Which column of a CSV is which field of an entry: `value=HASH,algorithm=TYPE,category=SEVERITY,entryId=ID`. */
import { AppError } from '../core/errors.js';

export const MAPPED_FIELDS = [
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
export type MappedField = (typeof MAPPED_FIELDS)[number];
/** Field → name of the column, as the file's header spells it. */
export type Mapping = Readonly<Partial<Record<MappedField, string>>>;

/** The columns of Zeef's own CSV: each field under its own name. */
export const OWN_MAPPING: Mapping = Object.fromEntries(MAPPED_FIELDS.map((field) => [field, field]));

/** Errors HASHLIST_INVALID: a field that there is not, a pair without `=`, no `value`. */
export function parseMapping(text: string): Mapping {
  const mapping: Partial<Record<MappedField, string>> = {};
  for (const pair of text.split(',')) {
    const [field, column] = pair.split('=').map((part) => part.trim());
    if (!MAPPED_FIELDS.includes(field as MappedField) || !column) {
      throw new AppError('HASHLIST_INVALID', {
        map: pair,
        expected: `field=COLUMN, fields: ${MAPPED_FIELDS.join(' ')}`,
      });
    }
    mapping[field as MappedField] = column;
  }
  if (!mapping.value) throw new AppError('HASHLIST_INVALID', { map: text, expected: 'value=COLUMN' });
  return mapping;
}
