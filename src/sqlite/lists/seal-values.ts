/** Values at rest in the tables: sealed, and found by the name at the beginning of a seal. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { VALUE_NAME_BYTES, type Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { sound, sumSql } from '../sums.js';
import { checksumOf, type HeldRow } from './checksum.js';
import { ENTRY, metaOf } from './database.js';
import { IDENTITY_INDEX } from './entry-indexes.js';
import { retotalEntries } from './entry-table.js';

/** SQL condition that finds an entry by its sealed value, by the index over the names. */
export const BY_VALUE = `substr(value, 1, ${VALUE_NAME_BYTES}) = substr(?, 1, ${VALUE_NAME_BYTES})`;

const TABLES = ['entry', 'past_entry', 'disabled_entry'] as const;

/** Seal every value inside the caller's transaction, and rebuild what is derived from them. */
function sealAll(db: Sqlite, vault: Vault): void {
  db.function('zeef_seal', (algorithm, value) => vault.seal(algorithm as number, value as Buffer));
  // A new sum would hide damage.
  for (const row of db.prepare<[], HeldRow>('SELECT * FROM entry').iterate()) sound(ENTRY, row);
  for (const table of TABLES) db.exec(`UPDATE ${table} SET value = zeef_seal(algorithm, value)`);
  db.exec(`UPDATE entry SET sum = ${sumSql(ENTRY)}`);
  retotalEntries(db);
  db.exec(IDENTITY_INDEX);
  for (const { id } of db.prepare<[], { id: number }>('SELECT id FROM list WHERE version > 0').all()) {
    db.prepare('UPDATE list SET checksum = ? WHERE id = ?').run(checksumOf(db, id), id);
  }
}

/** Remove the old values from free pages and from the write-ahead log. */
export function forgetFreePages(db: Sqlite): void {
  guarded(() => {
    db.exec('VACUUM');
    db.pragma('wal_checkpoint(TRUNCATE)');
  });
}

/** Reproducible plain files beside such a store: held versions, pages of a sync, the index file. */
const PLAIN_BESIDE = ['held', 'sync', 'zeef.index'];

/** Seal the values of a store from before the vault. Once; a new store has none. */
export function sealPlainValues(db: Sqlite, vault: Vault, dataDir: string): void {
  const isPlain = () => metaOf(db, 'values_plain') === 1;
  if (!guarded(isPlain)) return;
  const hadSome = guarded(() =>
    db
      .transaction(() => {
        // Another process may have sealed them meanwhile.
        if (!isPlain()) return false;
        const some = TABLES.some((table) => db.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get() !== undefined);
        sealAll(db, vault);
        db.prepare('DELETE FROM list_version WHERE is_held = 1').run();
        for (const name of PLAIN_BESIDE) rmSync(join(dataDir, name), { recursive: true, force: true });
        db.prepare(`UPDATE meta SET value = 0 WHERE name = 'values_plain'`).run();
        return some;
      })
      .immediate(),
  );
  if (hadSome) forgetFreePages(db);
}
