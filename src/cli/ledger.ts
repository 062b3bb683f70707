/** `zeef ledger`: shows, verifies and backs up the ledger. */

import { Argument, type Command } from 'commander';
import { terminalField } from '../core/terminal.js';
import { type CliContext, EXIT, type GlobalFlags, withLedger } from './context.js';
import { writesTo } from './output-files.js';

const SHOWN_HITS = 20;

const number = (value: number) => value.toLocaleString('en-US');
export function addLedgerCommands(program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();
  const ledger = program.command('ledger').description('the ledger of checks and hits');

  ledger
    .command('verify')
    .description('verify the whole ledger: the chains, the counts, every hit')
    .option('--json', 'one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      await withLedger(cli, globals(), async (opened) => {
        const check = await opened.verify();
        if (json) cli.out(`${JSON.stringify(check)}\n`);
        else {
          for (const problem of check.problems) cli.out(`${problem}\n`);
          cli.out(
            check.ok
              ? `ok: ${number(check.totals.checked)} checked, ${number(check.hits)} hits, ${number(check.events)} events\n` +
                  Object.entries(check.heads)
                    .map(([name, digest]) => `${name} ${digest}\n`)
                    .join('')
              : 'damaged: the ledger is not as it was written\n',
          );
        }
        if (!check.ok) cli.setExitCode(EXIT.failed);
      });
    });

  ledger
    .command('backup')
    .description('write a consistent copy, while the service runs')
    .addArgument(writesTo(new Argument('<file>'), null))
    .option('--json', 'one JSON object')
    .action(async (file: string, { json }: { json?: boolean }) => {
      await withLedger(cli, globals(), async (opened) => {
        const { bytes } = await opened.backup(file);
        cli.out(json ? `${JSON.stringify({ file, bytes })}\n` : `${file}: ${number(bytes)} bytes\n`);
      });
    });

  ledger
    .command('show')
    .description('show totals and the newest hits')
    .option('--json', 'one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      await withLedger(cli, globals(), async (opened) => {
        const { tenants: _, series: __, ...stats } = await opened.stats({ interval: 'year' });
        const { hits } = await opened.hits({ limit: SHOWN_HITS });
        if (json) return cli.out(`${JSON.stringify({ ...stats, hits })}\n`);
        const { checked, matched, suppressed, notChecked } = stats;
        cli.out(
          `${number(checked)} checked, ${number(matched)} hits, ${number(suppressed)} suppressed, ${number(notChecked)} not checked\n`,
        );
        for (const { id, status, tenant, reference, list, entryId, timesSeen } of hits) {
          const where = JSON.stringify(reference ?? '');
          cli.out(
            `${id} ${status.padEnd(14)} ${tenant} ${where} ${list}/${terminalField(entryId)} seen ${timesSeen}\n`,
          );
        }
      });
    });
}
