/** One import in a thread of its own: parsing is CPU-bound and must not delay requests. */
import type { MessagePort } from 'node:worker_threads';
import { asStoreFailure } from '../core/disk-errors.js';
import { AppError } from '../core/errors.js';
import { importList } from '../lists/import/import-list.js';
import type { ImportOutcome, ThreadedImport } from '../lists/import/import-task.js';
import { openSqliteStore } from '../sqlite/open.js';
import { type KeyPlace, masterKeyAt } from './open-store.js';

export interface ImportTask {
  readonly dataDir: string;
  readonly keyPlace: KeyPlace;
  readonly request: ThreadedImport;
  readonly port: MessagePort;
}

/** Bytes between two progress messages. */
const TOLD_EVERY_BYTES = 4_194_304;

export default async function runImport({ dataDir, keyPlace, request, port }: ImportTask): Promise<ImportOutcome> {
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
    const store = await openSqliteStore(dataDir, { master: masterKeyAt(dataDir, keyPlace) });
    try {
      return { ok: true, report: await importList(store, { ...request, onBytes, shouldStop: () => isStopping }) };
    } finally {
      await store.close();
    }
  } catch (thrown) {
    const error = asStoreFailure(thrown);
    if (error instanceof AppError) return { ok: false, code: error.code, details: { ...error.details } };
    throw error;
  } finally {
    port.close();
  }
}
