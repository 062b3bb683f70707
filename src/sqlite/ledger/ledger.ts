/** The embedded ledger: one SQLite file of its own, written by one thread of this process and read by another. */
import { Worker } from 'node:worker_threads';
import { AppError } from '../../core/errors.js';
import { artefact } from '../../core/package-root.js';
import type { LedgerStore, LedgerStoreOptions } from '../../store/ledger-contract.js';
import { FOLD_GROUPS } from '../../store/ledger-fold.js';
import { NEWS_MAX } from './news.js';
import type { Reply, Setup, Synced, Task, WorkArgs, WorkName, WorkValue } from './worker.js';

/** One thread and its pending tasks. It starts with the first task. */
class Thread {
  readonly #setup: Setup;
  readonly #onSync: (ok: boolean) => void;
  #worker: Worker | null = null;
  #nextId = 0;
  #isClosed = false;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();

  constructor(setup: Setup, onSync: (ok: boolean) => void = () => {}) {
    this.#setup = setup;
    this.#onSync = onSync;
  }

  run<N extends WorkName>(name: N, ...args: WorkArgs<N>): Promise<WorkValue<N>> {
    if (this.#isClosed) return Promise.reject(new AppError('LEDGER_FAILED', { why: 'the ledger is closed' }));
    return this.#ask(name, args) as Promise<WorkValue<N>>;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (!this.#worker) return;
    await this.#ask('close', []);
    await this.#worker?.terminate();
  }

  #ask(name: Task['name'], args: readonly unknown[]): Promise<unknown> {
    this.#worker ??= this.#start();
    const id = this.#nextId++;
    const task: Task = { id, name, args };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker!.ref();
      this.#worker!.postMessage(task);
    });
  }

  #start(): Worker {
    const worker = new Worker(artefact('src', 'sqlite', 'ledger', 'worker.js'), {
      workerData: this.#setup,
    });
    worker.on('message', (reply: Reply | Synced) => {
      if ('synced' in reply) return this.#onSync(reply.synced);
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      // An idle thread must not keep a command from ending.
      if (this.#waiting.size === 0) worker.unref();
      if (reply.ok) waiting?.resolve(reply.value);
      else waiting?.reject(new AppError(reply.code, reply.details));
    });
    const fail = (why: string) => {
      if (this.#worker === worker) this.#worker = null;
      const lost = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of lost) reject(new AppError('LEDGER_FAILED', { why }));
    };
    worker.on('error', (error) => fail(String(error)));
    worker.on('exit', () => fail('the ledger thread has ended'));
    return worker;
  }
}

interface SqliteLedgerOptions extends LedgerStoreOptions {
  readonly foldGroups?: number;
  readonly newsMax?: number;
}

/** Opens nothing before the first query; a file that cannot be opened is retried later. */
export function openSqliteLedger(
  dataDir: string,
  { foldGroups = FOLD_GROUPS, newsMax = NEWS_MAX, sync = 'answers', onSync }: SqliteLedgerOptions = {},
): LedgerStore {
  const setup: Omit<Setup, 'sync'> = { dataDir, foldGroups, newsMax };
  const writer = new Thread({ ...setup, sync }, onSync);
  const reader = new Thread({ ...setup, sync: 'answers' });
  return {
    open: () => writer.run('open'),
    append: (group) => writer.run('append', group),
    probe: () => writer.run('probe'),
    changeHit: (tenant, id, expected, change) => writer.run('changeHit', tenant, id, expected, change),
    handleHit: (tenant, id, handling) => writer.run('handleHit', tenant, id, handling),
    markHits: (hits, atMs) => writer.run('markHits', hits, atMs),
    async retain(retention) {
      let [hits, hours] = [0, 0];
      for (let more = true; more; ) {
        const gone = await writer.run('retain', retention);
        hits += gone.hits;
        hours += gone.hours;
        more = gone.more;
      }
      return { hits, hours };
    },
    counts: (query) => reader.run('counts', query),
    hits: (filter) => reader.run('hits', filter),
    hit: (tenant, id) => reader.run('hit', tenant, id),
    cases: (query) => reader.run('cases', query),
    news: (limit) => reader.run('news', limit),
    newsMark: () => reader.run('newsMark'),
    newsAfter: (mark, ids) => reader.run('newsAfter', mark, ids),
    forgetNews: (ids, lost) => writer.run('forgetNews', ids, lost),
    verify: () => reader.run('verify'),
    backup: (path) => reader.run('backup', path),
    close: async () => {
      // One after the other: of two that close at once, neither may see that it is the last, which folds the log into the file.
      await reader.close();
      await writer.close();
    },
  };
}
