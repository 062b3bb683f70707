/**
 * Commits that are synced after their answer: groups of counts alone, with `ZEEF_LEDGER_SYNC=hits`.
 *
 * SQLite writes such a commit to its log (`ledger.sqlite-wal`) without a sync (`synchronous=NORMAL`), so it is visible, and a
 * process may be killed, but a power cut may lose it. The log is synced soon after, beside the next groups. Every other commit
 * is synced by SQLite (`FULL`), and all before it in the log with it. After a power cut SQLite keeps the log up to the first
 * commit that is not whole: the ledger is as it was after one of its groups, and never before one that was synced. A checkpoint
 * syncs the log first, in either setting.
 *
 * After a failed sync the system may have dropped what it could not write, while readers still see it: a later commit that is
 * synced would stand behind a gap, and be lost with it. So before the next commit the log is written again, and synced.
 *
 * The log is opened here beside SQLite. That is safe for this file alone, since SQLite holds no locks on it: POSIX locks of a
 * process are released when it closes any descriptor of the file.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';
import type { Sqlite } from '../../core/sqlite-binding.js';

/** Counts may be lost for 100 ms. A sync begins after half of that, and has the other half: some disks take 20 ms, and one may be under way. */
const SYNC_AFTER_MS = 50;
/** At a time, of a log that is written again. */
const COPY_BYTES = 1_048_576;

/** Values of `PRAGMA synchronous`. */
const LEVELS = { NORMAL: 1, FULL: 2 } as const;

export const logOf = (db: Sqlite) => `${db.name}-wal`;

export class LateSync {
  readonly #db: Sqlite;
  /** Held for as long as the connection: a descriptor reports each failure to write since it was opened. */
  readonly #log: number;
  readonly #onSync: (ok: boolean) => void;
  #level: keyof typeof LEVELS = 'FULL';
  #timer: NodeJS.Timeout | null = null;
  #isSyncing = false;
  /** A sync is due when the current one ends. */
  #isDue = false;
  #isClosed = false;
  /** A sync has failed since the log was known to be whole. */
  #isDoubtful: boolean;

  /** `isDoubtful`: as the one before this connection was. Errors: those of the file system. */
  constructor(db: Sqlite, { isDoubtful, onSync }: { isDoubtful: boolean; onSync: (ok: boolean) => void }) {
    this.#db = db;
    this.#log = openSync(logOf(db), 'r+');
    this.#isDoubtful = isDoubtful;
    this.#onSync = onSync;
    // A process that was killed may have left commits that are not synced.
    this.noteCommit({ isSynced: false });
  }

  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  /** Before a transaction. Errors: the log is not whole, and cannot be made so. */
  prepare({ isSynced }: { readonly isSynced: boolean }): void {
    if (this.#isDoubtful) this.#mend();
    this.#setLevel(isSynced ? 'FULL' : 'NORMAL');
  }

  /** After a commit that has surely written to the log. */
  noteCommit({ isSynced }: { readonly isSynced: boolean }): void {
    if (isSynced) this.#nothingDue();
    else this.#timer ??= setTimeout(() => this.#begin(), SYNC_AFTER_MS);
  }

  /** Sync what is not, and end. Errors: those of the disk; what was answered before may be in doubt then. */
  close(): void {
    try {
      this.#syncRest();
    } finally {
      this.#nothingDue();
      this.#isClosed = true;
      if (!this.#isSyncing) closeSync(this.#log);
    }
  }

  /** The same after a failed task, without waiting for another writer; `isDoubtful` says how it ended. */
  abandon(): void {
    try {
      this.#db.pragma('busy_timeout = 0');
      this.close();
    } catch {
      // As far as this disk allows.
    }
  }

  #setLevel(level: keyof typeof LEVELS): void {
    if (this.#level === level) return;
    this.#db.pragma(`synchronous = ${level}`);
    // Inside a transaction it has no effect, and a hit must never be committed without its sync.
    if (this.#db.pragma('synchronous', { simple: true }) !== LEVELS[level])
      throw new Error(`synchronous=${level} was not applied`);
    this.#level = level;
  }

  #nothingDue(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isDue = false;
  }

  #begin(): void {
    this.#timer = null;
    if (this.#isSyncing) {
      this.#isDue = true;
      return;
    }
    this.#isSyncing = true;
    // In a thread of the system, so that the next group is written meanwhile.
    fdatasync(this.#log, (error) => {
      this.#isSyncing = false;
      if (error) this.#isDoubtful = true;
      this.#onSync(error === null);
      if (this.#isClosed) closeSync(this.#log);
      else if (this.#isDue) {
        this.#isDue = false;
        this.#begin();
      }
    });
  }

  #syncRest(): void {
    if (!this.#isDoubtful && !this.#isSyncing) {
      if (this.#timer === null) return;
      try {
        fdatasyncSync(this.#log);
        return;
      } catch {
        // Written again below.
      }
    }
    // A sync that is under way may have met the failure in place of one that follows it.
    this.#isDoubtful = true;
    this.#mend();
  }

  /** Write the log again as it is read, and sync it. No process writes to it meanwhile, or restarts it. */
  #mend(): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const bytes = Buffer.alloc(COPY_BYTES);
      for (let at = 0; ; ) {
        const count = readSync(this.#log, bytes, 0, COPY_BYTES, at);
        if (count === 0) break;
        for (let done = 0; done < count; ) done += writeSync(this.#log, bytes, done, count - done, at + done);
        at += count;
      }
      fdatasyncSync(this.#log);
    } finally {
      this.#db.exec('ROLLBACK');
    }
    this.#isDoubtful = false;
    this.#nothingDue();
  }
}
