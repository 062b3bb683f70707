/** `zeef migrate`: moves the embedded store into PostgreSQL, or back. */
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

interface Flags {
  readonly to?: string;
  /** True: the configured database. */
  readonly from?: string | true;
  readonly json?: boolean;
}

/** Errors REQUEST_INVALID. */
function placesOf(
  { to, from }: Flags,
  configured: string,
): { readonly url: string; readonly direction: 'to' | 'from' } {
  if (to !== undefined && from !== undefined)
    throw new AppError('REQUEST_INVALID', { field: '--from', expected: 'either --to or --from' });
  const direction = from === undefined ? 'to' : 'from';
  const named = from === true ? undefined : from;
  const url = named ?? to ?? configured;
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new AppError('REQUEST_INVALID', { field: `--${direction}`, expected: 'postgres://…, or ZEEF_DATABASE_URL' });
  return { url, direction };
}

const WORDS = {
  to: {
    ended: 'moved before: the data folder is marked, start Zeef with the database\n',
    moved:
      'moved: lists, audit log and ledger are verified; the data folder is marked, and no longer opened.\nPut it away, and start Zeef with the database\n',
  },
  from: {
    ended: 'moved before: the database is marked, start Zeef with the data folder\n',
    moved:
      'moved: lists, audit log and ledger are verified; the database is marked, and no longer opened.\nPut it away, and start Zeef with the data folder: without ZEEF_DATABASE_URL\n',
  },
} as const;

export function addMigrateCommand(program: Command, cli: CliContext): void {
  program
    .command('migrate')
    .description(
      'move the embedded store of the data folder into an empty PostgreSQL database, or with --from such a store into an empty data folder; stop all its processes first',
    )
    .option('--to <url>', 'the database, postgres://USER@HOST/NAME; by default ZEEF_DATABASE_URL')
    .option('--from [url]', 'move back: the database; without one ZEEF_DATABASE_URL')
    .option('--json', 'one JSON object')
    .action(async (flags: Flags) => {
      const config = configFrom(cli, program.opts<GlobalFlags>(), COMMAND_LOG_LEVEL);
      const { url, direction } = placesOf(flags, config.databaseUrl);
      const { isDone, begun, compared } = await moveStore({
        place: storePlaceOf(config, cli.env),
        url,
        direction,
        actor: cliActor(),
        onProgress: progressLines(cli),
        isStopping: cli.isStopping,
      });
      cli.err(BEGUN[begun]);
      if (!isDone) {
        cli.err('zeef: stopped; the same command continues\n');
        return cli.setExitCode(EXIT.interrupted);
      }
      if (flags.json) return cli.out(`${JSON.stringify({ begun, compared })}\n`);
      if (begun === 'ended') return cli.out(WORDS[direction].ended);
      for (const { table, rows } of compared) cli.out(`${table}: ${number(rows)} rows are equal\n`);
      cli.out(WORDS[direction].moved);
    });
}
