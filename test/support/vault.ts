/** A vault with a data key of its own. */
import { type DataKey, Vault } from '../../src/vault/vault.js';

export const dataKey = (id: number): DataKey => ({ id, key: new Uint8Array(32).fill(id) });

export function vaultOf(...ids: number[]): Vault {
  return new Vault(() => (ids.length > 0 ? ids : [1]).map(dataKey));
}
