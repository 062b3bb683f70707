/** `zeef bench`: the benches of `bench/`, as a user would run them. */
import { pathToFileURL } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { artefact } from '../core/package-root.js';
import type { CliContext } from './context.js';

interface BenchFlags {
  readonly smoke?: boolean;
  readonly json?: boolean;
  readonly sizes?: number[];
  readonly hashes?: string;
  readonly queries?: string;
  readonly pairs?: string;
  readonly hnswMax?: number;
  readonly minutes?: number;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('not a count');
  return value;
}

interface BenchDoor {
  readonly SUITES: readonly string[];
  run(
    suites: readonly string[],
    options: BenchFlags & { smoke: boolean; json: boolean; out: (text: string) => void },
  ): Promise<void>;
}

export function addBenchCommand(program: Command, cli: CliContext): void {
  program
    .command('bench')
    .description(
      'the benches: kernels, index, digests, skew, live, lists, flips, images, http, ledger, crash, recovery, scan, soak, accuracy, headline; all without a name',
    )
    .argument('[suites...]')
    .addOption(new Option('--smoke', 'small sizes: shows that they run, not how fast'))
    .option('--json', 'one JSON object a table')
    .option(
      '--sizes <counts>',
      'index, digests, live: entries; scan: files of its tree; separated by commas',
      (text: string) => text.split(',').map(count),
    )
    .option('--hashes <file>', 'index: your own entries, N x 32 raw bytes')
    .option('--queries <file>', 'index: your own queries, N x 32 raw bytes')
    .option('--pairs <file>', 'index: write every pair found, as CSV')
    .option('--hnsw-max <count>', 'index: most entries that hnsw is built of; a million take most of an hour', count)
    .option('--minutes <count>', 'soak: how long; 10 unless told', count)
    .action(async (suites: string[], flags: BenchFlags) => {
      // The benches lie outside src/ and use the rooms from above, so they are loaded, not imported.
      const door = (await import(pathToFileURL(artefact('bench', 'main.js')).href)) as BenchDoor;
      await door.run(suites, { ...flags, smoke: flags.smoke ?? false, json: flags.json ?? false, out: cli.out });
    });
}
