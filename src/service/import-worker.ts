/** Imports in a thread of their own: parsing is CPU-bound and must not delay requests. */
import type { MessagePort } from 'node:worker_threads';
import { asStoreFailure } from '../core/disk-errors.js';
import { AppError } from '../core/errors.js';
import { importList } from '../lists/import/import-list.js';
import type { ImportOutcome, ThreadedImport } from '../lists/import/import-task.js';
import { type OpenedStore, openStoreAt, type StorePlace } from './open-stores.js';

export interface ImportTask {
  readonly place: StorePlace;
  readonly request: ThreadedImport;
  readonly port: MessagePort;
}

/** Bytes between two progress messages. */
const TOLD_EVERY_BYTES = 4_194_304;

/** Kept for the next import, since opening takes longer than adding an entry. A thread has one place. */
let kept: OpenedStore | null = null;

async function closeStore(): Promise<void> {
  const store = kept;
  kept = null;
  await store?.close();
}

/** Run one import; null closes the store. */
export default async function runImport(task: ImportTask | null): Promise<ImportOutcome | null> {
  if (task === null) {
    await closeStore();
    return null;
  }
  const { place, request, port } = task;
  let isStopping = false;
  let bytes = 0;
  port.on('message', () => {
    isStopping = true;
  });
  const onBytes = (more: number) => {
    if (Math.floor((bytes + more) / TOLD_EVERY_BYTES) > Math.floor(bytes / TOLD_EVERY_BYTES))
      port.postMessage(bytes + more);
    bytes += more;
  };
  try {
    kept ??= await openStoreAt(place);
    await kept.learnKeys();
    return { ok: true, report: await importList(kept, { ...request, onBytes, shouldStop: () => isStopping }) };
  } catch (thrown) {
    const error = asStoreFailure(thrown);
    const isKnown = error instanceof AppError;
    // The next import opens the store again, where this failure may be the store's.
    if (!isKnown || error.code === 'STORE_FAILED') await closeStore().catch(() => {});
    if (isKnown) return { ok: false, code: error.code, details: { ...error.details } };
    throw error;
  } finally {
    port.close();
  }
}
