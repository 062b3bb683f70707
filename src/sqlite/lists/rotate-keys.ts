/** Key rotation: a new data key for all sealed values, and a new master key for the data keys. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { MasterKeySource } from '../../vault/master-key.js';
import { Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { addDataKey, readDataKeys } from './data-keys.js';
import { raiseGeneration, resealNotes } from './list-rows.js';
import { forgetFreePages, rewriteValues } from './seal-values.js';
import { resealHeld } from './versions.js';

/**
 * Reseal all values in one transaction: a killed rotation has happened completely or not at all. Earlier data keys stay,
 * sealed by the new master key, so that older exports and ledger backups can still be opened.
 * `newMaster`: the operator's; without one, a master key made by Zeef is replaced, and an operator's stays.
 * Errors  LIST_KEY_WRONG, SEALED_DAMAGED, STORE_FAILED.
 */
export async function rotateKeys(
  db: Sqlite,
  { vault, master, dataDir }: { vault: Vault; master: MasterKeySource; dataDir: string },
  newMaster: Uint8Array | null,
): Promise<{ readonly keyId: number }> {
  const keys = guarded(() =>
    db
      .transaction(() => {
        const known = readDataKeys(db, master);
        const wrapping = newMaster ?? master.own?.prepare() ?? master.read();
        const made = addDataKey(db, known, wrapping);
        const all = [...known, made];
        const renewed = new Vault(() => all);
        rewriteValues(db, {
          value: (algorithm, value) => renewed.seal(algorithm, vault.open(algorithm, value)),
          notes: (notes) => resealNotes(vault, renewed, notes),
        });
        raiseGeneration(db);
        return all;
      })
      .immediate(),
  );
  if (newMaster === null) master.own?.adopt();
  vault.refresh(keys);
  await resealHeld(db, vault, dataDir);
  forgetFreePages(db);
  return { keyId: keys.at(-1)!.id };
}
