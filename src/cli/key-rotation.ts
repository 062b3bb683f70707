/** `zeef lists rotate-key`: a new key for the values of all lists. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { readKeyFile } from '../vault/master-key.js';
import { type CliContext, cliActor, type GlobalFlags, withLists } from './context.js';

/** Add `rotate-key` to `lists`, the command of `zeef lists`. */
export function addKeyRotationCommand(lists: Command, program: Command, cli: CliContext): void {
  lists
    .command('rotate-key')
    .description('reseal every value under a new key; a running service switches to it')
    .option(
      '--new-key-file <file>',
      'the new master key, 32 bytes as hex or base64; install it afterwards where the service reads its key',
    )
    .option('--json', 'as JSON')
    .action((flags: { newKeyFile?: string; json?: boolean }) =>
      withLists(cli, program.opts<GlobalFlags>(), async ({ audit, rotateKeys }) => {
        const newMaster = flags.newKeyFile === undefined ? null : readKeyFile(resolve(flags.newKeyFile));
        const keyIdOf = ({ keyId }: { keyId: number }) => ({ details: { keyId } });
        const { keyId } = await audit.withAudit(cliActor(), { action: 'store.rekey', detailsOf: keyIdOf }, () =>
          rotateKeys(newMaster),
        );
        const words = `all values are sealed under data key ${keyId}; rewrite the index file (lists export)\n`;
        cli.out(flags.json ? `${JSON.stringify({ keyId })}\n` : words);
      }),
    );
}
