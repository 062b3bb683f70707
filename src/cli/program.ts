/** The command line: reads flags, calls the service, prints lines. No logic. */
import { Command, CommanderError } from 'commander';
import { AppError } from '../core/errors.js';
import { PACKAGE_VERSION } from '../core/package-root.js';
import { limitProblem } from '../core/process-limits.js';
import { addAuditCommands } from './audit.js';
import { addBenchCommand } from './bench.js';
import { addCheckCommands } from './check.js';
import { type CliContext, EXIT } from './context.js';
import { addKeyCommands } from './keys.js';
import { addLedgerCommands } from './ledger.js';
import { addListCommands } from './lists.js';
import { addMigrateCommand } from './migrate.js';
import { addReplicasCommand } from './replicas.js';
import { addReportCommands } from './report.js';
import { addScanCommand } from './scan.js';
import { addServeCommand } from './serve.js';
import { addTenantCommands } from './tenants.js';
import { addVerifyCommand } from './verify.js';
import { addWebhookCommands } from './webhooks.js';

/** Create the program with all commands, arguments and options. */
export function createProgram(cli: CliContext): Command {
  const program = new Command('zeef')
    .description('Finds known images among many: perceptual hashes and digests against hash lists.')
    .version(PACKAGE_VERSION)
    .option('--config <file>', 'a JSON file of knobs (docs/configuration.md)')
    .option('--data-dir <folder>', 'folder for all data that Zeef stores (ZEEF_DATA_DIR)')
    .option('--workers <count>', 'decoder threads (ZEEF_WORKERS)')
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace, silent (ZEEF_LOG_LEVEL)')
    .exitOverride()
    .configureOutput({ writeOut: cli.out, writeErr: cli.err });
  addServeCommand(program, cli);
  addCheckCommands(program, cli);
  addScanCommand(program, cli);
  addListCommands(program, cli);
  addKeyCommands(program, cli);
  addLedgerCommands(program, cli);
  addReportCommands(program, cli);
  addTenantCommands(program, cli);
  addAuditCommands(program, cli);
  addWebhookCommands(program, cli);
  addReplicasCommand(program, cli);
  addVerifyCommand(program, cli);
  addMigrateCommand(program, cli);
  addBenchCommand(program, cli);
  return program;
}

/** Run one command; every failure becomes one line on stderr and exit code 2. */
export async function runCommandLine(argv: readonly string[], cli: CliContext): Promise<void> {
  try {
    await createProgram(cli).parseAsync(argv, { from: 'user' });
  } catch (thrown) {
    const error = ofNamedFile(thrown);
    if (error instanceof CommanderError) cli.setExitCode(error.exitCode === 0 ? EXIT.clean : EXIT.failed);
    else {
      cli.err(
        error instanceof AppError
          ? `zeef: ${error.message}\n`
          : `zeef: ${limitProblem(error) ?? (error as Error).stack ?? String(error)}\n`,
      );
      cli.setExitCode(EXIT.failed);
    }
  }
}

const NAMED_FILE_CODES = new Set(['EACCES', 'EEXIST', 'EISDIR', 'ENOENT', 'ENOTDIR', 'EPERM']);

/**
 * A file of the command line that cannot be opened as asked, or a working folder that was removed, is a fault of the
 * request, not of Zeef: one line, no stack.
 */
function ofNamedFile(error: unknown): unknown {
  const { code, syscall, path = syscall === 'uv_cwd' ? '.' : undefined } = (error ?? {}) as NodeJS.ErrnoException;
  if (error instanceof AppError || path === undefined || !NAMED_FILE_CODES.has(code ?? '')) return error;
  return new AppError('REQUEST_INVALID', { path, why: code! }, error);
}
