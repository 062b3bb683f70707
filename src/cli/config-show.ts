/** `zeef config show`: the values in force, and where each comes from. */
import type { Command } from 'commander';
import { KNOBS, type KnobName } from '../config/knobs.js';
import { type Origin, readOrigins, shownValue } from '../config/read-config.js';
import { type CliContext, configFileOf, configSources, type GlobalFlags } from './context.js';

interface Shown {
  readonly name: KnobName;
  readonly variable: string;
  readonly value: string;
  readonly from: Origin;
}

/** A value in the table; a longer one is in a line of its own. */
const VALUE_COLUMNS_MAX = 28;
const NAME_COLUMNS = 38;

/** The name of a variable is what a person searches for in files of units and containers. */
function lineOf({ variable, value, from }: Shown): string {
  const shown = value === '' ? '(empty)' : value;
  const head = variable.padEnd(NAME_COLUMNS);
  if (shown.length <= VALUE_COLUMNS_MAX) return `${head} ${shown.padEnd(VALUE_COLUMNS_MAX)} ${from}\n`;
  return `${head} ${' '.repeat(VALUE_COLUMNS_MAX)} ${from}\n    ${shown}\n`;
}

export function addConfigCommand(program: Command, cli: CliContext): void {
  const config = program.command('config').description('the configuration');
  config
    .command('show')
    .description('show the values in force, and where each comes from: default, environment, file or flag; no secrets')
    .option('--changed', 'only values that are not defaults')
    .option('--json', 'as JSON')
    .action(({ changed, json }: { changed?: boolean; json?: boolean }) => {
      const globals = program.opts<GlobalFlags>();
      const { config: values, origins } = readOrigins(configSources(cli, globals));
      const all = (Object.keys(KNOBS) as KnobName[]).map(
        (name): Shown => ({ name, variable: KNOBS[name].env, value: shownValue(name, values), from: origins[name] }),
      );
      const shown = changed ? all.filter(({ from }) => from !== 'default') : all;
      const file = configFileOf(cli, globals) ?? null;
      if (json) return cli.out(`${JSON.stringify({ file, values: shown })}\n`);
      const fileLine = file === null ? 'no configuration file\n' : `configuration file: ${file}\n`;
      cli.out(fileLine + shown.map(lineOf).join(''));
    });
}
