/** `zeef lists rename`: another name for a list. */
import type { Command } from 'commander';
import { renameList } from '../lists/rename-list.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';

/** Add `rename` to `lists`, the command of `zeef lists`. */
export function addRenameCommand(lists: Command, program: Command, cli: CliContext): void {
  lists
    .command('rename')
    .description('give a list another name; a running service applies it within seconds')
    .argument('<old>', 'its name')
    .argument('<new>', 'a name that no list has')
    .option('--json', 'as JSON')
    .action((list: string, to: string, { json }: { readonly json?: boolean }) =>
      withService(cli, program.opts<GlobalFlags>(), async (service) => {
        const info = await renameList(changesOf(service), service.config, { list, to });
        cli.out(json ? `${JSON.stringify(info)}\n` : `${list}: renamed to ${info.list}\n`);
      }),
    );
}
