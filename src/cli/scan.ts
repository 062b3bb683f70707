/** `zeef scan`: its options, and which of them go together. */
import { type Command, Option } from 'commander';
import type { Service } from '../service/service.js';
import { requireBucketFlags } from './bucket-flags.js';
import { detail, FRAMES_HELP, orientations } from './check.js';
import { type CliContext, type GlobalFlags, withService } from './context.js';
import { collecting } from './given-twice.js';
import { giveWay } from './idle.js';
import { writesTo } from './output-files.js';
import { runJoinedScan } from './run-joined-scan.js';
import { runScan } from './run-scan.js';
import type { ScanFlags } from './scan-flags.js';
import { requireTogether } from './scan-together.js';

const collected = collecting<string>((value, before = []) => [...before, value]);

export function addScanCommand(program: Command, cli: CliContext): void {
  const command = program
    .command('scan')
    .description('check trees of files: JSON lines begin, match, suppressed, not_checked, summary (docs/scan.md)')
    .argument('[paths...]')
    .addOption(orientations())
    .option('--radius <bits>', 'narrow the lists’ own radius, inclusive')
    .option('--lists <names>', 'only these lists, separated by commas')
    .option('--frames <count>', FRAMES_HELP)
    .addOption(detail())
    .option('--files-from <file>', 'scan the files that this file lists, one a line; - for stdin')
    .option('--null', 'names in --files-from end with a zero byte instead of a newline')
    .option(
      '--include <glob>',
      'only files and folders that this pattern matches, as in .gitignore; may be repeated',
      collected,
    )
    .option('--exclude <glob>', 'skip files and folders that this pattern matches; may be repeated', collected)
    .option('--iinclude <glob>', 'as --include, with letters of either case', collected)
    .option('--iexclude <glob>', 'as --exclude, with letters of either case', collected)
    .option('--one-file-system', 'stay on the filesystems of the given paths')
    .option('--follow', 'follow symbolic links; each folder is still walked once')
    .option('--digest-all', 'also read files that are not images, of any size, and look up their digests')
    .option('--archives', 'also check the entries of zip, tar and gzip files')
    .option('--etags-only', 'of buckets: read only objects whose ETag is an MD5 on a list; all others are not examined')
    .option('--retry-failed', 'retry files that could not be checked, even if unchanged')
    .option('--list-others', 'write a line not_a_picture for each file that is not an image')
    .option(
      '--resume <folder>',
      'keep an inventory in this folder: resume a stopped scan, read only new or changed files',
    )
    .option('--prune', 'with --resume: forget files that are not there any more')
    .option('--rematch <folder>', 'match the hashes of this inventory; only files whose windows may match are read')
    .option('--new-entries', 'with --rematch: only list entries added since the last match')
    .option('--join <name>', 'do this scan together with other processes that share the database (docs/scale.md)')
    .option('--again', 'with --join: a scan of this name that is complete begins again')
    .option('--forget', 'with --join: forget this scan, with its report and its inventories; nothing is scanned')
    .option('--stall-seconds <seconds>', 'give up a file whose reading does not return in this time', '60')
    .option('--max-rate <rates>', 'files (500) or megabytes (50MB) a second, or both with a comma between')
    .option('--pause-file <file>', 'start no file while this file exists')
    .option('--max-load <load>', 'start no file while the one-minute load average is above this')
    .option('--idle', 'lowest CPU priority, and disk time only when the disk is otherwise idle')
    .option('--no-count', 'do not count the files for the estimate')
    .option('--progress-seconds <seconds>', 'interval of progress lines without a terminal', '10');
  addOutputOptions(command)
    .option('--quarantine-to <folder>', 'target folder of that script')
    .option('--on-match <program>', 'run this program for each hit, without a shell')
    .option(
      '--on-match-arg <argument>',
      'one argument of that program; may be repeated; {path} {list} {entry} {distance} {match} {sha256}',
      collected,
    )
    .option('--server <url>', 'match on this service: only hashes leave this machine')
    .option('--key <key>', 'key for --server; ZEEF_SERVER_KEY instead hides it from other users')
    .action((paths: string[], flags: ScanFlags) => {
      requireTogether(paths, flags, command);
      return scan(cli, program.opts<GlobalFlags>(), paths, flags);
    });
}

/** Options of the files that a scan writes. */
function addOutputOptions(command: Command): Command {
  return command
    .addOption(
      writesTo(
        new Option('--report <file>', 'write the JSON lines to this file, and a text summary to stdout'),
        'report of a scan',
      ),
    )
    .addOption(
      writesTo(
        new Option(
          '--summary <file>',
          'write the summary to this file: .txt, .json, .csv or .html; may be repeated',
        ).argParser(collected),
        'summary of a scan',
      ),
    )
    .addOption(
      writesTo(
        new Option('--quarantine <script>', 'write a shell script that moves the hits; it is not run'),
        'quarantine script',
      ),
    );
}

async function scan(cli: CliContext, globals: GlobalFlags, paths: string[], flags: ScanFlags): Promise<void> {
  requireBucketFlags(paths, flags, cli.env);
  const unavailable = flags.idle ? giveWay() : null;
  if (unavailable !== null) cli.err(`zeef: ${unavailable}\n`);
  // With an inventory there may be nothing to hash.
  const hashesImages = flags.rematch === undefined && flags.resume === undefined && flags.join === undefined;
  const run = (service: Service) =>
    flags.join === undefined ? runScan(cli, service, paths, flags) : runJoinedScan(cli, service, paths, flags);
  await withService(cli, globals, run, { hashesImages });
}
