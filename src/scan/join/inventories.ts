/**
 * Inventories of shards: sealed blobs while no process holds the shard, and a file of this machine while one does. Each is
 * published under a new name, so what two holders write is never mixed, and the row of the shard says which one counts.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../core/errors.js';
import { makeFolder } from '../../core/make-folder.js';
import type { BlobStore } from '../../store/blob-contract.js';
import type { Inventory } from '../../store/inventory-contract.js';
import type { PublishedInventory } from '../../store/joined-scans-contract.js';
import { openStream, sealStream } from '../../vault/sealed-stream.js';
import type { Vault } from '../../vault/vault.js';

/** Begins the names of published inventories. */
const FOLDER = 'scans/';

export interface InventoryPlace {
  readonly blobs: BlobStore;
  readonly vault: Vault;
  /** Learn the keys that another process may have sealed with. */
  learnKeys(): Promise<void>;
  /** A folder of this process alone. */
  readonly folder: string;
  /** Name of the file of an inventory in its folder. */
  readonly file: string;
  open(folder: string): Promise<Inventory>;
}

/** The inventory of one shard on this machine. */
export class ShardInventory {
  readonly #place: InventoryPlace;
  readonly #folder: string;
  readonly #name: string;
  #inventory: Inventory;
  /** False where the published one is gone or damaged, and this one began empty. */
  readonly isWhole: boolean;

  private constructor(
    place: InventoryPlace,
    { name, folder, isWhole }: { readonly name: string; readonly folder: string; readonly isWhole: boolean },
    inventory: Inventory,
  ) {
    this.isWhole = isWhole;
    this.#place = place;
    this.#name = name;
    this.#folder = folder;
    this.#inventory = inventory;
  }

  /**
   * Fetch the published inventory, or begin an empty one, also where it is gone or damaged: then files are read again.
   * `name`: of this shard of this scan. Errors STORE_FAILED.
   */
  static async open(
    place: InventoryPlace,
    name: string,
    published: PublishedInventory | null,
  ): Promise<ShardInventory> {
    const folder = join(place.folder, name.replaceAll('/', '_'));
    await rm(folder, { recursive: true, force: true });
    makeFolder(folder);
    const isWhole = published === null || (await fetchInto(place, published, join(folder, place.file)));
    return new ShardInventory(place, { name, folder, isWhole }, await place.open(folder));
  }

  get now(): Inventory {
    return this.#inventory;
  }

  /** Write it as a blob, and keep it open. `mark`: rises with each blob of the shard, as text. Errors STORE_FAILED. */
  async publish(mark: string): Promise<PublishedInventory> {
    const { blobs, vault, file, open } = this.#place;
    // Closed, all of it is in the one file.
    await this.#inventory.close();
    const blob = `${FOLDER}${this.#name}/${mark}`;
    try {
      const { sha256 } = await blobs.put(blob, sealStream(vault, createReadStream(join(this.#folder, file))));
      return { blob, sha256 };
    } finally {
      this.#inventory = await open(this.#folder);
    }
  }

  /**
   * Remove the blobs of this shard before this one: those that it replaces, and those that killed processes left. A later one
   * is another holder's. Errors STORE_FAILED.
   */
  async removeEarlier({ blob }: PublishedInventory): Promise<void> {
    const { blobs } = this.#place;
    for await (const { name } of blobs.list(`${FOLDER}${this.#name}/`)) if (name < blob) await blobs.remove(name);
  }

  /** Remove the file of this machine. */
  async drop(): Promise<void> {
    await this.#inventory.close().catch(() => {});
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Errors of a blob that is not what was published. */
const LOST: ReadonlySet<string> = new Set(['NOT_FOUND', 'SEALED_DAMAGED']);

/** Result: false: it is gone, or another one is in its place. Errors STORE_FAILED. */
async function fetchInto(
  { blobs, vault, learnKeys }: InventoryPlace,
  { blob, sha256 }: PublishedInventory,
  file: string,
): Promise<boolean> {
  await learnKeys();
  const hash = createHash('sha256');
  const counted = async function* (pieces: AsyncIterable<Buffer>) {
    for await (const piece of pieces) {
      hash.update(piece);
      yield piece;
    }
  };
  try {
    await pipeline(openStream(vault, counted(await blobs.get(blob))), createWriteStream(file, { mode: 0o600 }));
  } catch (error) {
    await rm(file, { force: true });
    if (error instanceof AppError && LOST.has(error.code)) return false;
    const { code } = error as NodeJS.ErrnoException;
    // Only what the system refused is waited for.
    if (error instanceof AppError || code === undefined) throw error;
    throw new AppError('STORE_FAILED', { blob, why: code }, error);
  }
  if (hash.digest('hex') === sha256) return true;
  await rm(file, { force: true });
  return false;
}

/** Remove the blobs of a scan. Errors STORE_FAILED. */
export async function removeInventories(blobs: BlobStore, scan: string): Promise<void> {
  for await (const { name } of blobs.list(`${FOLDER}${scan}/`)) await blobs.remove(name);
}
