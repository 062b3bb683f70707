/** `zeef bench`: the benches of `bench/`, as a user would run them. */
import { pathToFileURL } from 'node:url';
import { type Command, Option } from 'commander';
import { artefact } from '../core/package-root.js';
import type { Surroundings } from './context.js';

interface BenchDoor {
  readonly SUITES: readonly string[];
  run(
    suites: readonly string[],
    options: { smoke: boolean; json: boolean; out: (text: string) => void },
  ): Promise<void>;
}

export function addBenchCommand(program: Command, around: Surroundings): void {
  program
    .command('bench')
    .description('the benches: kernels, index, skew, live, images, http, accuracy, headline; all without a name')
    .argument('[suites...]')
    .addOption(new Option('--smoke', 'small sizes: shows that they run, not how fast'))
    .option('--json', 'one JSON object a table')
    .action(async (suites: string[], flags: { smoke?: boolean; json?: boolean }) => {
      // The benches lie outside src/ and use the rooms from above, so they are loaded, not imported.
      const door = (await import(pathToFileURL(artefact('bench', 'main.js')).href)) as BenchDoor;
      await door.run(suites, { smoke: flags.smoke ?? false, json: flags.json ?? false, out: around.out });
    });
}
