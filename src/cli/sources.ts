/** `zeef lists source` and `zeef lists sync`: lists that Zeef fetches from a source. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import pLimit from 'p-limit';
import { AppError } from '../core/errors.js';
import { SOURCE_TYPES, type SourceType } from '../core/vocabulary.js';
import { createPageReader, SYNCS_AT_ONCE } from '../lists/import/page-reader.js';
import { inTurns, syncList } from '../lists/import/sync-list.js';
import type { Service } from '../service/service.js';
import { type CliContext, changesOf, EXIT, type GlobalFlags, withService } from './context.js';
import { reportText } from './list-text.js';

interface SourceFlags {
  readonly type?: SourceType;
  readonly url?: string;
  readonly user?: string;
  readonly secretEnv?: string;
  readonly header?: string;
  readonly every?: number;
  readonly forget?: boolean;
}

function minutes(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected a number of minutes above 0');
  return value;
}

function address(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('expected an http or https URL');
  if (new URL(text).password !== '')
    throw new InvalidArgumentError('the URL contains a password; use --secret-env instead');
  return text;
}

/** Return the name, unless it is reserved: every later start would refuse an unknown variable with a reserved name. */
function secretVariable(name: string): string {
  if (name.startsWith('ZEEF_')) throw new InvalidArgumentError('the name must not begin with ZEEF_');
  return name;
}

/** Add `source` and `sync` to `lists`, the command of `zeef lists`. */
export function addSourceCommands(lists: Command, program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();

  lists
    .command('source')
    .description('set the HTTP source of a list; without options, print it')
    .argument('<name>')
    .addOption(new Option('--type <type>', 'type of the source').choices([...SOURCE_TYPES]))
    .option('--url <address>', 'URL of the first page', address)
    .option('--user <name>', 'user name for Basic authentication')
    .option(
      '--secret-env <variable>',
      'the environment variable that holds the password, token or key; ZEEF_ names are reserved',
      secretVariable,
    )
    .option('--header <name>', 'the header that carries the secret; by default Authorization')
    .option('--every <minutes>', 'interval at which a running service syncs', minutes)
    .option('--forget', 'remove the list’s source')
    .action((name: string, flags: SourceFlags) =>
      withService(cli, globals(), async (service) => {
        const { lists } = changesOf(service);
        const { config } = service;
        const known = await lists.list(name);
        if (flags.forget) await lists.setSource(name, null);
        else if (flags.type !== undefined && flags.url !== undefined) {
          if (!known) await lists.createList({ list: name, kind: 'match', radiusBits: config.radiusBits });
          const { type, url, user = null, secretEnv = null, header = null, every = null } = flags;
          const begun = { checkpoint: null, syncedAt: null };
          await lists.setSource(name, { type, url, user, secretEnv, header, everyMinutes: every, ...begun });
        } else if (flags.type !== undefined || flags.url !== undefined) {
          throw new AppError('REQUEST_INVALID', { expected: '--type and --url together' });
        }
        cli.out(`${JSON.stringify(await lists.source(name))}\n`);
      }),
    );

  lists
    .command('sync')
    .description('fetch changes from the source of a list, or of all lists that have one')
    .argument('[name]')
    .action((name: string | undefined) =>
      withService(cli, globals(), async (service) => {
        const { lists } = service.store;
        if (name !== undefined) return syncAll(service, [name], cli);
        const all: string[] = [];
        for (const { list } of await lists.lists()) if ((await lists.source(list)) !== null) all.push(list);
        await syncAll(service, all, cli);
      }),
    );
}

/** Sync lists side by side, and print their reports. Errors: of the first that failed, after the others have ended. */
async function syncAll(service: Service, names: readonly string[], cli: CliContext): Promise<void> {
  const { dataDir, radiusBits } = service.config;
  const pages = createPageReader();
  const stopping = new AbortController();
  void cli.stopped.then(() => stopping.abort());
  const atOnce = pLimit(SYNCS_AT_ONCE);
  const sync = async (list: string) => {
    const onPage = (count: number) => {
      if (cli.isTerminal) cli.errStream.write(`\r${list}: ${count} pages `);
    };
    const options = { dataDir, radiusBits, env: cli.env, pages, onPage, signal: stopping.signal };
    const report = await inTurns(atOnce, () => syncList(changesOf(service), list, options));
    if (cli.isTerminal) cli.errStream.write('\r');
    if (report.held.length > 0) cli.setExitCode(EXIT.failed);
    cli.out(reportText(report));
  };
  const ended = await Promise.allSettled(names.map(sync));
  await pages.close();
  const [first, ...others] = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
  for (const { message } of others) cli.err(`zeef: ${message}\n`);
  if (first) throw first;
}
