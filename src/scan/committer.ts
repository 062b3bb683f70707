/** Many small changes of the inventory as few transactions: what comes while one is being written goes with the next. */
import type { Inventory, InventoryChange } from '../store/inventory-contract.js';

/** Changes wait so long for company: a transaction costs a tenth of it. */
const GATHER_MS = 3;
/** Held changes that are written at once. */
const GATHERED_MAX = 512;

export class Committer {
  #held: InventoryChange[] = [];
  #next: Promise<void> | null = null;
  #wake: (() => void) | null = null;

  constructor(readonly inventory: Inventory) {}

  /** Resolves once the change is on disk, with all that were given before it. Errors STORE_FAILED. */
  commit(change: InventoryChange): Promise<void> {
    this.#held.push(change);
    this.#next ??= this.#write();
    if (this.#held.length >= GATHERED_MAX) this.#wake?.();
    return this.#next;
  }

  async #write(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    const held = this.#held;
    this.#held = [];
    this.#next = null;
    await this.inventory.apply({
      files: held.flatMap(({ files }) => files ?? []),
      removedFiles: held.flatMap(({ removedFiles }) => removedFiles ?? []),
      begun: held.flatMap(({ begun }) => begun ?? []),
      ended: held.flatMap(({ ended }) => ended ?? []),
      foldersFound: held.flatMap(({ foldersFound }) => foldersFound ?? []),
      foldersDone: held.flatMap(({ foldersDone }) => foldersDone ?? []),
    });
  }
}
