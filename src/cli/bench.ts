/** `zeef bench`: runs the benches of `bench/`. */

import { pathToFileURL } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { artefact } from '../core/package-root.js';
import { wholeOf } from '../core/plain-number.js';
import { type CliContext, earlyExit } from './context.js';
import { writesTo } from './output-files.js';

interface BenchFlags {
  readonly smoke?: boolean;
  readonly json?: boolean;
  readonly sizes?: number[];
  readonly hashes?: string;
  readonly queries?: string;
  readonly pairs?: string;
  readonly hnswMax?: number;
  readonly minutes?: number;
  readonly against?: string;
}

function count(text: string): number {
  const value = wholeOf(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected an integer above 0');
  return value;
}

interface BenchDoor {
  readonly SUITES: readonly string[];
  run(
    suites: readonly string[],
    options: BenchFlags & { smoke: boolean; json: boolean; out: (text: string) => void; shouldStop: () => boolean },
  ): Promise<void>;
}

export function addBenchCommand(program: Command, cli: CliContext): void {
  program
    .command('bench')
    .description(
      'run benches: kernels, index, digests, skew, live, lists, flips, images, http, ledger, crash, fleet, hostile, recovery, scan, soak, accuracy, recall, variants, gates, headline; by default all',
    )
    .argument('[suites...]')
    .addOption(new Option('--smoke', 'small sizes: checks that the benches run; the figures mean nothing'))
    .option('--json', 'one JSON object a table')
    .option(
      '--sizes <counts>',
      'index, digests, live: entries; scan: files of its tree; recall, variants: photographs; separated by commas',
      (text: string) => text.split(',').map(count),
    )
    .option('--hashes <file>', 'index: your own entries, N x 32 raw bytes')
    .option('--queries <file>', 'index: your own queries, N x 32 raw bytes')
    .addOption(writesTo(new Option('--pairs <file>', 'index: write every pair found, as CSV'), 'list of pairs'))
    .option(
      '--hnsw-max <count>',
      'index: maximum number of entries for hnswlib and usearch; a million take an hour',
      count,
    )
    .option('--against <folder>', 'hostile, lists: the folder of another build of Zeef, measured beside this one')
    .option('--minutes <count>', 'soak: duration, by default 10; flips: by default 5', count)
    .action(async (suites: string[], flags: BenchFlags) => {
      // The benches are outside src/ and use its rooms, so they are loaded at run time, not imported.
      const door = (await import(pathToFileURL(artefact('bench', 'main.js')).href)) as BenchDoor;
      const { smoke = false, json = false } = flags;
      const shouldStop = () => {
        const early = earlyExit(cli);
        if (early !== null) cli.setExitCode(early);
        return early !== null;
      };
      await door.run(suites, { ...flags, smoke, json, out: cli.out, shouldStop });
    });
}
