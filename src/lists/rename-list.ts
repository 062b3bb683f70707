/**
 * Rename of a list. What the store has of a list is by its key, and follows: entries and their suppressions, versions, the source with its
 * checkpoint, feedback. Work that names the list must not be under way: an import would make the former name again.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.js';
import type { ListInfo } from '../core/vocabulary.js';
import { withDuty } from '../duties/with-duty.js';
import { nameTaken, requireListName } from '../store/list-name.js';
import type { Store } from '../store/store.js';
import { sourceRenamed } from './import/source-secrets.js';
import { SYNC_FOLDER } from './import/spool-pages.js';
import { syncDuty } from './import/sync-list.js';
import { OWN_SUPPRESSIONS } from './suppressions.js';

/** The duty of sending a list's feedback: one process holds it at a time. */
export const feedbackDuty = (list: string) => `feedback ${list}`;

/** A list and its new name. */
interface Rename {
  readonly list: string;
  readonly to: string;
}

/**
 * Rename a list; to the name that it has, nothing is done.
 * Errors  LIST_NOT_FOUND; REQUEST_INVALID: the name is taken, invalid or reserved; LIST_BUSY: an import, a sync or feedback of the
 *         list is under way, or an import for the new name waits; STORE_FAILED.
 */
export async function renameList(
  store: Pick<Store, 'lists' | 'jobs' | 'duties' | 'vault'>,
  { dataDir }: { readonly dataDir: string },
  { list, to }: Rename,
): Promise<ListInfo> {
  requireListName(to);
  const info = await store.lists.list(list);
  if (info === null) throw new AppError('LIST_NOT_FOUND', { list });
  if (to === list) return info;
  // Values are suppressed, shown and released by this name.
  if (list === OWN_SUPPRESSIONS || to === OWN_SUPPRESSIONS)
    throw new AppError('REQUEST_INVALID', { field: 'name', why: `${OWN_SUPPRESSIONS} has the suppressed values` });
  if ((await store.lists.list(to)) !== null) throw nameTaken();
  await requireNoJobs(store, list, to);
  return whileIdle(store, [syncDuty(list), feedbackDuty(list)], list, async () => {
    await requireNoJobs(store, list, to);
    const renamed = await store.lists.renameList(list, to, (source) => sourceRenamed(store.vault, source, list, to));
    // Pages of an interrupted sync: the next one begins at its checkpoint again.
    await rm(join(dataDir, SYNC_FOLDER, list), { recursive: true, force: true });
    return renamed;
  });
}

/** Errors LIST_BUSY. */
async function requireNoJobs({ jobs }: Pick<Store, 'jobs'>, list: string, to: string): Promise<void> {
  const waiting = (await jobs.unfinished()).find((job) => job.list === list || job.list === to);
  if (waiting) throw new AppError('LIST_BUSY', { list: waiting.list, job: waiting.id });
}

/** Do something while no other process has any of these duties. Errors LIST_BUSY; those of `act`. */
async function whileIdle<T>(
  store: Pick<Store, 'duties'>,
  [duty, ...others]: readonly string[],
  list: string,
  act: () => Promise<T>,
): Promise<T> {
  if (duty === undefined) return act();
  const done = await withDuty(store.duties, duty, () => whileIdle(store, others, list, act));
  if (done === null) throw new AppError('LIST_BUSY', { list, duty });
  return done.result;
}
