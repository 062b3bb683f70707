/** `zeef lists show` and `verify`: the lists in the store, and the integrity of their entries. */
import type { Command } from 'commander';
import { AppError } from '../core/errors.js';
import { listHealth } from '../lists/list-health.js';
import { type CliContext, EXIT, type GlobalFlags, withService } from './context.js';
import { listsTable, listText } from './list-text.js';

/** Add `show` and `verify` to `lists`, the command of `zeef lists`. */
export function addContentsCommands(lists: Command, program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();

  lists
    .command('show')
    .description('show sizes, versions and ages of all lists, or of one')
    .argument('[name]')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, flags: { json?: boolean }) => {
      await withService(cli, globals(), async (service) => {
        const known = await listHealth(service.store.lists);
        const all = known.filter((info) => name === undefined || info.list === name);
        if (name !== undefined && all.length === 0) throw new AppError('LIST_NOT_FOUND', { list: name });
        if (flags.json) return cli.out(`${JSON.stringify({ lists: all })}\n`);
        if (name !== undefined) return cli.out(all.map(listText).join(''));
        cli.out(all.length === 0 ? 'no lists\n' : listsTable(all, cli.columns));
      });
    });

  lists
    .command('verify')
    .description('read every entry again and compare the checksum of the import')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action(async (name: string, flags: { json?: boolean }) => {
      await withService(cli, globals(), async (service) => {
        const result = await service.store.lists.verify(name);
        if (!result.ok) cli.setExitCode(EXIT.failed);
        const words = `${name}: ${result.entryCount} entries, ${result.ok ? 'as imported' : 'DAMAGED: import it again'}\n`;
        cli.out(flags.json ? `${JSON.stringify({ list: name, ...result })}\n` : words);
      });
    });
}
