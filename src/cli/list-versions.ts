/** `zeef lists versions`, `approve`, `reject` and `rollback`: which import of a list is in force. */
import { type Command, InvalidArgumentError } from 'commander';
import { approveHeld, rollBack } from '../lists/list-versions.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';
import { reportText, versionText } from './list-text.js';

/** Add `versions`, `approve`, `reject` and `rollback` to `lists`, the command of `zeef lists`. */
export function addVersionCommands(lists: Command, program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();

  lists
    .command('versions')
    .description('what each import of a list did; the newest can be put back')
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
    .description('put the held version of a list in force')
    .argument('<name>')
    .action((name: string) =>
      withService(cli, globals(), async (service) => {
        cli.out(reportText(await approveHeld(changesOf(service).lists, name)));
      }),
    );

  lists
    .command('reject')
    .description('forget the held version of a list')
    .argument('<name>')
    .action((name: string) =>
      withService(cli, globals(), async (service) => {
        await changesOf(service).lists.dropHeld(name);
        cli.out(`${name}: the held version is forgotten\n`);
      }),
    );

  lists
    .command('rollback')
    .description('put an earlier version of a list in force again')
    .argument('<name>')
    .requiredOption('--to <version>', 'which; see lists versions', (text: string) => {
      const version = Number(text);
      if (!Number.isSafeInteger(version) || version < 1) throw new InvalidArgumentError('not a version');
      return version;
    })
    .action((name: string, flags: { to: number }) =>
      withService(cli, globals(), async (service) => {
        cli.out(reportText(await rollBack(changesOf(service).lists, name, flags.to)));
      }),
    );
}
