/** `zeef lists source` and `zeef lists sync`: lists that Zeef fetches from a source. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import pLimit from 'p-limit';
import { boundedWork } from '../core/bounded-work.js';
import { AppError } from '../core/errors.js';
import { namesFrom } from '../core/names.js';
import { wholeOf } from '../core/plain-number.js';
import { secretFrom } from '../core/secret.js';
import { SOURCE_SECRETS, SOURCE_TYPES, type SourceType } from '../core/vocabulary.js';
import { withDuty } from '../duties/with-duty.js';
import { putSource } from '../lists/change-source.js';
import { createPageReader, SYNCS_AT_ONCE } from '../lists/import/page-reader.js';
import { inTurns, type SyncOptions, syncDuty, syncList } from '../lists/import/sync-list.js';
import { type GivenSecret, sourceFrom } from '../lists/source-settings.js';
import { endSource, sourceState } from '../lists/source-state.js';
import type { Service } from '../service/service.js';
import type { ImportReport, SourceInfo } from '../store/lists-contract.js';
import { type CliContext, changesOf, EXIT, type GlobalFlags, withService } from './context.js';
import { collecting } from './given-twice.js';
import { reportText, sourceText } from './list-text.js';

interface SourceFlags {
  readonly type?: SourceType;
  readonly url?: string;
  readonly user?: string;
  readonly secretEnv?: string;
  readonly secret: readonly string[];
  readonly seal?: boolean;
  readonly members?: string;
  readonly group?: string;
  readonly every?: number;
  readonly forget?: boolean;
  readonly json?: boolean;
}

function minutes(text: string): number {
  const value = wholeOf(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected a number of minutes above 0');
  return value;
}

const roleAndVariable = collecting<string>((text, before = []) => {
  if (!/^\w+=\w+$/.test(text)) throw new InvalidArgumentError('expected NAME=VARIABLE');
  return [...before, text];
});

/** Add `source` and `sync` to `lists`, the command of `zeef lists`. */
export function addSourceCommands(lists: Command, program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();

  lists
    .command('source')
    .description('set the HTTP source of a list; without options, print it')
    .argument('<name>')
    .addOption(new Option('--type <type>', 'type of the source').choices([...SOURCE_TYPES]))
    .option('--url <address>', 'base URL of the service, or URL of its first page')
    .option('--user <name>', 'user name of the credentials')
    .option(
      '--secret-env <variable>',
      'the environment variable that holds the password, token or first key; ZEEF_ names are reserved',
    )
    .option('--secret <name=variable>', 'the variable of a named secret, such as subscriptionKey', roleAndVariable, [])
    .option('--seal', 'store the secrets themselves, sealed, instead of the names of their variables')
    .option('--members <ids>', 'NCMEC: take only entries of these members, separated by commas')
    .option('--group <id>', 'ThreatExchange: the privacy group')
    .option('--every <minutes>', 'interval at which a running service syncs', minutes)
    .option('--forget', 'remove the list’s source')
    .option('--json', 'as JSON')
    .action((name: string, flags: SourceFlags, command: Command) => {
      requireWhole(flags, command);
      return withService(cli, globals(), async (service) => {
        const store = changesOf(service);
        const { dataDir } = service.config;
        if (flags.forget) {
          await endSource(store, dataDir, name);
          return cli.out(flags.json ? `${JSON.stringify({ list: name })}\n` : `${name}: has no source\n`);
        }
        if (flags.type !== undefined) await setSource(service, name, flags, cli);
        const state = await sourceState(store, dataDir, name);
        if (state === null) throw new AppError('NOT_FOUND', { list: name, what: 'source' });
        cli.out(flags.json ? `${JSON.stringify(state)}\n` : sourceText(state));
      });
    });

  lists
    .command('sync')
    .description('fetch changes from the source of a list, or of all lists that have one')
    .argument('[name]')
    .option('--json', 'the report of each list, one JSON object a line')
    .action((name: string | undefined, { json = false }: { json?: boolean }) =>
      withService(cli, globals(), async (service) => {
        const { lists } = service.store;
        if (name !== undefined) return syncAll(service, [name], { cli, json });
        const all: string[] = [];
        for (const { list } of await lists.lists()) if ((await lists.source(list)) !== null) all.push(list);
        await syncAll(service, all, { cli, json });
      }),
    );
}

/** Errors REQUEST_INVALID: settings of no source, which would have no effect; or settings beside `--forget`. */
function requireWhole(flags: SourceFlags, command: Command): void {
  const given = command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .map((option) => option.long!)
    .filter((name) => name !== '--json');
  if (flags.forget && given.length > 1)
    throw new AppError('REQUEST_INVALID', { field: 'forget', expected: 'no other option' });
  if (!flags.forget && given.length > 0 && (flags.type === undefined || flags.url === undefined))
    throw new AppError('REQUEST_INVALID', {
      field: given[0]!,
      expected: '--type and --url together, with all settings',
    });
}

/** Return the given secrets by their roles. Errors REQUEST_INVALID: one that is to be sealed is not set. */
function secretsOf(type: SourceType, { secretEnv, secret, seal }: SourceFlags, env: CliContext['env']) {
  const named = secret.map((text) => text.split('=') as [string, string]);
  if (secretEnv !== undefined) named.unshift([SOURCE_SECRETS[type][0], secretEnv]);
  const given = named.map(([role, variable]): [string, GivenSecret] => {
    if (!seal) return [role, { env: variable }];
    const read = secretFrom(env, variable);
    if ('why' in read) throw new AppError('REQUEST_INVALID', { field: variable, expected: read.why });
    return [role, { value: read.secret }];
  });
  return Object.fromEntries(given);
}

/** Set a list's source; a list that does not exist is created. Errors REQUEST_INVALID. */
async function setSource(service: Service, name: string, flags: SourceFlags, cli: CliContext): Promise<void> {
  const { lists, vault } = changesOf(service);
  const type = flags.type!;
  const settings = {
    type,
    url: flags.url!,
    user: flags.user,
    secrets: secretsOf(type, flags, cli.env),
    members: flags.members === undefined ? undefined : namesFrom(flags.members, '--members'),
    privacyGroup: flags.group,
    everyMinutes: flags.every,
  };
  const make = (before: SourceInfo | null) => sourceFrom(name, settings, { vault, before });
  if ((await lists.list(name)) === null) {
    // A list is not made for settings that are refused.
    make(null);
    const { radiusBits, detail } = service.config;
    await lists.createList({ list: name, kind: 'match', radiusBits, detail });
  }
  await putSource(lists, name, make);
}

/** Sync a list as the holder of its duty, in turns. Errors SOURCE_FAILED: another process syncs it. */
async function syncHeld(service: Service, list: string, options: SyncOptions): Promise<ImportReport | null> {
  const store = changesOf(service);
  const done = await withDuty(store.duties, syncDuty(list), (duty) => {
    const lost = new AbortController();
    duty.onLost(() => lost.abort());
    const signals = [options.signal!, lost.signal];
    return boundedWork({ signals }, (signal) => syncList(store, list, { ...options, signal }));
  });
  if (done === null) throw new AppError('SOURCE_FAILED', { why: 'another process syncs this list', list });
  return done.result;
}

/** Sync lists side by side, and print their reports. Errors: of the first that failed, after the others have ended. */
async function syncAll(
  service: Service,
  names: readonly string[],
  { cli, json }: { readonly cli: CliContext; readonly json: boolean },
): Promise<void> {
  const { dataDir, radiusBits, detail } = service.config;
  const pages = createPageReader();
  const stopping = new AbortController();
  void cli.stopped.then(() => stopping.abort());
  const atOnce = pLimit(SYNCS_AT_ONCE);
  const sync = async (list: string) => {
    const onPage = (count: number) => {
      if (cli.isTerminal) cli.errStream.write(`\r${list}: ${count} pages `);
    };
    const options = { dataDir, radiusBits, detail, env: cli.env, pages, onPage, signal: stopping.signal };
    const report = await inTurns(atOnce, () => syncHeld(service, list, options));
    if (cli.isTerminal) cli.errStream.write('\r');
    if (report.held.length > 0) cli.setExitCode(EXIT.failed);
    cli.out(json ? `${JSON.stringify(report)}\n` : reportText(report));
  };
  const ended = await Promise.allSettled(names.map(sync));
  await pages.close();
  const [first, ...others] = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
  for (const { message } of others) cli.err(`zeef: ${message}\n`);
  if (first) throw first;
}
