/** `zeef lists quarantined`, `quarantine` and `release`: entries whose matches do not count. */
import type { Command } from 'commander';
import { AppError } from '../core/errors.js';
import { terminalField } from '../core/terminal.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';

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
        const words =
          entries
            .map(
              ({ list, entryId, flooded }) => `${list} ${terminalField(entryId)}${flooded ? ' marked, counts' : ''}\n`,
            )
            .join('') || 'none\n';
        cli.out(flags.json ? `${JSON.stringify({ entries })}\n` : words);
      }),
    );

  for (const verb of ['quarantine', 'release'] as const) {
    lists
      .command(verb)
      .description(`${verb} an entry: in quarantine its matches are reported and do not count`)
      .argument('<name>')
      .requiredOption('--entry <id>', 'id of the entry')
      .action((name: string, { entry }: { entry: string }) =>
        withService(cli, globals(), async (service) => {
          const changed = await changesOf(service).lists.changeEntries(name, { entryId: entry }, verb);
          if (changed === 0) throw new AppError('NOT_FOUND', { list: name, entry });
          cli.out(`${name}: ${changed} ${verb === 'release' ? 'released' : 'quarantined'}\n`);
        }),
      );
  }
}
