/** Group commit of inventory changes: those that arrive during a transaction are written by the next one. */
import type { Inventory, InventoryChange } from '../store/inventory-contract.js';

/** Time that a change waits for others; a transaction takes a tenth of it. */
const GATHER_MS = 3;
/** Number of held changes that are written without waiting. */
const GATHERED_MAX = 512;

export class Committer {
  #held: InventoryChange[] = [];
  #next: Promise<void> | null = null;
  #wake: (() => void) | null = null;

  constructor(readonly inventory: Inventory) {}

  /** Resolves once the change and all earlier ones are on disk. Errors STORE_FAILED. */
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
