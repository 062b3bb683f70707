/** `zeef migrate`: moves the embedded store into PostgreSQL. */
import type { Command } from 'commander';
import { AppError } from '../core/errors.js';
import { type MoveProgress, moveStore } from '../service/move-store.js';
import { storePlaceOf } from '../service/open-stores.js';
import { type CliContext, COMMAND_LOG_LEVEL, cliActor, configFrom, EXIT, type GlobalFlags } from './context.js';

/** Between two lines on one table. */
const LINE_EVERY_MS = 5_000;

const number = (value: number) => value.toLocaleString('en-US');

/** Print a line for each table that begins, and every few seconds. */
function progressLines(cli: CliContext): (progress: MoveProgress) => void {
  let [last, lastMs] = ['', 0];
  return ({ table, rows, of }) => {
    const nowMs = performance.now();
    if (table === last && nowMs - lastMs < LINE_EVERY_MS && (rows < of || of === 0)) return;
    [last, lastMs] = [table, nowMs];
    cli.err(of === 0 ? `zeef: ${table}\n` : `zeef: ${table}: ${number(rows)} of ${number(of)} rows\n`);
  };
}

const BEGUN = {
  new: '',
  resumed: 'zeef: an earlier run is continued\n',
  again: 'zeef: the source has changed since an earlier run, which was thrown away\n',
  ended: 'zeef: an earlier run had moved all of it; nothing was moved now\n',
} as const;

export function addMigrateCommand(program: Command, cli: CliContext): void {
  program
    .command('migrate')
    .description(
      'move the embedded store of the data folder into an empty PostgreSQL database; stop all its processes first',
    )
    .option('--to <url>', 'the database, postgres://…; by default ZEEF_DATABASE_URL')
    .option('--json', 'one JSON object')
    .action(async ({ to, json }: { to?: string; json?: boolean }) => {
      const config = configFrom(cli, program.opts<GlobalFlags>(), COMMAND_LOG_LEVEL);
      const url = to ?? config.databaseUrl;
      if (!/^postgres(ql)?:\/\//.test(url))
        throw new AppError('REQUEST_INVALID', { field: '--to', expected: 'postgres://…, or ZEEF_DATABASE_URL' });
      const { isDone, begun, compared } = await moveStore({
        place: storePlaceOf(config, cli.env),
        to: url,
        actor: cliActor(),
        onProgress: progressLines(cli),
        isStopping: cli.isStopping,
      });
      cli.err(BEGUN[begun]);
      if (!isDone) {
        cli.err('zeef: stopped; the same command continues\n');
        return cli.setExitCode(EXIT.interrupted);
      }
      if (json) return cli.out(`${JSON.stringify({ begun, compared })}\n`);
      if (begun === 'ended') return cli.out('moved before: the data folder is marked, start Zeef with the database\n');
      for (const { table, rows } of compared) cli.out(`${table}: ${number(rows)} rows are equal\n`);
      cli.out('moved: lists, audit log and ledger are verified; the data folder is marked, and no longer opened.\n');
      cli.out('Put it away, and start Zeef with the database\n');
    });
}
