/** One process of `zeef scan --join`: works until the scan is complete, and prints the result of all. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../core/make-folder.js';
import { removeUnfinished, unfinishedName } from '../core/unfinished.js';
import {
  forgetScan,
  type JoinEnd,
  type JoinParts,
  joinScan,
  reportLines,
  requireScanName,
} from '../scan/join/join-scan.js';
import { localMatcher, type MatcherOptions } from '../scan/matcher.js';
import { ProgressMeter } from '../scan/progress.js';
import { ScanTally } from '../scan/tally.js';
import { createThrottle } from '../scan/throttle.js';
import { SCAN_WARNINGS, warningLine } from '../scan/warnings.js';
import { INVENTORY_FILE, openInventory } from '../service/open-stores.js';
import { type Service, scanDecoder } from '../service/service.js';
import type { JoinedScanStore } from '../store/joined-scans-contract.js';
import { exitCodeOf } from './check.js';
import { type CliContext, checkOptions, EXIT, earlyExit } from './context.js';
import { failedLine, stalledLine, waitingLine } from './run-scan.js';
import { invalid, positive, type ScanFlags, scanRequest, throttleOptions } from './scan-flags.js';
import { openScanOutput } from './scan-output.js';
import { showProgress } from './scan-progress.js';

/** Flags that one process alone can follow, or that need what only it has. */
const NOT_TOGETHER = [
  ['resume', 'resume'],
  ['rematch', 'rematch'],
  ['filesFrom', 'files-from'],
  ['follow', 'follow'],
  ['listOthers', 'list-others'],
  ['quarantine', 'quarantine'],
  ['onMatch', 'on-match'],
  ['server', 'server'],
] as const satisfies readonly (readonly [keyof ScanFlags, string])[];

/** Errors REQUEST_INVALID. */
function requireJoinable(service: Service, flags: ScanFlags): JoinedScanStore {
  for (const [name, flag] of NOT_TOGETHER)
    if (flags[name] !== undefined) throw invalid(flag, '', `a scan without --join`);
  const { scans } = service.store;
  if (scans === null) throw invalid('join', flags.join!, 'a store that machines share: set ZEEF_DATABASE_URL');
  if (service.config.ledger !== 'on')
    throw invalid('join', flags.join!, 'the ledger, by which nothing is counted twice: ZEEF_LEDGER=on');
  requireScanName(flags.join!);
  return scans;
}

/**
 * Work on a joined scan, print its result, and set the exit code.
 *
 * Errors  REQUEST_INVALID: a flag; those of `joinScan`; those of the system, for the output.
 */
export async function runJoinedScan(
  cli: CliContext,
  service: Service,
  paths: readonly string[],
  flags: ScanFlags,
): Promise<void> {
  const scans = requireJoinable(service, flags);
  if (flags.forget) {
    await forgetScan(shared(service, scans, ''), flags.join!);
    return cli.out(`Forgot the scan ${flags.join}.\n`);
  }
  const { lists, requestedRadiusBits, tenant, orientations, frames, detail: requestedDetail } = checkOptions(flags);
  const options: MatcherOptions = { lists, requestedRadiusBits, requestedDetail, tenant };
  const shouldStop = () => cli.isStopping() || (flags.report === undefined && cli.isOutputClosed());
  const batch = await service.openFiles({ lists, tenant });
  const matcher = localMatcher(batch, options);
  const throttle = createThrottle(throttleOptions(flags), shouldStop);
  const everySeconds = positive('progress-seconds', flags.progressSeconds)!;
  const request = scanRequest(paths, flags, { orientations, frames, stdin: cli.stdin, cwd: cli.cwd });
  cli.onAsked('pause', () => throttle.toggle());
  // Its units would be complete, and no file of them checked.
  if (!matcher.hasList) throw invalid('join', flags.join!, 'a list in force: see zeef lists show');
  const output = openScanOutput(cli, flags);
  const { dataDir } = service.config;
  removeUnfinished(dataDir);
  const folder = unfinishedName(join(dataDir, 'joined'));
  makeFolder(folder);
  const tally = new ScanTally();
  const onStall = stalledLine(cli, request);
  const shown = showProgress(cli, new ProgressMeter(tally, throttle, () => null), everySeconds);
  const parts: JoinParts = {
    ...shared(service, scans, folder),
    tenant,
    scanParts: {
      decoder: scanDecoder(service),
      keepsFiles: true,
      matcher,
      throttle,
      env: cli.env,
      shouldStop,
      onStall,
      onFailure: failedLine(cli),
    },
    record: (answers, unmatched, once) => batch.record(tenant, answers, unmatched, once),
    onUnit: (lines, sums) => {
      tally.absorb(sums);
      if (flags.report === undefined) for (const line of lines) cli.out(`${line}\n`);
    },
    onJoined: ({ name, run }) => {
      const at = new Date().toISOString();
      output.line({ type: 'begin', paths, at, generation: matcher.generation, join: name, run });
    },
    onWait: ({ code, details }) => waitingLine(cli, `${code} ${JSON.stringify(details)}`, 1_000),
  };
  const asked = {
    lists: lists === null ? null : [...lists].sort(),
    radius: requestedRadiusBits,
    detail: matcher.detail,
  };
  try {
    const end = await joinScan(parts, request, { name: flags.join!, again: flags.again ?? false, asked });
    shown.stop();
    await report(cli, parts, flags, { end, output });
  } finally {
    shown.stop();
    output.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What this process shares with the others. `folder`: for inventories, of this process alone. */
function shared(
  { store }: Service,
  scans: JoinedScanStore,
  folder: string,
): Pick<JoinParts, 'store' | 'duties' | 'inventories'> {
  const { blobs, vault, duties } = store;
  const learnKeys = () => store.learnKeys();
  const inventories = { blobs, vault, learnKeys, folder, file: INVENTORY_FILE, open: openInventory };
  return { store: scans, duties, inventories };
}

async function report(
  cli: CliContext,
  parts: JoinParts,
  flags: ScanFlags,
  { end: { scan, summary }, output }: { readonly end: JoinEnd; readonly output: ReturnType<typeof openScanOutput> },
): Promise<void> {
  if (summary === null) {
    cli.err(
      `zeef: stopped. The same command joins the scan ${scan.name} again, which others may complete meanwhile.\n`,
    );
    return cli.setExitCode(earlyExit(cli) ?? EXIT.failed);
  }
  if (flags.report !== undefined)
    for await (const line of reportLines(parts, scan)) output.line(JSON.parse(line) as object);
  for (const warning of summary.warnings) cli.err(warningLine(warning));
  await output.end({ ...summary });
  const fails = summary.warnings.some(({ code }) => SCAN_WARNINGS[code].fails);
  cli.setExitCode(fails ? EXIT.failed : exitCodeOf(summary.byVerdict));
}
