/** The messages between an import and its thread. */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode, ErrorDetails } from '../../core/errors.js';
import type { ImportReport } from '../../store/lists-contract.js';
import type { ImportRequest } from './import-list.js';

export type ThreadedImport = Omit<ImportRequest, 'onBytes' | 'onRows' | 'shouldStop'>;

/** What an import has read so far. */
export interface ImportRead {
  readonly bytesDone: number;
  readonly rowsRead: number;
}

export type ImportOutcome =
  | { readonly ok: true; readonly report: ImportReport }
  | { readonly ok: false; readonly code: ErrorCode; readonly details: ErrorDetails };

/** Imports in a thread of their own, one at a time. */
export interface ImportThread {
  /** `port`: receives an `ImportRead` at times; any message from it stops the import. */
  run(request: ThreadedImport, port: MessagePort): Promise<ImportOutcome>;
  close(): Promise<void>;
}
