/** Where the configuration says that the master key lies. */
import { join } from 'node:path';
import type { Config } from '../config/knobs.js';
import { KEY_FILE } from '../store/sqlite/sqlite-store.js';
import { keyFromFile, keyFromOwnFile, keyFromText, type MasterKeySource } from '../vault/master-key.js';

export type KeyPlace = Pick<Config, 'listKey' | 'listKeyFile'>;

/** Errors LIST_KEY_WRONG: `listKey` is no key. */
export function masterKeyAt(dataDir: string, { listKey, listKeyFile }: KeyPlace): MasterKeySource {
  if (listKey !== '') return keyFromText(listKey);
  return listKeyFile === '' ? keyFromOwnFile(join(dataDir, KEY_FILE)) : keyFromFile(listKeyFile);
}
