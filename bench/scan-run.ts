/** Runs a scan in this process like `zeef scan`, without output. */
import { pathBytesOf } from '../src/core/path-bytes.js';
import type { FileResult } from '../src/scan/facts/file-result.js';
import { localMatcher } from '../src/scan/matcher.js';
import { scan } from '../src/scan/scan.js';
import type { ScanRequest } from '../src/scan/scan-request.js';
import { type ScanSummary, ScanTally } from '../src/scan/tally.js';
import { createThrottle, type Throttle } from '../src/scan/throttle.js';
import { type Service, scanDecoder } from '../src/service/service.js';
import { openSqliteInventory } from '../src/sqlite/inventory/inventory.js';

export interface ScanRun {
  /** Folder of the inventory; null for a temporary one. */
  readonly inventory?: string | null;
  readonly onResult?: (result: FileResult) => void;
  readonly request?: Partial<ScanRequest>;
  /** None by default. */
  readonly throttle?: Throttle;
}

const NO_LIMITS = { filesPerSecond: null, bytesPerSecond: null, pauseFile: null, loadMax: null };

/** A scan without any option. */
export const PLAIN_REQUEST: Omit<ScanRequest, 'paths' | 'cwd'> = {
  filesFrom: null,
  include: [],
  exclude: [],
  oneFileSystem: false,
  followsLinks: false,
  digestsAll: false,
  retriesFailed: false,
  etagsOnly: false,
  archives: false,
  prunes: false,
  stallMs: 60_000,
  orientations: 'all',
  frames: 1,
};

export async function runScan(
  service: Service,
  path: string,
  {
    inventory = null,
    onResult = () => {},
    request = {},
    throttle = createThrottle(NO_LIMITS, () => false),
  }: ScanRun = {},
): Promise<ScanSummary> {
  const store = await openSqliteInventory(inventory);
  const tally = new ScanTally();
  try {
    const matcher = localMatcher(await service.openFiles({ lists: null, tenant: 'local' }), {
      lists: null,
      requestedRadiusBits: null,
      requestedDetail: null,
      tenant: 'bench',
    });
    const { interrupted, resumed } = await scan(
      {
        decoder: scanDecoder(service),
        inventory: store,
        keepsFiles: inventory !== null,
        matcher,
        throttle,
        tally,
        env: process.env,
        shouldStop: () => false,
        onResult,
      },
      {
        paths: [pathBytesOf(path)],
        cwd: pathBytesOf(process.cwd()),
        ...PLAIN_REQUEST,
        ...request,
      },
    );
    return tally.summary({ generation: matcher.generation, interrupted, resumed });
  } finally {
    await store.close();
  }
}
