/** `zeef replicas`: the processes that use the store. */
import type { Command } from 'commander';
import { readReplicas } from '../service/replica.js';
import type { Replica } from '../store/replicas-contract.js';
import { createLogger } from '../telemetry/log.js';
import { type CliContext, COMMAND_LOG_LEVEL, configFrom, type GlobalFlags } from './context.js';
import { tableText } from './table.js';

const HEADINGS = ['ID', 'KIND', 'VERSION', 'GENERATION', 'SEEN', 'SKEW', 'HOST'];

function span(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3_600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3_600)} h`;
}

const rowOf = ({ id, host, kind, codeVersion, generation, seenMsAgo, isLive, skewMs }: Replica) => [
  id,
  kind,
  codeVersion,
  String(generation),
  `${isLive ? '' : 'gone '}${span(seenMsAgo)}`,
  `${skewMs} ms`,
  host,
];

/** Return the table of replicas. `columns`: of the terminal, or null. */
export const replicasText = (replicas: readonly Replica[], columns: number | null): string =>
  tableText(HEADINGS, replicas.map(rowOf), columns);

export function addReplicasCommand(program: Command, cli: CliContext): void {
  program
    .command('replicas')
    .description('show the processes that use the store: version, generation of the lists, clock')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const config = configFrom(cli, program.opts<GlobalFlags>(), COMMAND_LOG_LEVEL);
      const replicas = await readReplicas(config, createLogger(config.logLevel), cli.env);
      const words = replicas.length === 0 ? 'no replicas\n' : replicasText(replicas, cli.columns);
      cli.out(json ? `${JSON.stringify({ replicas })}\n` : words);
    });
}
