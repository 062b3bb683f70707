/** Values at rest in the tables: sealed, and found by the name at the beginning of a seal. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { VALUE_NAME_BYTES, type Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { sound, sumSql } from '../sums.js';
import { checksumOf, type HeldRow } from './checksum.js';
import { ENTRY, metaOf } from './database.js';

/** SQL condition that finds an entry by its sealed value, by the index over the names. */
export const BY_VALUE = `substr(value, 1, ${VALUE_NAME_BYTES}) = substr(?, 1, ${VALUE_NAME_BYTES})`;

const TABLES = ['entry', 'past_entry', 'also_listed', 'disabled_value'] as const;

/** Rewrite every value inside the caller's transaction, and rebuild checksums and the index of names. */
export function rewriteValues(db: Sqlite, rewrite: (algorithm: number, value: Buffer) => Buffer): void {
  db.function('zeef_rewrite', (algorithm, value) => rewrite(algorithm as number, value as Buffer));
  db.exec('DROP INDEX IF EXISTS entry_value; DROP INDEX IF EXISTS entry_value_name;');
  // A new sum would hide damage.
  for (const row of db.prepare<[], HeldRow>('SELECT * FROM entry').iterate()) sound(ENTRY, row);
  for (const table of TABLES) db.exec(`UPDATE ${table} SET value = zeef_rewrite(algorithm, value)`);
  db.exec(`UPDATE entry SET sum = ${sumSql(ENTRY)}`);
  db.exec(`CREATE UNIQUE INDEX entry_value_name ON entry (list_id, algorithm, substr(value, 1, ${VALUE_NAME_BYTES}))`);
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
        rewriteValues(db, (algorithm, value) => vault.seal(algorithm, value));
        db.prepare('DELETE FROM list_version WHERE is_held = 1').run();
        for (const name of PLAIN_BESIDE) rmSync(join(dataDir, name), { recursive: true, force: true });
        db.prepare(`UPDATE meta SET value = 0 WHERE name = 'values_plain'`).run();
        return some;
      })
      .immediate(),
  );
  if (hadSome) forgetFreePages(db);
}
