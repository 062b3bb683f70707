/** The command line: reads flags, calls the service, prints lines. No logic. */
import { Command, CommanderError } from 'commander';
import { asStoreFailure } from '../core/disk-errors.js';
import { AppError, commandLineOf, type ErrorDetails } from '../core/errors.js';
import { PACKAGE_VERSION } from '../core/package-root.js';
import { limitProblem } from '../core/process-limits.js';
import { systemWords } from '../core/system-words.js';
import { addAuditCommands } from './audit.js';
import { addBenchCommand } from './bench.js';
import { addCheckCommands } from './check.js';
import { addCompletionCommand } from './completion.js';
import { addConfigCommand } from './config-show.js';
import { type CliContext, EXIT } from './context.js';
import { addDoctorCommand } from './doctor.js';
import { parseNoEmpty, requireValues } from './empty-values.js';
import { addExamples } from './examples.js';
import { refuseTwice } from './given-twice.js';
import { addHealthCommand } from './health.js';
import { addHitCommands } from './hits.js';
import { addKeyCommands } from './keys.js';
import { addLedgerCommands } from './ledger.js';
import { addListCommands } from './lists.js';
import { addManCommand } from './man-page.js';
import { addMigrateCommand } from './migrate.js';
import { requireOutputs } from './output-files.js';
import { addReplicasCommand } from './replicas.js';
import { addReportCommands } from './report.js';
import { addScanCommand } from './scan.js';
import { addServeCommand } from './serve.js';
import { addSuppressionCommands } from './suppressions.js';
import { addTenantCommands } from './tenants.js';
import { addVerifyCommand } from './verify.js';
import { addWebhookCommands } from './webhooks.js';
import { workingLine } from './working-line.js';

/** Create the program with all commands, arguments and options. */
export function createProgram(cli: CliContext): Command {
  const program = new Command('zeef')
    .description('Finds known images among many: perceptual hashes and digests against hash lists.')
    .version(PACKAGE_VERSION)
    .option('--config <file>', 'a JSON file of knobs (docs/configuration.md)')
    .option('--data-dir <folder>', 'folder for all data that Zeef stores (ZEEF_DATA_DIR)')
    .option('--workers <count>', 'decoder threads (ZEEF_WORKERS)')
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace, silent (ZEEF_LOG_LEVEL)')
    .helpOption('-h, --help', 'show help; --help with examples')
    .helpCommand('help [command]', 'show help with examples')
    .exitOverride()
    .configureOutput({ writeOut: cli.out, writeErr: cli.err })
    .hook('preAction', (_program, command) => {
      requireValues(command);
      requireOutputs(command);
    });
  addServeCommand(program, cli);
  addCheckCommands(program, cli);
  addScanCommand(program, cli);
  addListCommands(program, cli);
  addKeyCommands(program, cli);
  addLedgerCommands(program, cli);
  addHitCommands(program, cli);
  addSuppressionCommands(program, cli);
  addReportCommands(program, cli);
  addTenantCommands(program, cli);
  addAuditCommands(program, cli);
  addWebhookCommands(program, cli);
  addConfigCommand(program, cli);
  addDoctorCommand(program, cli);
  addHealthCommand(program, cli);
  addReplicasCommand(program, cli);
  addVerifyCommand(program, cli);
  addMigrateCommand(program, cli);
  addBenchCommand(program, cli);
  addCompletionCommand(program, cli);
  addManCommand(program, cli);
  refuseTwice(program);
  parseNoEmpty(program);
  return program;
}

/** Run one command; every failure becomes one line on stderr and exit code 2. */
export async function runCommandLine(argv: readonly string[], context: CliContext): Promise<void> {
  const { cli, ...line } = workingLine(context);
  const program = createProgram(cli);
  if (argv.includes('--help') || argv.includes('help')) addExamples(program);
  let ran: Command = program;
  program.hook('preAction', (_program, command) => {
    ran = command;
    line.start(pathOf(command));
  });
  try {
    requireReadable(argv);
    if (argv.includes('help')) showNamedHelp(program, argv);
    await program.parseAsync(argv, { from: 'user' });
  } catch (thrown) {
    const error = ofSystem(thrown);
    if (error instanceof CommanderError) cli.setExitCode(error.exitCode === 0 ? EXIT.clean : EXIT.failed);
    else {
      cli.err(
        error instanceof AppError
          ? `zeef: ${commandLineOf(error, inOptions(error.details, ran))}\n`
          : `zeef: ${limitProblem(error) ?? (error as Error).stack ?? String(error)}\n`,
      );
      const isStopped = error instanceof AppError && error.code === 'SHUTTING_DOWN' && cli.isStopping();
      cli.setExitCode(isStopped ? EXIT.interrupted : EXIT.failed);
    }
  } finally {
    line.stop();
  }
}

/** What Node makes of bytes that are not UTF-8. */
const REPLACED = '\ufffd';

/** Refuse arguments that Node could not read: another file may have the name that it made of one. Errors REQUEST_INVALID. */
function requireReadable(argv: readonly string[]): void {
  const got = argv.find((argument) => argument.includes(REPLACED));
  if (got === undefined) return;
  const expected = 'names in UTF-8; others by find -print0 | zeef scan --files-from - --null';
  throw new AppError('REQUEST_INVALID', { field: 'arguments', got, expected });
}

/** Print the help of a command that is named by several words: commander reads only the first. Ends by an error if it printed one. */
function showNamedHelp(program: Command, argv: readonly string[]): void {
  const [first, ...names] = program.parseOptions([...argv]).operands;
  if (first !== 'help' || names.length < 2) return;
  let named = program;
  for (const name of names) {
    const below = named.commands.find((one) => one.name() === name);
    if (!below) program.error(`error: unknown command '${names.join(' ')}'`);
    named = below;
  }
  named.help();
}

/** Return the name of a command below `zeef`: `lists import`. */
function pathOf(command: Command): string {
  const names: string[] = [];
  for (let one: Command | null = command; one?.parent; one = one.parent) names.unshift(one.name());
  return names.join(' ');
}

/** Name a field as the option of the command that it came from: `--new-entries` for `new-entries` and `newEntries`. */
function inOptions(details: ErrorDetails, command: Command): ErrorDetails {
  const { field } = details;
  const option = command.options.find((one) => one.long === `--${field}` || one.attributeName() === field);
  return option?.long ? { ...details, field: option.long } : details;
}

/**
 * Return an error of the system as one line, without a stack: a file of the command line that cannot be opened as asked, a full disk,
 * or a working folder that was removed.
 */
function ofSystem(error: unknown): unknown {
  const { code, syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (error instanceof AppError || code === undefined || syscall === undefined || limitProblem(error)) return error;
  const where = path ?? (syscall === 'uv_cwd' ? '.' : null);
  if (where === null) return asStoreFailure(error);
  return new AppError('FILE_UNREADABLE', { path: where, why: systemWords(error) }, error);
}
