/** `zeef lists enable`, `disable` and `remove`: a whole list, or entries of it. */
import { type Command, Option } from 'commander';
import { AppError } from '../core/errors.js';
import type { Service } from '../service/service.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';
import { listText } from './list-text.js';

/** Entries of the list; without any, the list. */
interface Which {
  readonly entry?: string;
  readonly source?: string;
}

/** Add `enable`, `disable` and `remove` to `lists`, the command of `zeef lists`. */
export function addSwitchCommands(lists: Command, program: Command, cli: CliContext): void {
  for (const verb of ['enable', 'disable', 'remove'] as const) {
    lists
      .command(verb)
      .description(`${verb} a list, or some of its entries; a running service applies it within seconds`)
      .argument('<name>')
      .addOption(new Option('--entry <id>', 'only entries with this id').conflicts('source'))
      .option('--source <name>', 'only entries of this source')
      .option('--json', 'as JSON')
      .action((name: string, { json, ...which }: Which & { json?: boolean }) =>
        withService(cli, program.opts<GlobalFlags>(), async (service) => {
          const { result, words } = await changeList(service, verb, name, which);
          cli.out(json ? `${JSON.stringify(result)}\n` : words);
        }),
      );
  }
}

/** Errors LIST_NOT_FOUND; NOT_FOUND: no such entry. */
async function changeList(
  service: Service,
  verb: 'enable' | 'disable' | 'remove',
  list: string,
  { entry, source }: Which,
): Promise<{ readonly result: object; readonly words: string }> {
  const { lists } = changesOf(service);
  if (entry !== undefined || source !== undefined) {
    const which = entry !== undefined ? { entryId: entry } : { source: source! };
    const entries = await lists.changeEntries(list, which, verb);
    if (entries === 0) throw new AppError('NOT_FOUND', { list, ...which });
    return { result: { entries }, words: `${list}: ${entries} entries ${verb}d\n` };
  }
  if (verb !== 'remove') {
    const result = await lists.updateList(list, { enabled: verb === 'enable' });
    return { result, words: listText(result) };
  }
  await lists.removeList(list);
  return { result: { list }, words: `${list}: removed\n` };
}
