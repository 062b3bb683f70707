/** `zeef lists ...`: what lies in the store. */

import { statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SingleBar } from 'cli-progress';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { addImages } from '../cases/add-images.js';
import { AppError } from '../core/errors.js';
import type { Algorithm, Entry } from '../core/vocabulary.js';
import { formatOf, HASHLIST_FORMATS, type HashlistFormat } from '../hashlists/importers.js';
import { type Mapping, parseMapping } from '../hashlists/mapping.js';
import { EXCHANGE_FORMATS, type ExchangeFormat, exchangeLines } from '../lists/export-list.js';
import { importList } from '../lists/import/import-list.js';
import { approveHeld, rollBack } from '../lists/list-versions.js';
import type { Service } from '../service/service.js';
import { readKeyFile } from '../vault/master-key.js';
import { sealStream } from '../vault/sealed-stream.js';
import { changesOf, cliActor, EXIT, type GlobalFlags, radiusFrom, type Surroundings, withService } from './context.js';
import { algorithm, days, expiry, words } from './list-flags.js';
import { listText, reportText, versionText } from './list-text.js';
import { addSourceCommands } from './sources.js';

/** Of the files' bytes; the last of them are read a while before the last entry is stored. */
function bytesBar(files: readonly string[]): SingleBar {
  const bar = new SingleBar({
    format: '{percentage} % of the bytes read  {duration_formatted}  {eta_formatted} left',
    stream: process.stderr,
    clearOnComplete: true,
    fps: 5,
  });
  bar.start(
    files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0),
    0,
  );
  return bar;
}

interface SetFlags {
  readonly radius?: string;
  readonly lowQuality?: 'yes' | 'no';
  readonly categoryMap?: Record<string, string>;
  readonly severityMap?: Record<string, string>;
  readonly expires?: string | null;
  readonly entryDays?: number | null;
}

interface ImportFlags {
  readonly list: string;
  readonly format?: HashlistFormat;
  readonly algorithm?: Algorithm;
  readonly map?: Mapping;
  readonly suppress?: boolean;
  readonly add?: boolean;
  readonly approved?: boolean;
  readonly json?: boolean;
}

export function addListCommands(program: Command, around: Surroundings): void {
  const globals = () => program.opts<GlobalFlags>();
  const lists = program.command('lists').description('hash lists');
  addSourceCommands(lists, program, around);

  lists
    .command('import')
    .description('import a file as a list; it replaces what the list held, as a whole or not at all')
    .argument('<files...>', 'one file, or the pages of one source in their order')
    .requiredOption('--list <name>', 'name of the list')
    .addOption(new Option('--format <format>', 'by default told from the suffix').choices([...HASHLIST_FORMATS]))
    .option('--algorithm <name>', 'of rows that name none; 64 hex digits alone may be SHA-256 or PDQ', algorithm)
    .option(
      '--map <pairs>',
      'columns of CSV or JSON: value=HASH,algorithm=TYPE,category=SEVERITY,entryId=ID; or md5=MD5,sha1=SHA1',
      parseMapping,
    )
    .option('--add', 'add to what the list holds instead of replacing it')
    .option('--suppress', 'a new list of known-good values that must not count')
    .option('--approved', 'you have looked at it: no rule holds the new version back')
    .option('--json', 'the report as JSON')
    .action(async (files: string[], flags: ImportFlags) => {
      await withService(around, globals(), async (service) => {
        const bar = around.isTerminal ? bytesBar(files) : null;
        const report = await importList(changesOf(service), {
          paths: files,
          onBytes: (bytes) => bar?.increment(bytes),
          list: flags.list,
          format: flags.format ?? formatOf(files[0]!),
          assumed: flags.algorithm,
          mapping: flags.map,
          mode: flags.add ? 'add' : 'replace',
          approved: flags.approved ?? false,
          kind: flags.suppress ? 'suppression' : 'match',
          radiusBits: service.config.radiusBits,
        }).finally(() => bar?.stop());
        if (report.held.length > 0) around.setExitCode(EXIT.failed);
        around.out(flags.json ? `${JSON.stringify(report)}\n` : reportText(report));
      });
    });

  lists
    .command('show')
    .description('sizes, versions and ages of all lists, or of one')
    .argument('[name]')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, flags: { json?: boolean }) => {
      await withService(around, globals(), async (service) => {
        const all = (await service.lists()).filter((info) => name === undefined || info.list === name);
        if (name !== undefined && all.length === 0) throw new AppError('LIST_NOT_FOUND', { list: name });
        around.out(flags.json ? `${JSON.stringify({ lists: all })}\n` : all.map(listText).join('') || 'no lists\n');
      });
    });

  lists
    .command('verify')
    .description('read every entry again and compare the checksum of the import')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action(async (name: string, flags: { json?: boolean }) => {
      await withService(around, globals(), async (service) => {
        const result = await service.store.lists.verify(name);
        if (!result.ok) around.setExitCode(EXIT.failed);
        const words = `${name}: ${result.entryCount} entries, ${result.ok ? 'as imported' : 'DAMAGED: import it again'}\n`;
        around.out(flags.json ? `${JSON.stringify({ list: name, ...result })}\n` : words);
      });
    });

  lists
    .command('set')
    .description('what a list matches; a running service follows within seconds')
    .argument('<name>')
    .option('--radius <bits>', 'near matches up to this distance, inclusive; 0 to 256')
    .addOption(
      new Option('--low-quality <choice>', 'near matches of pictures with hardly any detail').choices(['yes', 'no']),
    )
    .option('--category-map <pairs>', 'your words for the list’s categories: A1=sexual,A2=... ; none for none', words)
    .option('--severity-map <pairs>', 'your words for its severities, or its categories where it has none', words)
    .option('--expires <time>', 'from then on the list is disabled; RFC 3339, or never', expiry)
    .option('--entry-days <days>', 'entries that the list touched longer ago do not match; or all', days)
    .action((name: string, { radius, lowQuality, categoryMap, severityMap, expires, entryDays }: SetFlags) =>
      withService(around, globals(), async (service) => {
        const radiusBits = radiusFrom(radius);
        const change = {
          ...(radiusBits === null ? {} : { radiusBits }),
          ...(lowQuality === undefined ? {} : { matchLowQuality: lowQuality === 'yes' }),
          ...(categoryMap === undefined ? {} : { categoryMap }),
          ...(severityMap === undefined ? {} : { severityMap }),
          ...(expires === undefined ? {} : { expiresAt: expires }),
          ...(entryDays === undefined ? {} : { entryDaysMax: entryDays }),
        };
        around.out(listText(await changesOf(service).lists.updateList(name, change)));
      }),
    );

  lists
    .command('versions')
    .description('what each import of a list did; the newest can be put back')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action((name: string, flags: { json?: boolean }) =>
      withService(around, globals(), async (service) => {
        const versions = await service.store.lists.versions(name);
        around.out(
          flags.json ? `${JSON.stringify({ versions })}\n` : versions.map(versionText).join('') || 'no versions\n',
        );
      }),
    );

  lists
    .command('approve')
    .description('put the held version of a list in force')
    .argument('<name>')
    .action((name: string) =>
      withService(around, globals(), async (service) => {
        around.out(reportText(await approveHeld(changesOf(service).lists, name)));
      }),
    );

  lists
    .command('reject')
    .description('forget the held version of a list')
    .argument('<name>')
    .action((name: string) =>
      withService(around, globals(), async (service) => {
        await changesOf(service).lists.dropHeld(name);
        around.out(`${name}: the held version is forgotten\n`);
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
      withService(around, globals(), async (service) => {
        around.out(reportText(await rollBack(changesOf(service).lists, name, flags.to)));
      }),
    );

  lists
    .command('quarantined')
    .description('entries that suddenly matched many different files, and wait for you: release or disable them')
    .option('--json', 'as JSON')
    .action((flags: { json?: boolean }) =>
      withService(around, globals(), async (service) => {
        const entries = await service.store.lists.quarantined();
        const words = entries.map(({ list, entryId }) => `${list} ${entryId}\n`).join('') || 'none\n';
        around.out(flags.json ? `${JSON.stringify({ entries })}\n` : words);
      }),
    );

  for (const verb of ['quarantine', 'release'] as const) {
    lists
      .command(verb)
      .description(`${verb} an entry: in quarantine its matches are told, and do not count`)
      .argument('<name>')
      .requiredOption('--entry <id>', 'which')
      .action((name: string, { entry }: { entry: string }) =>
        withService(around, globals(), async (service) => {
          const changed = await changesOf(service).lists.changeEntries(name, { entryId: entry }, verb);
          if (changed === 0) throw new AppError('NOT_FOUND', { list: name, entry });
          around.out(`${name}: ${changed} ${verb === 'release' ? 'released' : 'quarantined'}\n`);
        }),
      );
  }

  for (const verb of ['enable', 'disable', 'remove'] as const) {
    lists
      .command(verb)
      .description(`${verb} a list, or some of its entries; a running service follows within seconds`)
      .argument('<name>')
      .addOption(new Option('--entry <id>', 'only entries of this id').conflicts('source'))
      .option('--source <name>', 'only entries of this source')
      .action((name: string, flags: { entry?: string; source?: string }) =>
        withService(around, globals(), async (service) => {
          around.out(await changeList(service, verb, name, flags));
        }),
      );
  }

  lists
    .command('export')
    .description('write the index file, which a service reads at start; or with --list one list, for others')
    .argument('[file]', 'by default zeef.index in the data directory; a list goes to stdout')
    .option('--list <name>', 'this list, with its values; a file of it is sealed, stdout is not')
    .option('--plain', 'the file of a list is for others: do not seal it')
    .addOption(new Option('--format <format>', 'of a list').choices([...EXCHANGE_FORMATS]).default('jsonl'))
    .option('--json', 'as JSON')
    .action(
      async (
        file: string | undefined,
        flags: { json?: boolean; list?: string; format: ExchangeFormat; plain?: boolean },
      ) =>
        withService(around, globals(), async (service) => {
          if (flags.list !== undefined) return exportList(service, around, file, { ...flags, list: flags.list });
          const written = await service.exportIndex(file === undefined ? undefined : resolve(file));
          const words = `generation ${written.generation}: ${written.entryCount} entries, ${written.bytes} bytes\n`;
          around.out(flags.json ? `${JSON.stringify(written)}\n` : words);
        }),
    );

  lists
    .command('rotate-key')
    .description('seal every value anew under a new key; a running service follows')
    .option(
      '--new-key-file <file>',
      'the new master key, 32 bytes as hex or base64; then put it where the service reads it',
    )
    .action((flags: { newKeyFile?: string }) =>
      withService(around, globals(), async (service) => {
        const newMaster = flags.newKeyFile === undefined ? null : readKeyFile(resolve(flags.newKeyFile));
        const told = ({ keyId }: { keyId: number }) => ({ details: { keyId } });
        const { keyId } = await service.audit.doing(cliActor(), { action: 'store.rekey', told }, () =>
          service.rotateKeys(newMaster),
        );
        around.out(`everything is sealed under data key ${keyId}; write the index file again (lists export)\n`);
      }),
    );

  lists
    .command('add')
    .description('add hashes of pictures that you confirmed yourself; of the pictures nothing is kept')
    .argument('<name>')
    .argument('<images...>')
    .option('--category <name>', 'what they show, in the list’s own terms')
    .option('--severity <name>')
    .option('--source <name>', 'who confirmed them')
    .option('--json', 'as JSON')
    .action(
      (name: string, paths: string[], { json, ...about }: Partial<Pick<Entry, 'category'>> & { json?: boolean }) =>
        withService(around, globals(), async (service) => {
          const { hashImage, whenRoom, config } = service;
          const parts = { hashImage, whenRoom, radiusBits: config.radiusBits };
          const request = { list: name, lists: changesOf(service).lists, paths, about };
          const { images, report } = await addImages(parts, request);
          if (report?.held.length !== 0 || images.some(({ reason }) => reason !== null))
            around.setExitCode(EXIT.failed);
          const words = images.map(({ path, entryId, reason, lowQuality }) => {
            return `${entryId ?? `not added, ${reason}`}${lowQuality ? ', digests only: low quality' : ''}  ${path}\n`;
          });
          around.out(
            json ? `${JSON.stringify({ images, report })}\n` : words.join('') + (report ? reportText(report) : ''),
          );
        }),
    );
}

async function exportList(
  service: Service,
  around: Surroundings,
  file: string | undefined,
  { list, format, plain }: { list: string; format: ExchangeFormat; plain?: boolean },
): Promise<void> {
  const lines = exchangeLines(service.store.lists, list, format);
  await service.audit.doing(cliActor(), { action: 'list.export', target: list, details: { format } }, async () => {
    if (file === undefined) {
      for await (const line of lines) around.out(line);
      return;
    }
    const bytes = plain ? lines : sealStream(service.store.vault, bytesOf(lines));
    // Nobody else on this machine reads it: it holds the list's values.
    const output = await open(file, 'wx', 0o600);
    try {
      await pipeline(bytes, output.createWriteStream());
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
  });
}

async function* bytesOf(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const line of lines) yield Buffer.from(line);
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
