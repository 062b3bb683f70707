/** `zeef lists import`: imports files of entries and prints a report. */

import { statSync } from 'node:fs';
import type { SingleBar } from 'cli-progress';
import { type Command, Option } from 'commander';
import { keepYoungGenerationSmall } from '../core/garbage.js';
import { lazily } from '../core/lazily.js';
import type { Algorithm } from '../core/vocabulary.js';
import { parseCategories } from '../hashlists/categories.js';
import { formatOf, HASHLIST_FORMATS, type HashlistFormat, requireMeaning } from '../hashlists/importers.js';
import { type Mapping, parseMapping } from '../hashlists/mapping.js';
import { importList } from '../lists/import/import-list.js';
import { type CliContext, cliActor, EXIT, type GlobalFlags, withLists } from './context.js';
import { hmaText } from './hma-text.js';
import { algorithm } from './list-flags.js';
import { reportText } from './list-text.js';

interface ImportFlags {
  readonly list: string;
  readonly format?: HashlistFormat;
  readonly algorithm?: Algorithm;
  readonly map?: Mapping;
  readonly categories?: readonly string[];
  readonly bank?: string;
  readonly suppress?: boolean;
  readonly add?: boolean;
  readonly approved?: boolean;
  readonly json?: boolean;
}

const cliProgress = lazily<typeof import('cli-progress')>('cli-progress');

const rowsWords = (rows: number) => ({ rows: rows.toLocaleString('en') });

/** Return a progress bar over the bytes of the files, with the rows; storing the last entries takes a while after the last byte. */
function bytesBar(files: readonly string[], stream: NodeJS.WritableStream): SingleBar {
  const bar = new (cliProgress().SingleBar)({
    format: '{percentage} % of the bytes read  {rows} rows  {duration_formatted}  {eta_formatted} left',
    stream,
    clearOnComplete: true,
    fps: 5,
  });
  bar.start(
    files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0),
    0,
    rowsWords(0),
  );
  return bar;
}

/** Add `import` to `lists`, the command of `zeef lists`. */
export function addImportCommand(lists: Command, program: Command, cli: CliContext): void {
  lists
    .command('import')
    .description('import files as a list; the whole list is replaced, or nothing on an error')
    .argument('<files...>', 'one file, or the pages of one source in their order')
    .requiredOption('--list <name>', 'name of the list')
    .addOption(new Option('--format <format>', 'by default from the suffix').choices([...HASHLIST_FORMATS]))
    .option('--algorithm <name>', 'algorithm of rows that name none; 64 hex digits may be SHA-256 or PDQ', algorithm)
    .option(
      '--map <pairs>',
      'columns of CSV or JSON: value=HASH,algorithm=TYPE,category=SEVERITY,entryId=ID; or md5=MD5,sha1=SHA1',
      parseMapping,
    )
    .option('--categories <names>', 'take only entries of these categories: 1,2 or US/1', parseCategories)
    .option('--bank <name>', 'the bank of a dump of HMA that has several')
    .option('--add', 'add to the list instead of replacing it')
    .option('--suppress', 'a new list is a suppression list: known-good values that must not count')
    .option('--approved', 'skip the import review; the version becomes active at once')
    .option('--json', 'print the report as JSON')
    .action(async (files: string[], flags: ImportFlags) => {
      const format = flags.format ?? formatOf(files[0]!);
      requireMeaning(format, flags);
      keepYoungGenerationSmall();
      await withLists(cli, program.opts<GlobalFlags>(), async ({ audit }, config) => {
        const bar = cli.isTerminal ? bytesBar(files, cli.errStream) : null;
        const report = await importList(audit.as(cliActor()), {
          paths: files,
          onBytes: (bytes) => bar?.increment(bytes),
          onRows: (rows) => bar?.update(rowsWords(rows)),
          shouldStop: cli.isStopping,
          list: flags.list,
          format,
          assumed: flags.algorithm,
          mapping: flags.map,
          categories: flags.categories,
          bank: flags.bank,
          mode: flags.add ? 'add' : 'replace',
          approved: flags.approved ?? false,
          kind: flags.suppress ? 'suppression' : 'match',
          radiusBits: config.radiusBits,
          detail: config.detail,
        }).finally(() => bar?.stop());
        if (report.held.length > 0) cli.setExitCode(EXIT.failed);
        cli.out(
          flags.json
            ? `${JSON.stringify(report)}\n`
            : `${reportText(report)}${report.hma ? hmaText(report.list, report.hma) : ''}`,
        );
      });
    });
}
