/** `zeef doctor`: what is in order on this machine, and what is not. */
import type { Command } from 'commander';
import { terminalField } from '../core/terminal.js';
import { diagnose } from '../service/diagnose.js';
import { createLogger } from '../telemetry/log.js';
import { type CliContext, configFileOf, configFrom, EXIT, type GlobalFlags } from './context.js';
import { wrapped } from './wrapped.js';

const PART_COLUMNS = 9;

export function addDoctorCommand(program: Command, cli: CliContext): void {
  program
    .command('doctor')
    .description(
      'look into this machine: folder or database, disk, keys, lists, decoder, clock, port; exit code 2 if something fails',
    )
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const globals = program.opts<GlobalFlags>();
      const config = configFrom(cli, globals, 'silent');
      const configFile = configFileOf(cli, globals) ?? null;
      const findings = await diagnose({ config, log: createLogger(config.logLevel), env: cli.env, configFile });
      const ok = findings.every(({ state }) => state !== 'fail');
      if (!ok) cli.setExitCode(EXIT.failed);
      if (json) return cli.out(`${JSON.stringify({ ok, findings })}\n`);
      for (const { part, state, says } of findings)
        cli.out(wrapped(`${state.padEnd(5)}${part.padEnd(PART_COLUMNS)}`, terminalField(says)));
    });
}
