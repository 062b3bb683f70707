/** `zeef health`: asks a running service, for probes and scripts. `src/healthcheck.ts` is the same question in the container image. */
import type { Command } from 'commander';
import { healthUrl } from '../config/health-url.js';
import { askHealth } from '../core/ask-health.js';
import { AppError } from '../core/errors.js';
import { type CliContext, configSources, type GlobalFlags } from './context.js';
import { positive } from './scan-flags.js';

/** A probe that hangs is worse than one that fails. */
const ANSWER_SECONDS = 2.5;
const ANSWER_SECONDS_MAX = 60;

interface HealthFlags {
  readonly url?: string;
  readonly ready?: boolean;
  readonly timeout?: string;
  readonly json?: boolean;
}

/** Return the reasons for which a service is not ready. */
function reasonsOf(body: string): readonly string[] {
  try {
    const { notReady = [] } = JSON.parse(body) as { notReady?: readonly string[] };
    return Array.isArray(notReady) ? notReady.map(String) : [];
  } catch {
    return [];
  }
}

/** Return the address to ask: of `--url`, or of the service that this configuration starts. Errors REQUEST_INVALID, CONFIG_INVALID. */
function addressOf({ url, ready }: HealthFlags, cli: CliContext, globals: GlobalFlags): string {
  const path = ready ? '/readyz' : '/livez';
  if (url === undefined) return healthUrl(configSources(cli, globals), path);
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw new AppError('REQUEST_INVALID', { field: '--url', got: url, expected: 'http://HOST:PORT' });
  return `${url.replace(/\/+$/, '')}${path}`;
}

export function addHealthCommand(program: Command, cli: CliContext): void {
  program
    .command('health')
    .description('ask a running service whether it answers, for probes: exit code 0 or 1')
    .option('--ready', 'whether it can answer checks, which needs a list, a ledger and a right clock')
    .option('--url <address>', 'of the service; by default that of the configuration')
    .option('--timeout <seconds>', `time for the answer; by default ${ANSWER_SECONDS}`)
    .option('--json', 'as JSON')
    .action(async (flags: HealthFlags) => {
      const seconds = positive('--timeout', flags.timeout) ?? ANSWER_SECONDS;
      const url = addressOf(flags, cli, program.opts<GlobalFlags>());
      const { ok, says, body } = await askHealth(url, Math.min(seconds, ANSWER_SECONDS_MAX) * 1_000);
      const notReady = ok ? [] : reasonsOf(body);
      const why = notReady.length > 0 ? `: ${notReady.join(', ')}` : '';
      cli.out(flags.json ? `${JSON.stringify({ ok, url, says, notReady })}\n` : `${says}${why}\n`);
      cli.setExitCode(ok ? 0 : 1);
    });
}
