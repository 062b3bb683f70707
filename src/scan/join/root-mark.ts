/**
 * The mark of a root: the same on every machine that mounts it, and another one where it is not mounted. By default the
 * number of its folder's inode, which network filesystems give to all of their clients; a file in the root replaces it where
 * they do not. That of a bucket is its service.
 */
import { AppError } from '../../core/errors.js';
import { type PathBytes, shownPath } from '../../core/path-bytes.js';
import { BucketTree } from '../bucket/bucket-tree.js';
import type { ScanTree } from '../tree.js';
import { faultOfStat } from '../tree.js';
import type { Anchor } from '../walk/walk-protocol.js';

/** Its text is the mark of the folder that it is in. */
const ROOT_MARK_FILE: PathBytes = '.zeef-root';
/** The top folder of a filesystem has the number 1, 2, 34, 64, 96, 128 or 256, by its kind. */
const TOP_INODE_MAX = 1_024n;
/** A name or a UUID. */
const MARK_BYTES_MAX = 128;

/** Errors REQUEST_INVALID: the file is too long, empty, or cannot be read. */
export async function markOf(root: Anchor, tree: ScanTree): Promise<string> {
  if (tree instanceof BucketTree) return `service ${tree.originOf(root.path)}`;
  const place = { folder: root.path, anchor: root };
  const [stat] = await tree.look(place, [ROOT_MARK_FILE], [null]);
  const invalid = (why: string) =>
    new AppError('REQUEST_INVALID', { field: ROOT_MARK_FILE, root: shownPath(root.path), why });
  if (stat!.look === 'vanished') {
    if (root.inode === null || root.inode > TOP_INODE_MAX) return `inode ${root.inode}`;
    throw invalid('the top folders of all filesystems have such a number: put a file with a name of this one into it');
  }
  const fault = faultOfStat(stat!);
  if (fault !== null) throw invalid(`it cannot be read: ${fault}`);
  const { identity } = stat!;
  if (identity.size > MARK_BYTES_MAX) throw invalid(`it has more than ${MARK_BYTES_MAX} bytes`);
  const bytes = await tree.read({ place, name: ROOT_MARK_FILE, identity }, 0, identity.size);
  const text = shownPath(Buffer.from(bytes).toString('latin1').trim());
  if (text === '') throw invalid('it is empty');
  return `file ${text}`;
}
