/**
 * ETags in place of digests: that of an object that was put in one part, and not encrypted by KMS, is the MD5 of its bytes. One
 * that is on a list sends its object through the whole check. One that is not says nothing, since it may be no MD5, and the list may have the image in
 * other bytes: its object is not examined, and is counted as such.
 */
import { queryBatchOf } from '../../check/file-queries.js';
import type { PathBytes } from '../../core/path-bytes.js';
import type { Matcher } from '../matcher.js';
import type { BucketTree } from './bucket-tree.js';

/** Names that are looked up together: those of a page. */
export const ETAG_NAMES = 1_000;

const MD5 = /^[0-9a-f]{32}$/;

export class EtagLookup {
  /** Objects that were not examined. */
  left = 0;

  constructor(
    readonly tree: BucketTree,
    readonly matcher: Matcher,
  ) {}

  /** Return the names of a range whose objects are to be read. Errors: those of the matcher. */
  async listed(folder: PathBytes, names: readonly PathBytes[]): Promise<PathBytes[]> {
    const etags = names.map((name) => this.tree.listedEtag(folder, name)?.toLowerCase() ?? '');
    const asked = names.flatMap((name, at) => (MD5.test(etags[at]!) ? [{ name, md5: etags[at]! }] : []));
    const decisions =
      asked.length === 0
        ? []
        : await this.matcher.match(queryBatchOf(asked.map(({ md5 }) => ({ digests: { md5 }, hashes: [] }))));
    const hits = new Set(asked.filter((_, at) => decisions[at]!.matches.length > 0).map(({ name }) => name));
    for (const name of names) if (!hits.has(name)) this.tree.passOver(folder, name);
    this.left += names.length - hits.size;
    return names.filter((name) => hits.has(name));
  }
}
