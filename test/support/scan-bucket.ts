/** Scans of a small bucket, with a decoder that only counts: what is read, what comes from the inventory, what is missing. */
import { PLAIN_REQUEST } from '../../bench/scan-run.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { pathBytesOf, shownPath } from '../../src/core/path-bytes.js';
import { scan } from '../../src/scan/scan.js';
import type { ScanParts, ScanRequest } from '../../src/scan/scan-request.js';
import { ScanTally } from '../../src/scan/tally.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import type { Inventory } from '../../src/store/inventory-contract.js';
import { FakeS3, type S3Operation } from './fake-s3.js';
import { failedReply, found, imageReply, matcherOf } from './scan-parts.js';

const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
/** The decoder of these tests takes no larger images. */
const IMAGE_BYTES_MAX = 100_000;
/** Every image matches, or is suppressed: so each is a line. */
const DECISIONS = { a: found('match'), b: found('suppressed') };
export const PLACE = 's3://zeef-test/';

interface About {
  readonly paths?: readonly string[];
  readonly request?: Partial<ScanRequest>;
  readonly parts?: Partial<ScanParts>;
  readonly shouldStop?: (decoded: number) => boolean;
}

export class ScanBucket {
  readonly inventoryPath = tempFolder('bucket-inventory');

  private constructor(
    readonly fake: FakeS3,
    public inventory: Inventory,
  ) {}

  static async create(): Promise<ScanBucket> {
    const bucket = new ScanBucket(await FakeS3.start(), null as never);
    bucket.inventory = await openSqliteInventory(bucket.inventoryPath);
    return bucket;
  }

  /** Put an image that the decoder hashes to this digit: `a` matches, `b` is suppressed, `x` cannot be decoded. `bytes`: its size. */
  put(key: string, digit = 'a', bytes = 5): void {
    this.fake.plant(key, Buffer.concat([JPEG, Buffer.alloc(bytes - 5), Buffer.from(digit)]));
  }

  /** One scan; the result: lines that were reported, sorted, the number of decoded images, and operations on the bucket. */
  async scan({ paths = [PLACE], request = {}, parts = {}, shouldStop }: About = {}) {
    const lines: string[] = [];
    const failures: string[] = [];
    const warnings: string[] = [];
    const tally = new ScanTally(({ code }) => void warnings.push(code));
    const before = this.fake.operations.length;
    let decoded = 0;
    const end = await scan(
      {
        decoder: {
          hashReply: async (input) => {
            if (!('bytes' in input)) throw new Error('the decoder cannot open an object');
            decoded++;
            const digit = Buffer.from(input.bytes).toString('latin1').at(-1)!;
            return digit === 'x' ? failedReply('c') : imageReply(digit);
          },
          workers: 1,
          queueImagesPerWorker: 1,
          imageBytesMax: IMAGE_BYTES_MAX,
        },
        inventory: this.inventory,
        keepsFiles: true,
        matcher: matcherOf(DECISIONS),
        throttle: { filesAtOnce: Number.POSITIVE_INFINITY, take: async () => {} } as never,
        tally,
        env: this.fake.env,
        shouldStop: () => shouldStop?.(decoded) ?? false,
        onResult: ({ pathBytes, verdict, code, isMissing }) =>
          void lines.push(
            [shownPath(pathBytes).replace(PLACE, ''), verdict, code, isMissing && 'missing'].filter(Boolean).join(' '),
          ),
        bucketLimits: { retries: 2, firstPauseMs: 1 },
        onFailure: (_path, why) => void failures.push(why),
        ...parts,
      },
      { ...PLAIN_REQUEST, cwd: '/', paths: paths.map(pathBytesOf), ...request },
    );
    const operations = this.fake.operations.slice(before);
    const count = (of: S3Operation) => operations.filter((one) => one === of).length;
    const gets = count('GetObject');
    const { missing, files, fromInventory } = tally;
    const found = { missing, files, fromInventory };
    return { lines: lines.sort(), failures, warnings, decoded, gets, heads: count('HeadObject'), end, tally, ...found };
  }

  async reopen(): Promise<void> {
    await this.inventory.close();
    this.inventory = await openSqliteInventory(this.inventoryPath);
  }

  async close(): Promise<void> {
    await this.inventory.close();
    await this.fake.stop();
  }
}
