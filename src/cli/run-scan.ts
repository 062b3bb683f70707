/** One run of `zeef scan`: checks trees of files, writes lines and a summary. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../core/errors.js';
import { type PathBytes, pathFields } from '../core/path-bytes.js';
import { secretFrom } from '../core/secret.js';
import { isBucketPath } from '../scan/bucket/bucket-paths.js';
import { localMatcher, type Matcher, type MatcherOptions } from '../scan/matcher.js';
import { ProgressMeter } from '../scan/progress.js';
import { rematch } from '../scan/rematch.js';
import { remoteMatcher } from '../scan/remote.js';
import { lookAtRows } from '../scan/row-sources.js';
import { scan } from '../scan/scan.js';
import type { ScanParts, ScanRequest } from '../scan/scan-request.js';
import { ScanTally } from '../scan/tally.js';
import { createThrottle } from '../scan/throttle.js';
import { type Counting, countFiles } from '../scan/walk/count.js';
import { absolute } from '../scan/walk/roots.js';
import { warningLine } from '../scan/warnings.js';
import { INVENTORY_FILE, openInventory } from '../service/open-stores.js';
import { type Service, scanDecoder } from '../service/service.js';
import { exitCodeOf } from './check.js';
import { type CliContext, checkOptions, EXIT, earlyExit, NO_LIST_LINE } from './context.js';
import { positive, type ScanFlags, scanRequest, throttleOptions } from './scan-flags.js';
import { openScanOutput } from './scan-output.js';
import { showProgress } from './scan-progress.js';

/** Errors REQUEST_INVALID. */
function serverKey(env: CliContext['env']): string | null {
  if (!env.ZEEF_SERVER_KEY) return null;
  const read = secretFrom(env, 'ZEEF_SERVER_KEY');
  if ('why' in read) throw new AppError('REQUEST_INVALID', { why: read.why });
  return read.secret;
}

interface Lists {
  readonly matcher: Matcher;
  /** Null where the lists are elsewhere. */
  readonly batch: Awaited<ReturnType<Service['openFiles']>> | null;
  /** Resolves once the lists answer. Errors as `RemoteMatcher.connect`. */
  connect(): Promise<void>;
}

/** Return the address of a service. Errors REQUEST_INVALID; what is refused may hold a password, so it is not quoted. */
function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new AppError('REQUEST_INVALID', { field: 'server', expected: 'https://HOST, without a user name' });
  return text;
}

async function listsOf(
  cli: CliContext,
  service: Service,
  flags: ScanFlags,
  { shouldStop, ...options }: MatcherOptions & { shouldStop: () => boolean },
): Promise<Lists> {
  if (flags.server === undefined) {
    const batch = await service.openFiles(options);
    return { matcher: localMatcher(batch, options), batch, connect: async () => {} };
  }
  const matcher = remoteMatcher({
    url: serverUrl(flags.server),
    key: flags.key ?? serverKey(cli.env),
    ...options,
    shouldStop,
    onWait: (why, waitMs) => waitingLine(cli, why, waitMs),
  });
  return { matcher, batch: null, connect: matcher.connect };
}

/** Errors FILE_UNREADABLE: a misspelt folder would be made, and its empty inventory matched. */
function requireInventory(folder: string): void {
  if (existsSync(join(folder, INVENTORY_FILE))) return;
  throw new AppError('FILE_UNREADABLE', { field: '--rematch', path: folder, why: 'no inventory of a scan is there' });
}

/** Start counting the files of a request, for the estimate. */
function startCounting(request: ScanRequest, env: CliContext['env']): Counting {
  const { paths, cwd, followsLinks, include, exclude } = request;
  return countFiles({ paths: paths.map((path) => absolute(path, cwd)), followsLinks, include, exclude }, env);
}

export const stalledLine =
  (cli: CliContext, { stallMs }: ScanRequest) =>
  (path: PathBytes): void =>
    cli.err(`${JSON.stringify({ type: 'stalled', ...pathFields(path), seconds: stallMs / 1_000 })}\n`);

export const failedLine =
  (cli: CliContext) =>
  (path: PathBytes, why: string): void =>
    cli.err(`${JSON.stringify({ type: 'failed', ...pathFields(path), why })}\n`);

export const waitingLine = (cli: CliContext, why: string, waitMs: number): void =>
  cli.err(`${JSON.stringify({ type: 'waiting', why, seconds: Math.round(waitMs / 100) / 10 })}\n`);

/** Resolve once the lists answer; false where the scan was stopped before. Errors as `Lists.connect`. */
async function isConnected(lists: Lists, shouldStop: () => boolean): Promise<boolean> {
  try {
    await lists.connect();
    return true;
  } catch (error) {
    if (shouldStop() && error instanceof AppError && error.code === 'SHUTTING_DOWN') return false;
    throw error;
  }
}

/**
 * Scan `paths`, or match an inventory again, and set the exit code.
 *
 * Errors  REQUEST_INVALID: a flag; those of `scan` and `rematch`; those of the system, for the output.
 */
export async function runScan(
  cli: CliContext,
  service: Service,
  paths: readonly string[],
  flags: ScanFlags,
): Promise<void> {
  const { lists, requestedRadiusBits, tenant, orientations, frames, detail: requestedDetail } = checkOptions(flags);
  const options: MatcherOptions = { lists, requestedRadiusBits, requestedDetail, tenant };
  // Without a reader of its lines a scan is of no use, unless they are in a file.
  const shouldStop = () => cli.isStopping() || (flags.report === undefined && cli.isOutputClosed());
  const found = await listsOf(cli, service, flags, { ...options, shouldStop });
  const { matcher, batch } = found;
  // All flags are read before the inventory is opened.
  const throttle = createThrottle(throttleOptions(flags), shouldStop);
  const everySeconds = positive('progress-seconds', flags.progressSeconds)!;
  const request = scanRequest(paths, flags, { orientations, frames, stdin: cli.stdin, cwd: cli.cwd });
  cli.onAsked('pause', () => throttle.toggle());
  const tally = new ScanTally((warning) => cli.err(warning.code === 'NO_LIST' ? NO_LIST_LINE : warningLine(warning)));
  if (!matcher.hasList) tally.warn('NO_LIST');
  if (flags.rematch !== undefined) requireInventory(flags.rematch);
  const kept = flags.rematch ?? flags.resume;
  const output = openScanOutput(cli, flags);
  const inventory = await openInventory(kept ?? null);
  const { filesBefore } = inventory.state;
  const isOfBuckets = request.paths.some(isBucketPath);
  const isCounted =
    flags.rematch === undefined &&
    filesBefore === null &&
    flags.count !== false &&
    flags.filesFrom === undefined &&
    !isOfBuckets;
  const counting = isCounted ? startCounting(request, cli.env) : null;
  const expected = () => filesBefore ?? counting?.total ?? null;
  const shown = showProgress(cli, new ProgressMeter(tally, throttle, expected), everySeconds);
  try {
    const isReady = await isConnected(found, shouldStop);
    output.line({ type: 'begin', paths, at: new Date().toISOString(), generation: matcher.generation });
    const common = { inventory, matcher, tally, shouldStop, onResult: output.result };
    const newEntries = flags.newEntries && batch ? { batch, options } : null;
    const parts: ScanParts = {
      ...common,
      decoder: scanDecoder(service),
      keepsFiles: kept !== undefined,
      throttle,
      env: cli.env,
      onStall: stalledLine(cli, request),
      onFailure: failedLine(cli),
      onOther: output.other,
    };
    const end = !isReady
      ? { interrupted: true, resumed: false }
      : flags.rematch !== undefined
        ? await rematchRows(parts, request, newEntries)
        : await scan(parts, request);
    shown.stop();
    const { interrupted, resumed } = end;
    if (!interrupted) tally.warnOfNothing();
    await output.end(tally.summary({ generation: matcher.generation, interrupted, resumed }));
    setExit(cli, flags, tally, interrupted);
  } finally {
    shown.stop();
    counting?.stop();
    await inventory.close();
    output.close();
  }
}

async function rematchRows(
  parts: ScanParts,
  request: ScanRequest,
  newEntries: Parameters<typeof rematch>[0]['newEntries'],
): ReturnType<typeof scan> {
  const look = lookAtRows(parts, request);
  try {
    const { readAgain } = look;
    const { interrupted } = await rematch({ ...parts, orientations: request.orientations, newEntries, readAgain });
    return { interrupted, resumed: false, suspicion: { tried: 0, condemned: 0 } };
  } finally {
    look.close();
  }
}

function setExit(cli: CliContext, flags: ScanFlags, tally: ScanTally, interrupted: boolean): void {
  // A signal has its own code; without a reader the scan ended before its end.
  const early = interrupted ? (earlyExit(cli) ?? EXIT.failed) : null;
  if (early !== null) cli.err(`zeef: stopped. ${howToGoOn(flags)}\n`);
  cli.setExitCode(early ?? (tally.warnings.fails ? EXIT.failed : exitCodeOf(tally.byVerdict)));
}

function howToGoOn({ rematch: rematched, resume }: ScanFlags): string {
  if (rematched !== undefined) return 'The same command starts the rematch again.';
  if (resume !== undefined) return `The same command resumes from the inventory ${resume}.`;
  return 'Without --resume FOLDER the same command starts from the beginning.';
}
