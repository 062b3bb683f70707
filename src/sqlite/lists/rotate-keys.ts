/** A new data key for everything that rests sealed, and a new master key for the data keys. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { MasterKeySource } from '../../vault/master-key.js';
import { Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { addDataKey, readDataKeys } from './data-keys.js';
import { raiseGeneration } from './list-rows.js';
import { forgetFreePages, rewriteValues } from './seal-values.js';
import { resealHeld } from './versions.js';

/**
 * All values are sealed anew in one transaction: killed at any moment, the store is as it was or as it shall be. Earlier
 * data keys stay, sealed by the new master key, so that older exports and backups of the ledger can still be opened.
 * `newMaster`: the person's; without one, a key that Zeef made itself is replaced, and a person's stays.
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
        rewriteValues(db, (algorithm, value) => renewed.seal(algorithm, vault.open(algorithm, value)));
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
