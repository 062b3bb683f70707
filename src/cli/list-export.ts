/** `zeef lists export`: the index file of all lists, or the values of one. */
import { open, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Argument, type Command, Option } from 'commander';
import { AppError } from '../core/errors.js';
import { EXCHANGE_FORMATS, type ExchangeFormat, exchangeLines } from '../lists/export-list.js';
import type { Service } from '../service/service.js';
import { sealStream } from '../vault/sealed-stream.js';
import { type CliContext, cliActor, earlyExit, type GlobalFlags, withService } from './context.js';
import { unwritable, writesTo } from './output-files.js';

/** Add `export` to `lists`, the command of `zeef lists`. */
export function addExportCommand(lists: Command, program: Command, cli: CliContext): void {
  lists
    .command('export')
    .description('write the index file that a process reads when it starts; with --list export one list')
    .addArgument(writesTo(new Argument('[file]', 'with --list: by default stdout'), null))
    .option('--list <name>', 'export this list with its values; a file is sealed, stdout is not')
    .option('--plain', 'do not seal the file of a list')
    .addOption(new Option('--format <format>', 'format of a list').choices([...EXCHANGE_FORMATS]).default('jsonl'))
    .option('--json', 'as JSON')
    .action(
      async (
        file: string | undefined,
        flags: { json?: boolean; list?: string; format: ExchangeFormat; plain?: boolean },
        command: Command,
      ) => {
        requireList(file, flags, command);
        await withService(cli, program.opts<GlobalFlags>(), async (service) => {
          if (flags.list !== undefined) return exportList(service, cli, file, { ...flags, list: flags.list });
          const written = await service.exportIndex();
          const words = `generation ${written.generation}: ${written.entryCount} entries, ${written.bytes} bytes\n`;
          cli.out(flags.json ? `${JSON.stringify(written)}\n` : words);
        });
      },
    );
}

/** Errors REQUEST_INVALID: a file, or how one is written, without a list. */
function requireList(
  file: string | undefined,
  { list, plain }: { readonly list?: string; readonly plain?: boolean },
  command: Command,
): void {
  if (list !== undefined) return;
  const hasFormat = command.getOptionValueSource('format') === 'cli';
  const field = file !== undefined ? 'file' : plain ? 'plain' : hasFormat ? 'format' : null;
  if (field !== null) throw new AppError('REQUEST_INVALID', { field, expected: '--list with it' });
}

async function exportList(
  service: Service,
  cli: CliContext,
  file: string | undefined,
  { list, format, plain = false, json }: { list: string; format: ExchangeFormat; plain?: boolean; json?: boolean },
): Promise<void> {
  const lines = exchangeLines(service.store.lists, list, format);
  await service.audit.withAudit(cliActor(), { action: 'list.export', target: list, details: { format } }, async () => {
    if (file === undefined) {
      for await (const line of lines) {
        const early = earlyExit(cli);
        if (early !== null) return cli.setExitCode(early);
        cli.out(line, 'document');
      }
      return;
    }
    const bytes = plain ? lines : sealStream(service.store.vault, bytesOf(lines));
    // Readable by its owner only: the file holds the list's values.
    const output = await open(file, 'wx', 0o600).catch((error: unknown) => {
      throw unwritable('file', file, error);
    });
    try {
      await pipeline(bytes, output.createWriteStream());
    } catch (error) {
      await rm(file, { force: true });
      throw (error as NodeJS.ErrnoException).syscall === undefined ? error : unwritable('file', file, error);
    }
    if (json) cli.out(`${JSON.stringify({ list, file, format, sealed: !plain })}\n`);
  });
}

async function* bytesOf(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const line of lines) yield Buffer.from(line);
}
