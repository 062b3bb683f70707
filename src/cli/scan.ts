/** `zeef scan`: its options, and which of them go together. */
import type { Command } from 'commander';
import { FRAMES_HELP, orientations } from './check.js';
import { type CliContext, type GlobalFlags, withService } from './context.js';
import { giveWay } from './idle.js';
import { runScan } from './run-scan.js';
import { invalid, type ScanFlags } from './scan-flags.js';

const collected = (value: string, before: readonly string[] = []) => [...before, value];

export function addScanCommand(program: Command, cli: CliContext): void {
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
      if (unavailable !== null) cli.err(`zeef: ${unavailable}\n`);
      await withService(cli, program.opts<GlobalFlags>(), (service) => runScan(cli, service, paths, flags));
    });
}
