/** Entries are found in memory as by the indexes of the table, whenever a way to find them is first taken. */
import { afterEach, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { Sqlite } from '../../src/core/sqlite-binding.js';
import { sumOfEntry } from '../../src/sqlite/lists/checksum.js';
import { openListsDatabase } from '../../src/sqlite/lists/database.js';
import { IDENTITY_INDEX } from '../../src/sqlite/lists/entry-indexes.js';
import { IndexLookup, MemoryLookup } from '../../src/sqlite/lists/entry-lookup.js';
import type { Identity } from '../../src/store/lists/entry-row.js';
import { vaultOf } from '../support/vault.js';

const LIST = 3;
const vault = vaultOf();
let db: Sqlite;
afterEach(() => db.close());

const sealedOf = (n: number) => vault.seal(0, Buffer.alloc(32, n));

function put(id: number, identity: Identity, list_id = LIST): void {
  const row = { id, list_id, ...identity, attributes: null, notes: null, disabled: 0, quarantined: 0, since: 1 };
  db.prepare(
    `INSERT OR REPLACE INTO entry VALUES
       (@id, @list_id, @algorithm, @value, @entry_id, @attributes, @notes, @disabled, @quarantined, @since, @sum)`,
  ).run({ ...row, sum: sumOfEntry(row) });
}

test.each([
  ['before it is looked into', false],
  ['after it was looked into', true],
])('a list that grows %s', (_says, isLooked) => {
  db = openListsDatabase(tempFolder('entry-lookup'));
  db.exec(IDENTITY_INDEX.replace('INDEX', 'INDEX IF NOT EXISTS'));
  const identities = Array.from({ length: 60 }, (_, n) => {
    return { algorithm: 0, value: sealedOf(n % 20), entry_id: `e${n % 15}` };
  });
  for (const [n, one] of identities.slice(0, 20).entries()) put(n + 1, one);
  // Of another list.
  put(1_000, identities[0]!, LIST + 1);
  const memory = new MemoryLookup(db, LIST, 10);
  const indexes = new IndexLookup(db, LIST);
  const look = () => {
    for (const one of [...identities, { algorithm: 0, value: sealedOf(99), entry_id: 'none' }]) {
      expect(memory.ofId(one.entry_id)).toEqual(indexes.ofId(one.entry_id));
      expect(memory.ofValue(one)).toEqual(indexes.ofValue(one));
      expect(memory.ofIdentity(one)).toEqual(indexes.ofIdentity(one));
    }
  };
  if (isLooked) look();
  for (const [n, one] of identities.slice(20).entries()) {
    put(n + 21, one);
    memory.note(n + 21, one);
  }
  // Another id, and gone.
  put(30, { ...identities[29]!, entry_id: 'e-new' });
  memory.note(30, { ...identities[29]!, entry_id: 'e-new' });
  db.prepare('DELETE FROM entry WHERE id = 31').run();
  look();
  expect(memory.ofId('e-new').map(({ id }) => id)).toEqual([30]);
});
