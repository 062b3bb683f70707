/** `zeef verify`: the integrity of the store, or of an inventory. */
import type { Command } from 'commander';
import { storePlaceOf, verifyInventory, verifyStore } from '../service/open-stores.js';
import { type CliContext, configFrom, EXIT, type GlobalFlags } from './context.js';

export function addVerifyCommand(program: Command, cli: CliContext): void {
  program
    .command('verify')
    .description(
      'verify lists, keys, tenants and webhooks of the data folder: every row, and the structure of the files; of PostgreSQL, lists and audit log',
    )
    .option('--inventory <folder>', 'the inventory of a scan in place of the store')
    .option('--json', 'as JSON')
    .action(async ({ inventory, json }: { inventory?: string; json?: boolean }) => {
      const config = configFrom(cli, program.opts<GlobalFlags>());
      const problems = await (inventory === undefined
        ? verifyStore(storePlaceOf(config, cli.env))
        : verifyInventory(inventory));
      const ok = problems.length === 0;
      if (!ok) cli.setExitCode(EXIT.failed);
      const words = ok ? 'ok: every row is as it was written\n' : problems.map((problem) => `${problem}\n`).join('');
      cli.out(json ? `${JSON.stringify({ ok, problems })}\n` : words);
    });
}
