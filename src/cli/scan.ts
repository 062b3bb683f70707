/** `zeef scan`: trees of files in, lines and a summary out. */
import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { AppError } from '../core/errors.js';
import { FILE_LIST_PATH_BYTES_MAX } from '../core/limits.js';
import { type PathBytes, pathBytesOf } from '../core/path-bytes.js';
import { localMatcher, type Matcher, type MatcherOptions } from '../scan/matcher.js';
import { ProgressMeter } from '../scan/progress.js';
import { rematch } from '../scan/rematch.js';
import { remoteMatcher } from '../scan/remote.js';
import { scan } from '../scan/scan.js';
import type { ScanParts, ScanRequest } from '../scan/scan-request.js';
import { Tally } from '../scan/tally.js';
import { createThrottle, type ThrottleOptions } from '../scan/throttle.js';
import { countFiles } from '../scan/walk/count.js';
import { readPaths } from '../scan/walk/file-list.js';
import { sortRoots } from '../scan/walk/roots.js';
import { openInventory } from '../service/open-store.js';
import { type Service, scanDecoder } from '../service/service.js';
import { exitCodeOf, FRAMES_HELP, orientations } from './check.js';
import {
  checkOptions,
  EXIT,
  type GlobalFlags,
  type ImageCheckFlags,
  type Surroundings,
  withService,
} from './context.js';
import { giveWay } from './idle.js';
import { type OutputFlags, openScanOutput } from './scan-output.js';
import { showProgress } from './scan-progress.js';

interface ScanFlags extends ImageCheckFlags, OutputFlags {
  readonly filesFrom?: string;
  readonly null?: boolean;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly oneFileSystem?: boolean;
  readonly follow?: boolean;
  readonly digestAll?: boolean;
  readonly archives?: boolean;
  readonly retryFailed?: boolean;
  readonly resume?: string;
  readonly rematch?: string;
  readonly newEntries?: boolean;
  readonly maxRate?: string;
  readonly pauseFile?: string;
  readonly maxLoad?: string;
  readonly idle?: boolean;
  readonly count?: boolean;
  readonly progressSeconds: string;
  readonly server?: string;
  readonly key?: string;
}

const collected = (value: string, before: readonly string[] = []) => [...before, value];
const invalid = (field: string, got: string, expected: string) =>
  new AppError('REQUEST_INVALID', { field, got, expected });

/** `500` is files a second, `50MB` megabytes a second; both, with a comma between. Errors REQUEST_INVALID. */
export function ratesFrom(text: string | undefined): Pick<ThrottleOptions, 'filesPerSecond' | 'bytesPerSecond'> {
  const rates = { filesPerSecond: null as number | null, bytesPerSecond: null as number | null };
  for (const part of text?.split(',') ?? []) {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(MB)?$/i.exec(part.trim()) ?? [];
    if (amount === undefined || Number(amount) <= 0)
      throw invalid('max-rate', part, 'files (500) or megabytes (50MB) a second');
    if (unit === undefined) rates.filesPerSecond = Number(amount);
    else rates.bytesPerSecond = Number(amount) * 1_000_000;
  }
  return rates;
}

function positive(field: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!(Number(text) > 0)) throw invalid(field, text, 'a number above 0');
  return Number(text);
}

export function addScanCommand(program: Command, around: Surroundings): void {
  program
    .command('scan')
    .description(
      'a batch over trees of files: JSON lines begin, match, suppressed, not_checked, summary (docs/scan.md)',
    )
    .argument('[paths...]')
    .addOption(orientations())
    .option('--radius <bits>', 'narrow the lists’ own radius, inclusive')
    .option('--lists <names>', 'only these lists, separated by commas')
    .option('--frames <count>', FRAMES_HELP)
    .option('--files-from <file>', 'scan the files that this one names, a line each; - for stdin')
    .option('--null', 'names in --files-from end with a byte 0, not with a line')
    .option('--include <glob>', 'only files of this name, or path where it has a slash; may be repeated', collected)
    .option('--exclude <glob>', 'leave out files and folders of this name or path; may be repeated', collected)
    .option('--one-file-system', 'stay on the filesystems of the given paths')
    .option('--follow', 'follow symbolic links; each folder is still walked once')
    .option('--digest-all', 'read files that are no pictures too, and look up their digests')
    .option('--archives', 'look at pictures in zip and tar files too')
    .option('--retry-failed', 'try again what could not be checked, also where it did not change')
    .option('--list-others', 'a line not_a_picture for each file that is none')
    .option('--resume <folder>', 'keep an inventory there: go on where a scan was stopped, read only what is new')
    .option('--rematch <folder>', 'match the hashes in that inventory; no file is read')
    .option('--new-entries', 'with --rematch: only what came into the lists since the last time')
    .option('--max-rate <rates>', 'files (500) or megabytes (50MB) a second, or both with a comma between')
    .option('--pause-file <file>', 'begin nothing while this file exists')
    .option('--max-load <load>', 'begin nothing while the machine’s load is above this')
    .option('--idle', 'lowest CPU priority, and disk time only where nobody else wants it')
    .option('--no-count', 'do not count files beforehand for the estimate')
    .option('--progress-seconds <seconds>', 'how often progress is told where there is no terminal', '10')
    .option('--report <file>', 'write the JSON lines there, and a summary in words to stdout')
    .option('--summary <file>', 'write the summary there: .txt, .json, .csv or .html; may be repeated', collected)
    .option('--quarantine <script>', 'write a shell script that moves hits away; it is not run')
    .option('--quarantine-to <folder>', 'where that script moves them')
    .option('--on-match <program>', 'run this for each hit, without a shell')
    .option(
      '--on-match-arg <argument>',
      'its arguments, in order; {path} {list} {entry} {distance} {match} {sha256}',
      collected,
    )
    .option('--server <url>', 'match there: only hashes leave this machine')
    .option('--key <key>', 'key for --server; better in ZEEF_SERVER_KEY, where others cannot see it')
    .action(async (paths: string[], flags: ScanFlags) => {
      if (paths.length === 0 && flags.filesFrom === undefined && flags.rematch === undefined)
        throw invalid('paths', '', 'a path, --files-from or --rematch');
      if (flags.newEntries && (flags.rematch === undefined || flags.server !== undefined))
        throw invalid('new-entries', '', '--rematch, with lists of this machine');
      const unavailable = flags.idle ? giveWay() : null;
      if (unavailable !== null) around.err(`zeef: ${unavailable}\n`);
      await withService(around, program.opts<GlobalFlags>(), (service) => runScan(around, service, paths, flags));
    });
}

async function matcherFor(
  around: Surroundings,
  service: Service,
  flags: ScanFlags,
  asking: MatcherOptions,
): Promise<{ matcher: Matcher; batch: Awaited<ReturnType<Service['openFiles']>> | null }> {
  if (flags.server === undefined) {
    const batch = await service.openFiles(asking.lists);
    return { matcher: localMatcher(batch, asking), batch };
  }
  if (!URL.canParse(flags.server)) throw invalid('server', flags.server, 'an address: https://...');
  const matcher = remoteMatcher({
    url: flags.server,
    key: flags.key ?? around.env.ZEEF_SERVER_KEY ?? null,
    ...asking,
    shouldStop: around.isStopping,
    onWait: (why, waitMs) =>
      around.err(`${JSON.stringify({ type: 'waiting', why, seconds: Math.round(waitMs / 100) / 10 })}\n`),
  });
  return { matcher, batch: null };
}

async function runScan(
  around: Surroundings,
  service: Service,
  paths: readonly string[],
  flags: ScanFlags,
): Promise<void> {
  const { lists, askedRadiusBits, tenant, orientations: turned, frames } = checkOptions(flags);
  const asking: MatcherOptions = { lists, askedRadiusBits, tenant };
  const { matcher, batch } = await matcherFor(around, service, flags, asking);
  const kept = flags.rematch ?? flags.resume;
  const inventory = await openInventory(kept ?? null);
  const throttle = createThrottle(
    { ...ratesFrom(flags.maxRate), pauseFile: flags.pauseFile ?? null, loadMax: positive('max-load', flags.maxLoad) },
    around.isStopping,
  );
  around.onAsked('pause', () => throttle.toggle());
  const tally = new Tally();
  const output = openScanOutput(around, flags);
  const request: ScanRequest = {
    paths: paths.map(pathBytesOf),
    filesFrom: flags.filesFrom === undefined ? null : listOf(flags),
    include: flags.include ?? [],
    exclude: flags.exclude ?? [],
    oneFileSystem: flags.oneFileSystem ?? false,
    followsLinks: flags.follow ?? false,
    digestsAll: flags.digestAll ?? false,
    retriesFailed: flags.retryFailed ?? false,
    archives: flags.archives ?? false,
    orientations: turned,
    frames,
  };
  const { filesBefore } = inventory.state;
  const counting =
    flags.rematch !== undefined || filesBefore !== null || flags.count === false || flags.filesFrom !== undefined
      ? null
      : countFiles({
          roots: (await sortRoots(request.paths, request.followsLinks)).roots,
          include: request.include,
          exclude: request.exclude,
        });
  const expected = () => filesBefore ?? counting?.total ?? null;
  const shown = showProgress(
    around,
    new ProgressMeter(tally, throttle, expected),
    positive('progress-seconds', flags.progressSeconds)!,
  );
  try {
    output.line({ type: 'begin', paths, at: new Date().toISOString(), generation: matcher.generation });
    const common = { inventory, matcher, tally, shouldStop: around.isStopping, onResult: output.result };
    const end =
      flags.rematch !== undefined
        ? {
            ...(await rematch({
              ...common,
              orientations: turned,
              newEntries: flags.newEntries && batch ? { batch, asking } : null,
            })),
            resumed: false,
          }
        : await scan(
            {
              ...common,
              decoder: scanDecoder(service),
              keepsFiles: kept !== undefined,
              throttle,
              onOther: output.other,
            } satisfies ScanParts,
            request,
          );
    shown.stop();
    const { interrupted, resumed } = end;
    const summary = tally.summary({ generation: matcher.generation, interrupted, resumed });
    await output.end(summary);
    if (interrupted) around.err(`zeef: stopped. ${howToGoOn(flags)}\n`);
    around.setExitCode(interrupted ? EXIT.interrupted : exitCodeOf(summary.byVerdict));
  } finally {
    shown.stop();
    await counting?.stop();
    await inventory.close();
  }
}

function howToGoOn({ rematch: rematched, resume }: ScanFlags): string {
  if (rematched !== undefined) return 'The same command begins it anew; nothing is read for it.';
  if (resume !== undefined) return `The same command goes on where it was: its inventory is ${resume}.`;
  return 'Without --resume FOLDER the same command begins anew.';
}

function listOf({ filesFrom, null: endsWithZero }: ScanFlags): AsyncIterable<PathBytes> {
  const source = filesFrom === '-' ? process.stdin : createReadStream(filesFrom!);
  return readPaths(source, endsWithZero ? 0 : 10, FILE_LIST_PATH_BYTES_MAX);
}
