/** The commands as they are defined, for what is made of them: completions of shells and the manual page. */
import type { Argument, Command, Option } from 'commander';

interface OptionDefinition {
  /** `--list`; `-V` for one that has a short form alone. */
  readonly name: string;
  /** As in the help: `--list <name>`. */
  readonly usage: string;
  readonly says: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

export interface CommandDefinition {
  /** Below `zeef`, which has none: `lists import`. */
  readonly path: string;
  readonly usage: string;
  readonly says: string;
  readonly args: readonly { readonly name: string; readonly says: string }[];
  readonly options: readonly OptionDefinition[];
  readonly commands: readonly CommandDefinition[];
}

const withChoices = ({ description, argChoices }: Option | Argument) =>
  argChoices ? `${description}${description ? ': ' : ''}${argChoices.join(', ')}` : description;

function optionOf(option: Option): OptionDefinition {
  return {
    name: option.long ?? option.short!,
    usage: option.flags,
    says: withChoices(option),
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}

/** Return a command with all that are below it. */
export function definitionOf(command: Command, above: readonly string[] = []): CommandDefinition {
  const isProgram = command.parent === null;
  const path = isProgram ? [] : [...above, command.name()];
  return {
    path: path.join(' '),
    usage: ['zeef', ...path, command.usage()].join(' '),
    says: command.description(),
    args: command.registeredArguments.map((each) => ({ name: each.name(), says: withChoices(each) })),
    options: command.options.map(optionOf),
    commands: command.commands.map((each) => definitionOf(each, path)),
  };
}

/** Return a command and all below it, each before those below it. */
export function allOf(definition: CommandDefinition): readonly CommandDefinition[] {
  return [definition, ...definition.commands.flatMap(allOf)];
}
