/** Imports in their order, one at a time in the import thread, with the progress of the one that runs. */
import { MessageChannel } from 'node:worker_threads';
import type { ImportOutcome, ImportThread, ThreadedImport } from './import-task.js';

export class ImportQueue {
  readonly #thread: ImportThread;
  #turn: Promise<void> = Promise.resolve();
  #running: { readonly id: string; readonly stop: () => void; bytesDone: number } | null = null;
  #isClosing = false;

  constructor(thread: ImportThread) {
    this.#thread = thread;
  }

  /** True from `close` on: work that has not begun should not begin. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Result and errors are those of `work`, which starts when all work before it has ended. */
  add<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.then(
      () => {},
      () => {},
    );
    return result;
  }

  /** For the work whose turn it is. */
  async inThread(id: string, request: ThreadedImport): Promise<ImportOutcome> {
    const { port1, port2 } = new MessageChannel();
    const running = { id, stop: () => port1.postMessage('stop'), bytesDone: 0 };
    this.#running = running;
    port1.on('message', (bytes: number) => {
      running.bytesDone = bytes;
    });
    try {
      return await this.#thread.run(request, port2);
    } finally {
      this.#running = null;
      port1.close();
    }
  }

  /** Null unless that import is in the thread. */
  bytesDone(id: string): number | null {
    return this.#running?.id === id ? this.#running.bytesDone : null;
  }

  /** Stops the import that runs, and waits for its end. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#running?.stop();
    await this.#turn;
    await this.#thread.close();
  }
}
