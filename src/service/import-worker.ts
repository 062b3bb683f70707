/** Imports in a thread of their own: parsing is CPU-bound and must not delay requests. */
import type { MessagePort } from 'node:worker_threads';
import { asStoreFailure } from '../core/disk-errors.js';
import { AppError } from '../core/errors.js';
import { importList } from '../lists/import/import-list.js';
import type { ImportOutcome, ImportRead, ThreadedImport } from '../lists/import/import-task.js';
import { type OpenedStore, openStoreAt, type StorePlace } from './open-stores.js';

export interface ImportTask {
  readonly place: StorePlace;
  readonly request: ThreadedImport;
  readonly port: MessagePort;
}

/** Bytes between two progress messages, where no rows come between them. */
const SENT_EVERY_BYTES = 4_194_304;

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
  let read: ImportRead = { bytesDone: 0, rowsRead: 0 };
  port.on('message', () => {
    isStopping = true;
  });
  const onBytes = (more: number) => {
    const before = read.bytesDone;
    read = { ...read, bytesDone: before + more };
    // Rows that are long are rare.
    if (Math.floor(read.bytesDone / SENT_EVERY_BYTES) > Math.floor(before / SENT_EVERY_BYTES)) port.postMessage(read);
  };
  const onRows = (rowsRead: number) => {
    read = { ...read, rowsRead };
    port.postMessage(read);
  };
  try {
    kept ??= await openStoreAt(place);
    await kept.learnKeys();
    return { ok: true, report: await importList(kept, { ...request, onBytes, onRows, shouldStop: () => isStopping }) };
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
