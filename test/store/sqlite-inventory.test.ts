import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Inventory } from '../../src/store/inventory-contract.js';
import { INVENTORY_FILE, openSqliteInventory } from '../../src/store/sqlite/sqlite-inventory.js';
import { inventoryContract } from './inventory-contract.js';

inventoryContract(() => {
  const folder = mkdtempSync(join(tmpdir(), 'zeef-inventory-'));
  let opened: Inventory | null = null;
  const open = async () => {
    const inventory = await openSqliteInventory(folder);
    opened = inventory;
    return inventory;
  };
  return {
    open,
    reopen: async () => {
      await opened?.close();
      return open();
    },
    dispose: async () => {
      await opened?.close();
      rmSync(folder, { recursive: true });
    },
  };
});

test.each([
  ['of a newer version', (file: string) => void new Database(file).pragma('user_version = 99')],
  ['of an older version', (file: string) => void new Database(file).pragma('user_version = 1')],
  ['no database', (file: string) => writeFileSync(file, 'text '.repeat(1_000))],
])('an inventory that is %s is refused', async (_name, spoil) => {
  const folder = mkdtempSync(join(tmpdir(), 'zeef-inventory-'));
  spoil(join(folder, INVENTORY_FILE));
  await expect(openSqliteInventory(folder)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  rmSync(folder, { recursive: true });
});
