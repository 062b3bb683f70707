/** Scans of a small tree, with a decoder that only counts: what is read, what comes from the inventory, what is recorded. */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PLAIN_REQUEST } from '../../bench/scan-run.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { pathBytesOf, shownPath, systemPath } from '../../src/core/path-bytes.js';
import { scan } from '../../src/scan/scan.js';
import type { ScanParts, ScanRequest } from '../../src/scan/scan-request.js';
import { ScanTally } from '../../src/scan/tally.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import type { Inventory } from '../../src/store/inventory-contract.js';
import { failedReply, found, imageReply, matcherOf, replyOfFile } from './scan-parts.js';

const DECISIONS = { a: found('match'), b: found('suppressed') };
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
export const GIF = Buffer.from('GIF89a');

interface About {
  readonly request?: Partial<ScanRequest>;
  readonly parts?: Partial<ScanParts>;
  readonly generation?: number;
  readonly wantsBlockhash?: boolean;
  /** Called while the decoder reads a file. */
  readonly during?: (name: string) => void;
  readonly shouldStop?: (read: number) => boolean;
}

/** A folder, and the inventory of its scans. */
export class ScanTree {
  readonly path = tempFolder('scan-tree');
  readonly inventoryPath = tempFolder('scan-inventory');

  private constructor(public inventory: Inventory) {}

  static async create(): Promise<ScanTree> {
    const tree = new ScanTree(null as never);
    tree.inventory = await openSqliteInventory(tree.inventoryPath);
    return tree;
  }

  /** Write a file that the decoder hashes to this digit; `x` is an image that cannot be decoded. */
  write(name: string, digit: string, magic = JPEG): void {
    writeFileSync(join(this.path, name), Buffer.concat([magic, Buffer.from(digit)]));
  }

  /** One scan of the tree; the result: names that were read, hits that were reported, and hits that were recorded, sorted. */
  async scan({ request = {}, parts = {}, generation = 1, wantsBlockhash = false, during, shouldStop }: About = {}) {
    const read: string[] = [];
    const digests = new Set<string>();
    const reported: string[] = [];
    const matcher = { ...matcherOf(DECISIONS), generation, wantsBlockhash };
    const tally = new ScanTally();
    const end = await scan(
      {
        decoder: {
          hashReply: async (input, wants) => {
            digests.add(wants.digests.join());
            if (!('file' in input)) return imageReply(Buffer.from(input.bytes).toString('latin1').at(-1)!);
            const path = systemPath(input.file.path).toString();
            read.push(basename(path));
            return replyOfFile(input.file, (bytes) => {
              during?.(basename(path));
              const digit = Buffer.from(bytes).toString('latin1').at(-1)!;
              return digit === 'x' ? failedReply('c') : imageReply(digit, bytes[0] === GIF[0] ? 'gif' : 'jpeg');
            });
          },
          whenRoom: async () => {},
          workers: 1,
          queueImagesPerWorker: 1,
          imageBytesMax: 1_000,
        },
        inventory: this.inventory,
        keepsFiles: true,
        matcher,
        throttle: { filesAtOnce: Number.POSITIVE_INFINITY, take: async () => {} } as never,
        tally,
        env: {},
        shouldStop: () => shouldStop?.(read.length) ?? false,
        onResult: ({ pathBytes, verdict, code, isMissing }) =>
          void reported.push([this.nameOf(pathBytes), verdict, code, isMissing && 'missing'].filter(Boolean).join(' ')),
        ...parts,
      },
      { ...PLAIN_REQUEST, cwd: '/', paths: [pathBytesOf(this.path)], ...request },
    );
    const recorded = matcher.recorded.flatMap(({ answers }) => answers.map(({ reference }) => basename(reference!)));
    const unmatched = matcher.recorded.reduce((sum, batch) => sum + batch.unmatched, 0);
    return {
      read: read.sort(),
      digests: [...digests],
      reported: reported.sort(),
      recorded: recorded.sort(),
      unmatched,
      tally,
      end,
    };
  }

  /** Return a path below the tree without the tree's. */
  nameOf(path: string): string {
    return shownPath(path).replace(`${this.path}/`, '');
  }

  close(): Promise<void> {
    return this.inventory.close();
  }
}
