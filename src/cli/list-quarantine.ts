/** `zeef lists quarantined`, `quarantine` and `release`: entries whose matches do not count. */
import type { Command } from 'commander';
import { AppError } from '../core/errors.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';
import { tableText } from './table.js';

/** It waits for a decision. */
const FLOODED = 'marked, counts';

/** Add `quarantined`, `quarantine` and `release` to `lists`, the command of `zeef lists`. */
export function addQuarantineCommands(lists: Command, program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();

  lists
    .command('quarantined')
    .description('show quarantined entries, and those that a flood marked: decide on each')
    .option('--json', 'as JSON')
    .action((flags: { json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const entries = await service.store.lists.quarantined();
        if (flags.json) return cli.out(`${JSON.stringify({ entries })}\n`);
        const rows = entries.map(({ list, entryId, flooded }) => [list, flooded ? FLOODED : 'quarantined', entryId]);
        cli.out(tableText(['LIST', 'STATE', 'ENTRY'], rows, cli.columns));
      }),
    );

  const verbs = [
    ['quarantine', 'quarantine an entry: its matches are reported and do not count'],
    ['release', 'release an entry from quarantine, or from the mark of a flood: its matches count again'],
  ] as const;
  for (const [verb, says] of verbs) {
    lists
      .command(verb)
      .description(says)
      .argument('<name>')
      .requiredOption('--entry <id>', 'id of the entry')
      .option('--json', 'as JSON')
      .action((name: string, { entry, json }: { entry: string; json?: boolean }) =>
        withService(cli, globals(), async (service) => {
          const entries = await changesOf(service).lists.changeEntries(name, { entryId: entry }, verb);
          if (entries === 0) throw new AppError('NOT_FOUND', { list: name, entry });
          const words = `${name}: ${entries} ${verb === 'release' ? 'released' : 'quarantined'}\n`;
          cli.out(json ? `${JSON.stringify({ entries })}\n` : words);
        }),
      );
  }
}
