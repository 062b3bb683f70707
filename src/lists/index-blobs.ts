/**
 * Index files among the blobs of a store, by generation: a process that starts reads one in place of every row. They are
 * derived, so a missing, refused or old one costs time alone. Leaves to the caller: when one is written.
 */
import { AppError } from '../core/errors.js';
import { type IndexContent, openIndex, sealIndex } from '../index/index-file.js';
import { type BlobInfo, type BlobStore, INDEX_FOLDER } from '../store/blob-contract.js';
import type { FeedPosition } from '../store/lists-contract.js';
import type { Store } from '../store/store.js';
import { RETIRED_KEY } from '../vault/sealed-stream.js';
import type { Vault } from '../vault/vault.js';

/** Digits of the largest safe integer, so that names are in order of generations. */
const GENERATION_DIGITS = 16;
const NAME = new RegExp(`^${INDEX_FOLDER}(\\d{${GENERATION_DIGITS}})$`);

export interface IndexBlob extends BlobInfo {
  readonly generation: number;
}

export interface WrittenIndex {
  readonly bytes: number;
  readonly entryCount: number;
  readonly generation: number;
}

/** Return the index files, the newest generation first. Errors STORE_FAILED. */
export async function indexBlobs(blobs: BlobStore): Promise<IndexBlob[]> {
  const found: IndexBlob[] = [];
  for await (const blob of blobs.list(INDEX_FOLDER)) {
    const generation = NAME.exec(blob.name)?.[1];
    if (generation !== undefined) found.push({ ...blob, generation: Number(generation) });
  }
  return found.sort((a, b) => b.generation - a.generation);
}

/** Errors NOT_FOUND, STORE_FAILED; INDEX_FILE_INVALID. */
export async function readIndexBlob(
  blobs: BlobStore,
  { name, bytes }: Pick<IndexBlob, 'name' | 'bytes'>,
  vault: Vault,
): ReturnType<typeof openIndex<FeedPosition>> {
  return openIndex<FeedPosition>(await blobs.get(name), bytes, vault);
}

/**
 * Write the index file of a generation, or replace it, sealed by the newest data key of the store.
 * Errors  INDEX_FILE_INVALID: the keys were rotated meanwhile, so it was removed. As `BlobStore.put`; those of `learnKeys` and `stop`.
 */
export async function putIndexBlob(
  blobs: BlobStore,
  content: IndexContent<FeedPosition>,
  { vault, learnKeys }: Pick<Store, 'vault' | 'learnKeys'>,
  stop = () => {},
): Promise<WrittenIndex> {
  const { generation } = content.position;
  const pieces = async function* () {
    for await (const piece of sealIndex(content, vault)) {
      stop();
      yield piece;
    }
  };
  const name = `${INDEX_FOLDER}${String(generation).padStart(GENERATION_DIGITS, '0')}`;
  await learnKeys();
  const keyId = vault.current;
  const { bytes } = await blobs.put(name, pieces());
  try {
    // A rotation removes the files that it finds after its commit: one that comes later is ours to remove.
    await learnKeys();
    if (vault.current !== keyId) throw new AppError('INDEX_FILE_INVALID', { why: RETIRED_KEY });
  } catch (error) {
    await blobs.remove(name);
    throw error;
  }
  return { bytes, entryCount: content.sections.reduce((sum, { entryCount }) => sum + entryCount, 0), generation };
}

/**
 * Remove the index files that no process will read: those before the one before `written`, which a starting process may be
 * reading, and those of generations after `current`, which the store had before it was restored. Errors STORE_FAILED.
 */
export async function removeOldIndexBlobs(
  blobs: BlobStore,
  written: number,
  current: () => Promise<number>,
): Promise<void> {
  const found = await indexBlobs(blobs);
  // Read after the files: a generation that is new since has no file here.
  const newest = await current();
  const oldest = found.find(({ generation }) => generation < written)?.generation ?? written;
  for (const { name, generation } of found) if (generation < oldest || generation > newest) await blobs.remove(name);
}

/** Remove all of them. Errors STORE_FAILED. */
export async function removeIndexBlobs(blobs: BlobStore): Promise<void> {
  for (const { name } of await indexBlobs(blobs)) await blobs.remove(name);
}
