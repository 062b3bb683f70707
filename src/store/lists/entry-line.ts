/** An entry in a page of its list, from the rows of its values. */

import { ALGORITHMS } from '../../core/vocabulary.js';
import type { EntryLine } from '../lists-contract.js';
import { MARKS, type StoredRow } from './entry-row.js';

/** Values of one entry that a page looks at: those of an image with its variants are some forty. */
export const ENTRY_VALUES_READ_MAX = 100;

/** `rows`: the first values of the entry, at least one. */
export function lineOf(
  entryId: string,
  rows: readonly Pick<StoredRow, 'algorithm' | 'disabled' | 'quarantined'>[],
): EntryLine {
  return {
    entryId,
    algorithms: ALGORITHMS.filter((_, at) => rows.some(({ algorithm }) => algorithm === at)),
    disabled: rows.every(({ disabled }) => disabled === 1),
    quarantined: rows.some(({ quarantined }) => quarantined === MARKS.quarantine),
    flooded: rows.some(({ quarantined }) => quarantined === MARKS.flood),
  };
}
