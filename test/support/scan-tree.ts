/** Scans of a small tree, with a decoder that only counts: what is read, what comes from the inventory, what is recorded. */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PLAIN_REQUEST } from '../../bench/scan-run.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { pathBytesOf, shownPath, systemPath } from '../../src/core/path-bytes.js';
import type { Detail } from '../../src/core/window.js';
import type { ImageWants } from '../../src/scan/image-wants.js';
import { rematch } from '../../src/scan/rematch.js';
import { lookAtRows } from '../../src/scan/row-sources.js';
import { scan } from '../../src/scan/scan.js';
import type { ScanDecoder, ScanParts, ScanRequest } from '../../src/scan/scan-request.js';
import { ScanTally } from '../../src/scan/tally.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import type { Inventory } from '../../src/store/inventory-contract.js';
import { failedReply, found, imageReply, matcherOf, replyOfFile, withWindows } from './scan-parts.js';

const DECISIONS = { a: found('match'), b: found('suppressed') };
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
export const GIF = Buffer.from('GIF89a');

interface About {
  readonly request?: Partial<ScanRequest>;
  readonly parts?: Partial<ScanParts>;
  readonly generation?: number;
  readonly wantsBlockhash?: boolean;
  readonly detail?: Detail;
  readonly takesStoredWindows?: boolean;
  /** Called while the decoder reads a file. */
  readonly during?: (name: string) => void;
  readonly shouldStop?: (read: number) => boolean;
}

/** A decoder that hashes a file to the last digit of its bytes. `onRead`: path null for an entry; its result is called in the middle. */
export function decoderOf(onRead: (wants: ImageWants, path: string | null) => (() => void) | undefined): ScanDecoder {
  const replyTo = (bytes: Uint8Array, wants: ImageWants) => {
    const digit = Buffer.from(bytes).toString('latin1').at(-1)!;
    if (digit === 'x') return failedReply('c');
    return withWindows(imageReply(digit, bytes[0] === GIF[0] ? 'gif' : 'jpeg'), wants.detail);
  };
  return {
    hashReply: async (input, wants) => {
      if (!('file' in input)) {
        onRead(wants, null);
        return replyTo(input.bytes, wants);
      }
      const during = onRead(wants, systemPath(input.file.path).toString());
      return replyOfFile(input.file, (bytes) => {
        during?.();
        return replyTo(bytes, wants);
      });
    },
    workers: 1,
    queueImagesPerWorker: 1,
    imageBytesMax: 1_000,
  };
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
  async scan({ request = {}, parts = {}, generation = 1, during, shouldStop, ...wishes }: About = {}) {
    const { wantsBlockhash = false, detail = 'plain', takesStoredWindows = true } = wishes;
    const read: string[] = [];
    const digests = new Set<string>();
    const reported: string[] = [];
    const matcher = { ...matcherOf(DECISIONS), generation, wantsBlockhash, detail, takesStoredWindows };
    const tally = new ScanTally();
    const end = await scan(
      {
        decoder: decoderOf((wants, path) => {
          digests.add(wants.digests.join());
          if (path === null) return;
          read.push(basename(path));
          return () => during?.(basename(path));
        }),
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

  /** One rematch: names that were read, and hits that were reported, sorted. */
  async rematch({
    detail = 'plain',
    newEntries = null,
  }: Pick<About, 'detail'> & Partial<Pick<Parameters<typeof rematch>[0], 'newEntries'>> = {}) {
    const read: string[] = [];
    const reported: string[] = [];
    const matcher = { ...matcherOf(DECISIONS), generation: 2, detail, matchedAt: '{"generation":2}' };
    const tally = new ScanTally();
    const parts: ScanParts = {
      decoder: decoderOf((_wants, path) => void read.push(path === null ? 'entry' : basename(path))),
      inventory: this.inventory,
      keepsFiles: true,
      matcher,
      throttle: { filesAtOnce: Number.POSITIVE_INFINITY, take: async () => {} } as never,
      tally,
      env: {},
      shouldStop: () => false,
      onResult: ({ pathBytes, verdict, code }) =>
        void reported.push([this.nameOf(pathBytes), verdict, code].filter(Boolean).join(' ')),
    };
    const { readAgain, close } = lookAtRows(parts, PLAIN_REQUEST);
    try {
      await rematch({ ...parts, orientations: 'all', newEntries, readAgain });
    } finally {
      close();
    }
    const recorded = matcher.recorded.flatMap(({ answers }) => answers.map(({ reference }) => basename(reference!)));
    return { read: read.sort(), reported: reported.sort(), recorded: recorded.sort(), tally };
  }

  /** Return a path below the tree without the tree's. */
  nameOf(path: string): string {
    return shownPath(path).replace(`${this.path}/`, '');
  }

  close(): Promise<void> {
    return this.inventory.close();
  }
}
