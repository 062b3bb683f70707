/** `zeef lists versions`, `approve`, `reject` and `rollback`: the versions of a list, and which one is active. */
import { type Command, InvalidArgumentError } from 'commander';
import { approveHeld, rollBack } from '../lists/list-versions.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';
import { reportText, versionText } from './list-text.js';

/** Add `versions`, `approve`, `reject` and `rollback` to `lists`, the command of `zeef lists`. */
export function addVersionCommands(lists: Command, program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();

  lists
    .command('versions')
    .description('show the versions of a list and the changes of each import')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action((name: string, flags: { json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const versions = await service.store.lists.versions(name);
        cli.out(
          flags.json ? `${JSON.stringify({ versions })}\n` : versions.map(versionText).join('') || 'no versions\n',
        );
      }),
    );

  lists
    .command('approve')
    .description('activate the held version of a list')
    .argument('<name>')
    .action((name: string) =>
      withService(cli, globals(), async (service) => {
        cli.out(reportText(await approveHeld(changesOf(service).lists, name)));
      }),
    );

  lists
    .command('reject')
    .description('discard the held version of a list')
    .argument('<name>')
    .action((name: string) =>
      withService(cli, globals(), async (service) => {
        await changesOf(service).lists.dropHeld(name);
        cli.out(`${name}: held version discarded\n`);
      }),
    );

  lists
    .command('rollback')
    .description('activate an earlier version of a list')
    .argument('<name>')
    .requiredOption('--to <version>', 'number of the version; see lists versions', (text: string) => {
      const version = Number(text);
      if (!Number.isSafeInteger(version) || version < 1) throw new InvalidArgumentError('expected a version number');
      return version;
    })
    .action((name: string, flags: { to: number }) =>
      withService(cli, globals(), async (service) => {
        cli.out(reportText(await rollBack(changesOf(service).lists, name, flags.to)));
      }),
    );
}
