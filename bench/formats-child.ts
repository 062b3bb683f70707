/** Decodes and hashes the files of one row of the `formats` bench in a process of its own, and says what came out. */
import { readFileSync } from 'node:fs';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../src/config/defaults.js';
import { AppError } from '../src/core/errors.js';
import { FRAMES_DEFAULT } from '../src/core/limits.js';
import { createDecoder } from '../src/decode/decode.js';
import { restrictLoaders } from '../src/decode/libvips.js';
import { loadPdqHasher } from '../src/kernels/pdq-wasm.js';
import { startClock } from './processor.js';

export interface FormatOutcome {
  /** `hashed`, `degraded`, `grave`, or the code of the refusal. */
  readonly outcome: string;
  readonly hash: string | null;
  readonly views: number;
  readonly processorMs: number;
}

export interface FormatRun {
  readonly outcomes: readonly FormatOutcome[];
  /** Above the process before its first file; 0 where there is no /proc. */
  readonly peakBytes: number;
}

function residentBytes(field: 'VmHWM' | 'VmRSS'): number {
  try {
    const status = readFileSync('/proc/self/status', 'latin1');
    return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

async function hashFile(path: string): Promise<FormatOutcome> {
  const stop = startClock();
  const ended = (outcome: string, hash: string | null, views: number): FormatOutcome => {
    return { outcome, hash, views, processorMs: stop().processorSeconds * 1000 };
  };
  try {
    const decoded = await decoder.decode(readFileSync(path), FRAMES_DEFAULT);
    let { damage } = decoded;
    let first: string | null = null;
    let views = 0;
    for await (const { raster } of decoded.views((further) => (damage ??= further))) {
      const { families } = hasher.hash(raster, { orientations: 'all', families: 'both' });
      first ??= Buffer.from(families[0]!.hashes[0]!).toString('hex');
      views++;
    }
    return ended(damage === null ? 'hashed' : damage.isGrave ? 'grave' : 'degraded', first, views);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return ended(error.code, null, 0);
  }
}

restrictLoaders();
const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
const hasher = loadPdqHasher();
const baseBytes = residentBytes('VmRSS');
const outcomes: FormatOutcome[] = [];
for (const path of process.argv.slice(2)) outcomes.push(await hashFile(path));
const peakBytes = Math.max(0, residentBytes('VmHWM') - baseBytes);
// libheif prints warnings on stdout: the answer is the last line.
process.stdout.write(`\n${JSON.stringify({ outcomes, peakBytes } satisfies FormatRun)}\n`);
