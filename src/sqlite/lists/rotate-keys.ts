/** Key rotation: a new data key for all sealed values, and a new master key for the data keys. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { MasterKeySource } from '../../vault/master-key.js';
import { type DataKey, Vault } from '../../vault/vault.js';
import { beginPatiently } from '../busy.js';
import { addDataKey, readDataKeys } from './data-keys.js';
import { raiseGeneration } from './generations.js';
import { onOwnConnection } from './own-connection.js';
import { resealEntries } from './reseal-entries.js';
import { forgetFreePages } from './seal-values.js';
import { resealHeld } from './versions.js';

/**
 * Reseal all values in one transaction: a killed rotation has happened completely or not at all. Earlier data keys stay,
 * sealed by the new master key, so that older exports and ledger backups can still be opened.
 * `newMaster`: the operator's; without one, a master key made by Zeef is replaced, and an operator's stays.
 * Errors  LIST_KEY_WRONG, SEALED_DAMAGED, STORE_DAMAGED, STORE_FAILED.
 */
export async function rotateKeys(
  db: Sqlite,
  { vault, master, dataDir }: { vault: Vault; master: MasterKeySource; dataDir: string },
  newMaster: Uint8Array | null,
): Promise<{ readonly keyId: number }> {
  const keys = await renewed(vault, dataDir, master, newMaster);
  if (newMaster === null) master.own?.adopt();
  vault.refresh(keys);
  await resealHeld(db, vault, dataDir);
  forgetFreePages(db);
  return { keyId: keys.at(-1)!.id };
}

/** Result: the keys, the new one too. */
function renewed(
  vault: Vault,
  dataDir: string,
  master: MasterKeySource,
  newMaster: Uint8Array | null,
): Promise<readonly DataKey[]> {
  return onOwnConnection(dataDir, async (db) => {
    await beginPatiently(db);
    const known = readDataKeys(db, master);
    const made = addDataKey(db, known, newMaster ?? master.own?.prepare() ?? master.read());
    const all = [...known, made];
    await resealEntries(db, vault, new Vault(() => all));
    raiseGeneration(db);
    db.exec('COMMIT');
    return all;
  });
}
