/** Runs imports in order, one at a time in the import thread, with the progress of the running one. */
import { MessageChannel } from 'node:worker_threads';
import pLimit from 'p-limit';
import type { ImportOutcome, ImportRead, ImportThread, ThreadedImport } from './import-task.js';

export class ImportQueue {
  readonly #thread: ImportThread;
  readonly #oneAtATime = pLimit(1);
  #running: { readonly id: string; readonly stop: () => void; read: ImportRead } | null = null;
  #isClosing = false;

  constructor(thread: ImportThread) {
    this.#thread = thread;
  }

  /** True after `close`: queued work should not begin. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Run `work` after all earlier work has ended. Result and errors: those of `work`. */
  add<T>(work: () => Promise<T>): Promise<T> {
    return this.#oneAtATime(work);
  }

  /** For the running work. */
  async inThread(id: string, request: ThreadedImport): Promise<ImportOutcome> {
    if (this.#isClosing) return { ok: false, code: 'SHUTTING_DOWN', details: {} };
    const { port1, port2 } = new MessageChannel();
    const running = { id, stop: () => port1.postMessage('stop'), read: { bytesDone: 0, rowsRead: 0 } };
    this.#running = running;
    port1.on('message', (read: ImportRead) => {
      running.read = read;
    });
    try {
      return await this.#thread.run(request, port2);
    } finally {
      this.#running = null;
      port1.close();
    }
  }

  /** Null unless that import is in the thread. */
  read(id: string): ImportRead | null {
    return this.#running?.id === id ? this.#running.read : null;
  }

  /** Stop that import if it runs, since another process has taken it over; it ends with SHUTTING_DOWN. */
  stop(id: string): void {
    if (this.#running?.id === id) this.#running.stop();
  }

  /** Stop the running import, and wait for its end. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#running?.stop();
    await this.#oneAtATime(() => {});
    await this.#thread.close();
  }
}
