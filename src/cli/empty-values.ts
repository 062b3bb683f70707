/** Refuses arguments and values of options that are empty: an empty variable in a script would mean all, or this folder. */
import { type Command, InvalidArgumentError } from 'commander';

const isBlank = (value: unknown): boolean => typeof value === 'string' && value.trim() === '';

/** Refuse empty texts before the options of a command and of its own commands parse them: as a number, one is 0. */
export function parseNoEmpty(command: Command): void {
  for (const option of command.options) {
    const parse = option.parseArg;
    if (parse === undefined) continue;
    option.parseArg = <T>(text: string, before: T): T => {
      if (isBlank(text)) throw new InvalidArgumentError('It needs a value.');
      return parse(text, before);
    };
  }
  for (const one of command.commands) parseNoEmpty(one);
}

/** End the command with an error if a value is empty; a hook before every command. A file may be named by spaces alone. */
export function requireValues(command: Command): void {
  for (let one: Command | null = command; one !== null; one = one.parent)
    for (const option of one.options) {
      const name = option.attributeName();
      if (one.getOptionValueSource(name) !== 'cli') continue;
      if ([one.getOptionValue(name)].flat().some(isBlank))
        command.error(`error: option '${option.flags}' needs a value`);
    }
  for (const [at, argument] of command.registeredArguments.entries())
    if ([command.processedArgs[at]].flat().includes('')) command.error(`error: argument '${argument.name()}' is empty`);
}
