/**
 * Retry of files that were in flight when a process died. One of them may have crashed the process, or the machine:
 * each is retried alone. A file that is in flight alone at another crash is recorded as `decoder_crash`, and not opened
 * until it changes.
 */
import { readFileSync } from 'node:fs';
import type { Inventory } from '../store/inventory-contract.js';
import type { Committer } from './committer.js';
import { fileRow } from './facts/file-row.js';
import { type ImageReader, NO_FACTS } from './image-reader.js';
import { faultOfStat } from './tree.js';
import type { Anchors } from './walk/anchors.js';

/** The machine went down with this file alone in flight: one such crash is enough. */
const TRIES_WHERE_MACHINE_FELL = 1;
/** The process died and the machine did not: an operator may have killed it, so two are needed. */
const TRIES_WHERE_PROCESS_FELL = 2;
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

/** Return the id of this boot of the machine; empty where the system has none. */
export function bootId(): string {
  try {
    return readFileSync(BOOT_ID_FILE, 'latin1').trim();
  } catch {
    return '';
  }
}

export interface Suspicion {
  readonly tried: number;
  readonly condemned: number;
}

interface SuspectsIn {
  readonly boot: string;
  readonly anchors: Anchors;
  readonly shouldStop: () => boolean;
}

/** Retry the suspects one at a time. Errors as `ImageReader.read`. */
export async function trySuspects(
  inventory: Inventory,
  committer: Committer,
  imageReader: ImageReader,
  { boot, anchors, shouldStop }: SuspectsIn,
): Promise<Suspicion> {
  const { scan, boot: bootBefore } = inventory.state;
  const triesMax = bootBefore === null || bootBefore === boot ? TRIES_WHERE_PROCESS_FELL : TRIES_WHERE_MACHINE_FELL;
  await inventory.setBoot(boot);
  let tried = 0;
  let condemned = 0;
  // The most suspicious come last, so that another crash does not delay the rest.
  const suspects = [...(await inventory.inFlight())].sort((a, b) => a.aloneTries - b.aloneTries);
  for (const { fileKey, folderId, name, aloneTries } of suspects) {
    if (shouldStop()) break;
    const folder = await inventory.folderById(folderId);
    const place = folder && anchors.placeOf(folder.path);
    const status = place && (await imageReader.statNow(place, name));
    if (!place || !status || faultOfStat(status) !== null) {
      await committer.commit({ ended: [fileKey] });
      continue;
    }
    const { identity, storedBytes } = status;
    const file = { place, folderId, fileKey, name, identity, storedBytes };
    // The row belongs to the scan before this one, so the walk still records the file.
    const before = { scan: Math.max(0, scan - 1), generation: 0 };
    if (aloneTries >= triesMax) {
      const facts = {
        ...NO_FACTS,
        ...before,
        ...identity,
        reason: 'decoder_crash',
        code: 'IMAGE_DECODER_CRASH',
      } as const;
      await committer.commit({ files: [fileRow({ fileKey, name, isArchive: false }, facts)], ended: [fileKey] });
      condemned++;
      continue;
    }
    await imageReader.begin(file, aloneTries + 1);
    const facts = { ...(await imageReader.read(file)).facts, ...before };
    // One that cannot be read now keeps its row, and the walk reports it.
    const files = facts.reason === 'unreadable' ? [] : [fileRow({ fileKey, name, isArchive: false }, facts)];
    await committer.commit({ files, ended: [fileKey] });
    tried++;
  }
  return { tried, condemned };
}
