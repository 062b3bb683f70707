/** `zeef verify`: the integrity of the data folder, or of an inventory. */
import type { Command } from 'commander';
import { verifyFolder } from '../service/open-store.js';
import { type CliContext, configFrom, EXIT, type GlobalFlags } from './context.js';

export function addVerifyCommand(program: Command, cli: CliContext): void {
  program
    .command('verify')
    .description(
      'verify lists, keys, tenants and webhooks of the data folder: every row, and the structure of the files',
    )
    .option('--inventory <folder>', 'the inventory of a scan in place of the data folder')
    .option('--json', 'as JSON')
    .action(({ inventory, json }: { inventory?: string; json?: boolean }) => {
      const problems = verifyFolder(configFrom(cli, program.opts<GlobalFlags>()).dataDir, inventory ?? null);
      const ok = problems.length === 0;
      if (!ok) cli.setExitCode(EXIT.failed);
      const words = ok ? 'ok: every row is as it was written\n' : problems.map((problem) => `${problem}\n`).join('');
      cli.out(json ? `${JSON.stringify({ ok, problems })}\n` : words);
    });
}
