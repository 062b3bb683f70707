/** Refuses an option that is given twice with different values where it takes one: the last would win, and the first be ignored. */
import type { Command, Option } from 'commander';

type Parse<T> = (text: string, before?: readonly T[]) => readonly T[];

const COLLECTING = new WeakSet<object>();

/** Mark the parser of an option that may be repeated. */
export function collecting<T>(parse: Parse<T>): Parse<T> {
  COLLECTING.add(parse);
  return parse;
}

const takesMany = ({ variadic, parseArg }: Option) => variadic || (parseArg !== undefined && COLLECTING.has(parseArg));

/** Refuse it in a command and in its own commands. An option and its negation are one. */
export function refuseTwice(command: Command): void {
  const given = new Map<string, { readonly option: Option; readonly text: unknown }>();
  for (const option of command.options) {
    if (takesMany(option)) continue;
    const name = option.attributeName();
    command.on(`option:${option.name()}`, (text: unknown) => {
      const before = given.get(name);
      given.set(name, { option, text });
      if (before === undefined || (before.option === option && before.text === text)) return;
      const what = before.option === option ? 'itself, with another value' : `option '${before.option.flags}'`;
      command.error(`error: option '${option.flags}' cannot be used with ${what}`);
    });
  }
  for (const one of command.commands) refuseTwice(one);
}
