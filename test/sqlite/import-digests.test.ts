/** The checksum of a list whose digests were computed in threads is that of its rows, however an import brings them. */
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { VALUES_PER_BATCH } from '../../src/store/lists/seal-pool.js';
import type { Store } from '../../src/store/store.js';
import { entryRow, stream } from '../store/lists-contract.js';

/** Some batches, so that threads seal them; the last one is not full. */
const ROWS = VALUES_PER_BATCH * 2 + 7;

type Change = (at: number) => Partial<Extract<ParsedRow, { ok: true }>['entry']>;

const rowsOf = (change: Change) =>
  Array.from({ length: ROWS }, (_, at) => entryRow(at + 1, 'md5', (at + 1).toString(16).padStart(32, '0'), change(at)));

/** Each of the cells that a digest covers: ids with half a surrogate pair, attributes, notes, and none of them. */
const MIXED: Change = (at) => ({
  entryId: ['', `id ${at}`, `half \ud800 ${at}`][at % 3]!,
  category: at % 5 === 0 ? 'A1' : null,
  tags: at % 7 === 0 ? ['é"', '\\'] : [],
  notes: at % 11 === 0 ? { note: `of ${at}` } : {},
});

const FORMS: readonly (readonly [string, Change])[] = [
  ['values alone', () => ({ entryId: '' })],
  ['every kind of cell', MIXED],
  ['the same once more', MIXED],
  ['no ids any more', (at) => ({ ...MIXED(at), entryId: '' })],
  ['other ids', (at) => ({ ...MIXED(at), entryId: `other ${at}` })],
  ['ids of the rows beside them', (at) => ({ ...MIXED(at), entryId: `other ${(at + 1) % ROWS}` })],
  ['other attributes', (at) => ({ entryId: `other ${at}`, category: 'B2' })],
];

async function checksumOf(store: Store, mode: 'replace' | 'add', change: Change): Promise<string> {
  const rows = rowsOf(change);
  await (mode === 'add' ? store.lists.addEntries('a', stream(rows)) : store.lists.replaceEntries('a', stream(rows)));
  const { ok, entryCount, checksum } = await store.lists.verify('a');
  // An entry that is added stays under its earlier ids.
  expect([ok, mode === 'replace' ? entryCount : ROWS]).toEqual([true, ROWS]);
  return checksum;
}

test.each(['replace', 'add'] as const)(
  'by %s, from each form of the rows to the next',
  async (mode) => {
    const store = await openSqliteStore(tempFolder('digests'));
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    const checksums = new Set<string>();
    for (const [, change] of FORMS) checksums.add(await checksumOf(store, mode, change));
    // One form is given twice; in a list that is replaced, values that lose their ids keep the entries that they have.
    expect(checksums.size).toBe(FORMS.length - (mode === 'replace' ? 2 : 1));
    await store.close();
  },
  60_000,
);
