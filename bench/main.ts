/** All suites by name; loaded by `zeef bench`. */
import { cpus } from 'node:os';
import { AppError } from '../src/core/errors.js';
import { accuracy } from './accuracy.js';
import { crash } from './crash.js';
import { digests } from './digests.js';
import { fleet } from './fleet.js';
import { flips } from './flips.js';
import { formats } from './formats.js';
import { gates } from './gates.js';
import { headline } from './headline.js';
import { hma } from './hma.js';
import { hostile } from './hostile.js';
import { http } from './http.js';
import { images } from './images.js';
import { index } from './index-bench.js';
import { kernels } from './kernels.js';
import { large } from './large.js';
import { ledger } from './ledger.js';
import { lists } from './lists.js';
import { live } from './live.js';
import { memory } from './memory.js';
import { overhead } from './overhead.js';
import { recall } from './recall/recall.js';
import { variants } from './recall/variants.js';
import { recovery } from './recovery.js';
import { type BenchOptions, type BenchTable, formatTable } from './report.js';
import { scanBench } from './scan.js';
import { skew } from './skew.js';
import { slowDisk } from './slow-disk.js';
import { soak } from './soak.js';
import { withTempRun } from './temp-folder.js';

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchTable | readonly BenchTable[]>>> = {
  kernels,
  index,
  digests,
  skew,
  live,
  lists,
  flips,
  images,
  formats,
  memory,
  large,
  overhead,
  http,
  ledger,
  'slow-disk': slowDisk,
  crash,
  fleet,
  hostile,
  recovery,
  scan: scanBench,
  soak,
  accuracy,
  recall,
  variants,
  gates,
  hma,
  headline,
};
export const SUITES = Object.keys(BENCHES);

interface BenchOutput {
  readonly json: boolean;
  readonly out: (text: string) => void;
  readonly shouldStop?: () => boolean;
}

/** Run suites and print their tables; `shouldStop` is asked before each. Errors REQUEST_INVALID: an unknown suite. */
export async function run(
  suites: readonly string[],
  { json, out, shouldStop = () => false, ...options }: BenchOptions & BenchOutput,
): Promise<void> {
  const unknown = suites.find((suite) => !SUITES.includes(suite));
  if (unknown !== undefined) throw new AppError('REQUEST_INVALID', { suite: unknown, suites: SUITES.join(' ') });
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
  if (!json) out(`${machine}${options.smoke ? '; smoke sizes: the figures mean nothing' : ''}\n`);
  for (const suite of suites.length > 0 ? suites : SUITES) {
    if (shouldStop()) return;
    const result = await withTempRun(() => BENCHES[suite]!(options));
    for (const table of [result].flat())
      out(json ? `${JSON.stringify({ suite, machine, smoke: options.smoke, ...table })}\n` : formatTable(table));
  }
}
