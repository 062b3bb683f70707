/**
 * Writes an index file where the newest one differs from the lists by much, so that a process that starts reads few rows: one
 * process at a time, beside its answers. A failure costs a later start time, nothing else; it is tried again, and logged where it is
 * another one than before.
 */
import type { Clock } from '../core/clock.js';
import { AppError } from '../core/errors.js';
import { withDuty } from '../duties/with-duty.js';
import {
  type IndexBlob,
  indexBlobs,
  putIndexBlob,
  removeOldIndexBlobs,
  type WrittenIndex,
} from '../lists/index-blobs.js';
import type { LiveLists } from '../lists/live-lists.js';
import type { Logger } from '../telemetry/log.js';
import type { OpenedStore } from './open-stores.js';

/** The duty of the store, by its name. */
const DUTY = 'index';
/** Entries that a start reads beside a file: half a second. A store of fewer has no file. */
const CHANGED_MIN = 65_536;
/** The same as a share of all entries: one that is read by its row takes as long as twenty of a file. */
const CHANGED_SHARE = 1 / 32;
/** Lists that change all the time are not written all the time. */
const PAUSE_MS = 60_000;

interface IndexPlace {
  readonly store: Pick<OpenedStore, 'lists' | 'duties' | 'vault' | 'learnKeys' | 'blobs' | 'hasDamage'>;
  readonly live: Pick<LiveLists, 'snapshot' | 'content' | 'changedEntries'>;
}

interface IndexPublisher {
  /** Write a file beside the caller's work, if one is due. */
  look(): void;
  /** Wait for a write in progress, and begin no other. */
  finish(): Promise<void>;
  /** Stop a write in progress. */
  close(): Promise<void>;
}

interface PublisherOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** In entries; less in tests. */
  readonly changedMin?: number;
}

/** A file that is written again under its name is another one. */
const idOf = (file: IndexBlob | undefined): string => (file ? `${file.name} ${file.modifiedMs}` : '');

/**
 * Write the index file of the loaded lists, and remove those that it replaces. `stop` throws to stop it.
 * Errors  INDEX_KIND_UNAVAILABLE: the index is no ring. SEALED_DAMAGED: rows are missing in what was loaded. Those of `putIndexBlob`.
 */
export async function writeIndex(
  { store, live }: IndexPlace,
  stop = () => {},
): Promise<WrittenIndex & { readonly changedEntries: number }> {
  const { blobs, lists, hasDamage } = store;
  const { changedEntries, isWhole, ...content } = await live.content();
  // Later starts would neither find the damage nor read the row once it is mended.
  if (hasDamage() || !isWhole)
    throw new AppError('SEALED_DAMAGED', {
      why: 'stored rows are damaged, or were: run zeef verify, then start again',
    });
  const written = await putIndexBlob(blobs, content, store, stop);
  await removeOldIndexBlobs(blobs, written.generation, () => lists.generation());
  return { ...written, changedEntries };
}

/** Begin to watch the lists. */
export async function publishIndex(
  place: IndexPlace,
  { clock, log, changedMin = CHANGED_MIN }: PublisherOptions,
): Promise<IndexPublisher> {
  const { store, live } = place;
  const newestFile = async (): Promise<IndexBlob | undefined> => (await indexBlobs(store.blobs))[0];
  /** Up to where a file is written, as far as this process knows. A place that is away now is asked again before a write. */
  let filed = {
    file: idOf(await newestFile().catch(() => undefined)),
    entries: 0,
    generation: live.snapshot.generation,
  };
  let pausedUntilMs = -Infinity;
  let isClosed = false;
  /** Of the last write, if it failed: damage stays until a person acts, and one line says so. */
  let lastFailure: string | null = null;
  let writing: Promise<void> | null = null;

  const isDue = (): boolean => {
    const entries = Object.values(live.snapshot.entryCounts).reduce((sum, count) => sum + count, 0);
    return live.changedEntries - filed.entries >= Math.max(changedMin, entries * CHANGED_SHARE);
  };
  const write = async (): Promise<void> => {
    const newest = await newestFile();
    if (newest !== undefined && idOf(newest) !== filed.file && newest.generation >= filed.generation) {
      // Another process was first.
      filed = { file: idOf(newest), entries: live.changedEntries, generation: newest.generation };
      return;
    }
    const startedMs = clock.monotonicMs();
    const { changedEntries, ...written } = await writeIndex(place, () => {
      if (isClosed) throw new AppError('SHUTTING_DOWN');
    });
    filed = { file: idOf(await newestFile()), entries: changedEntries, generation: written.generation };
    log.info({ ...written, ms: Math.round(clock.monotonicMs() - startedMs) }, 'index file written');
  };

  return {
    look() {
      if (isClosed || writing !== null || clock.monotonicMs() < pausedUntilMs || !isDue()) return;
      writing = withDuty(store.duties, DUTY, write)
        .then((done) => {
          // Null: another process has the duty, and nothing was tried.
          if (done !== null) lastFailure = null;
        })
        .catch((error: unknown) => {
          const failure = String(error);
          if (!isClosed && failure !== lastFailure)
            log.warn({ err: error }, 'no index file could be written; a start reads more rows');
          lastFailure = failure;
        })
        .finally(() => {
          pausedUntilMs = clock.monotonicMs() + PAUSE_MS;
          writing = null;
        });
    },
    async finish() {
      await writing;
      isClosed = true;
    },
    async close() {
      isClosed = true;
      await writing;
    },
  };
}
