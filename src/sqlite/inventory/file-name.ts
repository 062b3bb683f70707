/** Name of the file of an inventory, in its folder. */
export const INVENTORY_FILE = 'inventory.sqlite';
