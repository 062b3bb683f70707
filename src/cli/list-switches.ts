/** `zeef lists enable`, `disable` and `remove`: a whole list, or entries of it. */
import { type Command, Option } from 'commander';
import { AppError } from '../core/errors.js';
import type { Service } from '../service/service.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';
import { listText } from './list-text.js';

/** Add `enable`, `disable` and `remove` to `lists`, the command of `zeef lists`. */
export function addSwitchCommands(lists: Command, program: Command, cli: CliContext): void {
  for (const verb of ['enable', 'disable', 'remove'] as const) {
    lists
      .command(verb)
      .description(`${verb} a list, or some of its entries; a running service applies it within seconds`)
      .argument('<name>')
      .addOption(new Option('--entry <id>', 'only entries with this id').conflicts('source'))
      .option('--source <name>', 'only entries of this source')
      .action((name: string, flags: { entry?: string; source?: string }) =>
        withService(cli, program.opts<GlobalFlags>(), async (service) => {
          cli.out(await changeList(service, verb, name, flags));
        }),
      );
  }
}

async function changeList(
  service: Service,
  verb: 'enable' | 'disable' | 'remove',
  name: string,
  { entry, source }: { entry?: string; source?: string },
): Promise<string> {
  const { lists } = changesOf(service);
  if (entry !== undefined || source !== undefined) {
    const which = entry !== undefined ? { entryId: entry } : { source: source! };
    const changed = await lists.changeEntries(name, which, verb);
    if (changed === 0) throw new AppError('NOT_FOUND', { list: name, ...which });
    return `${name}: ${changed} entries ${verb}d\n`;
  }
  if (verb !== 'remove') return listText(await lists.updateList(name, { enabled: verb === 'enable' }));
  await lists.removeList(name);
  return `${name}: removed\n`;
}
