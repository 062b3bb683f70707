/**
 * Visit of a range of keys as a folder. A range begins behind a key and ends with the key behind which the next one begins; the
 * last one has no end, and is cut behind so many keys: a scan that is resumed lists no more than that again, for each range in
 * work, and a later scan lists all ranges side by side.
 */

import type { PathBytes } from '../../core/path-bytes.js';
import type { FolderRow, Inventory } from '../../store/inventory-contract.js';
import { FOLDER_ITSELF } from '../facts/file-row.js';
import type { Listing } from '../walk/folder-visit.js';
import type { NameFilter } from '../walk/globs.js';
import { type BucketRow, bucketRow, keyOfName, nameOfKey, objectPath, rangeRow } from './bucket-paths.js';
import type { BucketTree } from './bucket-tree.js';
import { deviceOf } from './object-identity.js';

/** Names that are passed on together: what the list said of them is in memory, of 32 ranges at once. */
const NAMES_TOGETHER_MAX = 4_096;

export interface RangeEnd {
  /** The last key; null: that of the bucket. */
  readonly upTo: PathBytes | null;
  /** True where a part of it may become a range of its own. */
  readonly mayBeCut: boolean;
}

interface Range {
  readonly tree: BucketTree;
  readonly inventory: Inventory;
  readonly filter: NameFilter;
  readonly end: RangeEnd;
}

/** List a range. Result: the number of its keys. Errors FILE_UNREADABLE, FILE_STALLED: the list ended early. */
export async function visitRange(
  folder: FolderRow,
  { tree, inventory, filter, end: { upTo, mayBeCut } }: Range,
  to: Listing,
): Promise<number> {
  const row = bucketRow(folder.path);
  const { bucket, root } = row;
  const device = deviceOf(bucket);
  const takes = keyFilter(filter, row);
  let names: PathBytes[] = [];
  let keys = 0;
  try {
    for await (const { objects, isLast } of tree.objects(folder.path, upTo)) {
      if (to.shouldStop()) break;
      keys += objects.length;
      for (const object of objects) {
        if (takes(object.key)) {
          names.push(nameOfKey(object.key));
          tree.note(folder.path, object);
        } else to.passOver('excluded');
      }
      const last = objects.at(-1)?.key;
      if (
        mayBeCut &&
        !isLast &&
        last !== undefined &&
        keys >= tree.limits.rangeKeys &&
        last >= (await lastKnown(inventory, folder))
      ) {
        await to.folders([rangeRow(root, last)]);
        break;
      }
      if (names.length < NAMES_TOGETHER_MAX) continue;
      await to.files(names, device);
      names = [];
    }
  } finally {
    // Also those before the place where the list ended.
    await to.files(names, device);
  }
  return keys;
}

/** Return the last key that has a row in this range: a cut before it would part its row from it. */
async function lastKnown(inventory: Inventory, folder: FolderRow): Promise<PathBytes> {
  let last: PathBytes = '';
  for await (const rows of inventory.filesOf(folder.id))
    for (const { name } of rows) if (name !== FOLDER_ITSELF && keyOfName(name) > last) last = keyOfName(name);
  return last;
}

/** Patterns for folders apply to the parts of a key before its slashes, below the folder that was named. */
function keyFilter(filter: NameFilter, { bucket, prefix }: BucketRow): (key: PathBytes) => boolean {
  const named = prefix.lastIndexOf('/') + 1;
  // Keys of one folder follow each other.
  let folder: PathBytes = '';
  let isTaken = true;
  const takesFolders = (key: PathBytes): boolean => {
    const above = key.slice(0, key.lastIndexOf('/') + 1);
    if (above === folder) return isTaken;
    folder = above;
    isTaken = true;
    for (let end = above.indexOf('/', named); isTaken && end >= 0; end = above.indexOf('/', end + 1))
      isTaken = filter.takesFolder(objectPath(bucket, above.slice(0, end)));
    return isTaken;
  };
  return (key) => takesFolders(key) && filter.takesFile(objectPath(bucket, key));
}
