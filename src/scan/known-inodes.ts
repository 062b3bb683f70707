/**
 * Content that is known under another name: a hard link, or a file in a folder that was moved. It is the same inode, unchanged
 * since it was read, so it is not read again. (A file that is itself renamed gets a new ctime, and is read again.)
 */
import { type FileIdentity, isSameFile } from '../core/file-identity.js';
import type { Inventory } from '../store/inventory-contract.js';
import type { FileFacts } from './facts/file-facts.js';
import { inodeKeyOf } from './facts/file-row.js';
import { unpackFacts } from './facts/packed-facts.js';
import type { FileReading } from './image-reader.js';

/** Hard links whose facts are kept while a scan runs, each some hundred bytes; the oldest are forgotten, and read again. */
const LINKS_MAX = 65_536;
export class KnownInodes {
  readonly #links = new Map<number, Promise<FileFacts | null>>();

  /** `inventory`: null where it keeps no files. */
  constructor(
    readonly inventory: Inventory | null,
    readonly isUsable: (facts: FileFacts) => boolean,
  ) {}

  /** Return the facts of unchanged files under any other name, from the inventory. */
  async find(files: readonly FileIdentity[]): Promise<(FileFacts | null)[]> {
    if (this.inventory === null || files.length === 0) return files.map(() => null);
    const rows = await this.inventory.factsOfInodes(files.map(inodeKeyOf));
    return files.map(
      (identity, at) =>
        rows[at]!.map(unpackFacts).find((facts) => isSameFile(facts, identity) && this.isUsable(facts)) ?? null,
    );
  }

  /** Read a file that has several names once. Result: null where `read` has none. */
  async share(identity: FileIdentity, read: () => Promise<FileReading | null>): Promise<FileReading | null> {
    const key = inodeKeyOf(identity);
    const held = this.#links.get(key);
    const other = held && (await held);
    if (other && isSameFile(other, identity)) return { facts: other, bytesRead: null };
    const mine = read();
    this.#links.set(
      key,
      mine.then(
        // Windows are kept by the row alone, packed: of all links they would fill the memory.
        (reading) => (reading?.facts.detail === 'plain' && this.isUsable(reading.facts) ? reading.facts : null),
        () => null,
      ),
    );
    for (const oldest of this.#links.keys()) {
      if (this.#links.size <= LINKS_MAX) break;
      this.#links.delete(oldest);
    }
    return mine;
  }
}
