/** Row of a file in the inventory: its packed facts, and the key by which its inode is found under other names. */
import type { FileIdentity } from '../../core/file-identity.js';
import type { PathBytes } from '../../core/path-bytes.js';
import type { FileRow } from '../../store/inventory-contract.js';
import type { FileFacts } from './file-facts.js';
import { packFacts, type Settlement } from './packed-facts.js';

/** File name that stands for a folder that could not be listed. */
export const FOLDER_ITSELF: PathBytes = '.';

/** Source: the golden ratio as a 64-bit fraction, for multiplicative hashing (Knuth, TAOCP 3, 6.4). */
const SPREAD = 0x9e3779b97f4a7c15n;
/** A number in SQLite and in JavaScript. */
const KEY_BITS = 53;

/** Return the key of an inode, for `Inventory.factsOfInodes`; two inodes may share one. */
export function inodeKeyOf({ inode, device }: FileIdentity): number {
  return Number(BigInt.asUintN(KEY_BITS, BigInt.asUintN(64, (device + 1n) * SPREAD) ^ inode));
}

interface RowPlace {
  readonly fileKey: number;
  readonly name: PathBytes;
  /** True for an entry of an archive, whose inode is that of all its entries. */
  readonly isArchive: boolean;
}

/** `settled`: in place of what the facts say of it. */
export function fileRow({ fileKey, name, isArchive }: RowPlace, facts: FileFacts, settled?: Settlement): FileRow {
  // Only a file that was read whole has a SHA-256.
  const isFound = !isArchive && facts.digests.sha256 !== undefined;
  return { fileKey, name, facts: packFacts(facts, settled), inodeKey: isFound ? inodeKeyOf(facts) : null };
}
