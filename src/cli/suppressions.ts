/** `zeef suppressions ...`: values and entries whose matches are reported and do not count. A value is never printed. */
import { type Command, Option } from 'commander';
import { AppError } from '../core/errors.js';
import { ALGORITHMS, type Algorithm } from '../core/vocabulary.js';
import { suppress, suppressions, unsuppress } from '../lists/suppressions.js';
import { type CliContext, changesOf, type GlobalFlags, withService } from './context.js';
import { tableText } from './table.js';

interface WhichFlags {
  readonly list?: string;
  readonly entry?: string;
  readonly source?: string;
  readonly algorithm?: Algorithm;
  readonly note?: string;
  readonly json?: boolean;
}

/** Return what is to be suppressed. Errors REQUEST_INVALID: neither a value with its algorithm nor entries of a list. */
function whichOf(value: string | undefined, { list, entry, source, algorithm, note }: WhichFlags) {
  const isOfList = list !== undefined || entry !== undefined || source !== undefined;
  if (value !== undefined && algorithm !== undefined && !isOfList) return { algorithm, value, note };
  if (value === undefined && algorithm === undefined && note === undefined && list !== undefined) {
    if (entry !== undefined && source === undefined) return { list, entryId: entry };
    if (source !== undefined && entry === undefined) return { list, source };
  }
  const expected = 'VALUE --algorithm NAME [--note TEXT], --list NAME --entry ID or --list NAME --source NAME';
  throw new AppError('REQUEST_INVALID', { field: 'suppression', expected });
}

/** Add `zeef suppressions` to `program`. */
export function addSuppressionCommands(program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();
  const commands = program.command('suppressions').description('values and entries that must not count');

  commands
    .command('list')
    .description('show suppressed values by their ids, and quarantined entries')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const all = await suppressions(service.store.lists);
        const rows = all.map(({ id, algorithm, list, entryId, note }) =>
          id === null ? ['entry', `${list}/${entryId}`, ''] : [algorithm ?? '', id, note ?? ''],
        );
        const words = () => tableText(['WHAT', 'ID', 'NOTE'], rows, cli.columns);
        cli.out(json ? `${JSON.stringify({ suppressions: all })}\n` : words());
      }),
    );

  commands
    .command('add')
    .description('suppress a value, an entry of a list, or all entries of one source')
    .argument('[value]', 'a hash or digest of a harmless image, in hex')
    .addOption(new Option('--algorithm <name>', 'algorithm of the value').choices([...ALGORITHMS]))
    .option('--list <name>', 'list of the entries')
    .option('--entry <id>', 'id of the entry')
    .option('--source <name>', 'source of the entries')
    .option('--note <text>', 'why; kept with a value')
    .option('--json', 'as JSON')
    .action((value: string | undefined, flags: WhichFlags) =>
      withService(cli, globals(), async (service) => {
        const made = await suppress(changesOf(service).lists, whichOf(value, flags));
        cli.out(flags.json ? `${JSON.stringify(made)}\n` : `${made.id ?? flags.list}: ${made.entries} suppressed\n`);
      }),
    );

  commands
    .command('remove')
    .description('let a suppressed value, or an entry of a list, count again')
    .argument('[id]', 'id of a suppressed value')
    .option('--list <name>', 'list of the entry')
    .option('--entry <id>', 'id of the entry')
    .option('--json', 'as JSON')
    .action((id: string | undefined, { list, entry, json }: { list?: string; entry?: string; json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const isEntry = id === undefined && list !== undefined && entry !== undefined;
        if (!isEntry && (id === undefined || list !== undefined || entry !== undefined))
          throw new AppError('REQUEST_INVALID', { field: 'suppression', expected: 'ID, or --list NAME --entry ID' });
        const what = isEntry ? { list, entryId: entry } : { id: id! };
        await unsuppress(changesOf(service).lists, what);
        cli.out(json ? `${JSON.stringify(what)}\n` : `${id ?? `${list}/${entry}`}: counts again\n`);
      }),
    );
}
