/** `zeef replicas`: the processes that use the store. */
import type { Command } from 'commander';
import { terminalField } from '../core/terminal.js';
import { readReplicas } from '../service/replica.js';
import type { Replica } from '../store/replicas-contract.js';
import { createLogger } from '../telemetry/log.js';
import { type CliContext, COMMAND_LOG_LEVEL, configFrom, type GlobalFlags } from './context.js';

/** Of the narrowest terminal that is usual. */
const LINE_COLUMNS = 80;
const GAP = '  ';
const HEADS = ['ID', 'HOST', 'KIND', 'VERSION', 'GENERATION', 'SEEN', 'SKEW'] as const;
const HOST_AT = HEADS.indexOf('HOST');
/** As much of a long name as distinguishes it. */
const HOST_COLUMNS_MIN = 8;

function span(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3_600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3_600)} h`;
}

const cellsOf = ({ id, host, kind, codeVersion, generation, seenMsAgo, isLive, skewMs }: Replica) => [
  id,
  terminalField(host),
  kind,
  codeVersion,
  String(generation),
  `${isLive ? '' : 'gone '}${span(seenMsAgo)}`,
  `${skewMs} ms`,
];

/** Names of one installation differ at their ends. */
const shortened = (name: string, columns: number) => (name.length > columns ? `…${name.slice(1 - columns)}` : name);

/** Return the table of replicas; host names are cut where a line would exceed `LINE_COLUMNS`. */
export function replicasText(replicas: readonly Replica[]): string {
  const rows = [HEADS, ...replicas.map(cellsOf)];
  const widths = HEADS.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const others = widths.reduce((sum, width, at) => sum + (at === HOST_AT ? 0 : GAP.length + width), 0);
  widths[HOST_AT] = Math.min(widths[HOST_AT]!, Math.max(HOST_COLUMNS_MIN, LINE_COLUMNS - others));
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === HOST_AT ? shortened(cell, widths[at]!) : cell).padEnd(widths[at]!)).join(GAP);
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

export function addReplicasCommand(program: Command, cli: CliContext): void {
  program
    .command('replicas')
    .description('show the processes that use the store: version, generation of the lists, clock')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const config = configFrom(cli, program.opts<GlobalFlags>(), COMMAND_LOG_LEVEL);
      const replicas = await readReplicas(config, createLogger(config.logLevel), cli.env);
      const words = replicas.length === 0 ? 'no replicas\n' : replicasText(replicas);
      cli.out(json ? `${JSON.stringify({ replicas })}\n` : words);
    });
}
