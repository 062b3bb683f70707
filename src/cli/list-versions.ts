/** `zeef lists versions`, `approve`, `reject` and `rollback`: the versions of a list, and which one is active. */

import { type Command, InvalidArgumentError } from 'commander';
import { wholeOf } from '../core/plain-number.js';
import { approveHeld, rejectHeld, rollBack } from '../lists/list-versions.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';
import { importTime } from './list-flags.js';
import { reportText, versionsText } from './list-text.js';

interface HeldFlags {
  readonly importedAt?: string;
  readonly json?: boolean;
}

/** A later import takes the place of a held version, under its number. */
const SEEN = 'only if the held version is that of this time, as lists versions shows it';

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
        if (flags.json) return cli.out(`${JSON.stringify({ versions })}\n`);
        cli.out(versions.length === 0 ? 'no versions\n' : versionsText(versions, cli.columns));
      }),
    );

  lists
    .command('approve')
    .description('activate the held version of a list')
    .argument('<name>')
    .option('--imported-at <time>', SEEN, importTime)
    .option('--json', 'as JSON')
    .action((name: string, { importedAt, json }: HeldFlags) =>
      withService(cli, globals(), async (service) => {
        const report = await approveHeld(changesOf(service).lists, name, importedAt);
        cli.out(json ? `${JSON.stringify(report)}\n` : reportText(report));
      }),
    );

  lists
    .command('reject')
    .description('discard the held version of a list')
    .argument('<name>')
    .option('--imported-at <time>', SEEN, importTime)
    .option('--json', 'as JSON')
    .action((name: string, { importedAt, json }: HeldFlags) =>
      withService(cli, globals(), async (service) => {
        await rejectHeld(changesOf(service).lists, name, importedAt);
        cli.out(json ? `${JSON.stringify({ list: name })}\n` : `${name}: held version discarded\n`);
      }),
    );

  lists
    .command('rollback')
    .description('activate an earlier version of a list')
    .argument('<name>')
    .requiredOption('--to <version>', 'number of the version; see lists versions', (text: string) => {
      const version = wholeOf(text);
      if (!Number.isSafeInteger(version) || version < 1) throw new InvalidArgumentError('expected a version number');
      return version;
    })
    .option('--json', 'as JSON')
    .action((name: string, { to, json }: { to: number; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const report = await rollBack(changesOf(service).lists, name, to);
        cli.out(json ? `${JSON.stringify(report)}\n` : reportText(report));
      }),
    );
}
