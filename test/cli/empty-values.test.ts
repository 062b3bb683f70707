/** Every option that takes a value, and every argument, refuses an empty one before the command does anything. */
import type { Argument, Command, Option } from 'commander';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { CliContext } from '../../src/cli/context.js';
import { createProgram, runCommandLine } from '../../src/cli/program.js';

/** Values that the parsers of options accept, where any text will not do. */
const GOOD: Readonly<Record<string, string>> = { '--to': '1' };

interface Place {
  readonly path: readonly string[];
  readonly command: Command;
}

function commandsOf(command: Command, path: readonly string[] = []): Place[] {
  if (command.commands.length === 0) return [{ path, command }];
  return command.commands.flatMap((one) => commandsOf(one, [...path, one.name()]));
}
const program = createProgram({ out() {}, err() {} } as unknown as CliContext);
const places = commandsOf(program);

async function run(argv: readonly string[]): Promise<{ code: number | undefined; err: string }> {
  let [code, err] = [undefined as number | undefined, ''];
  const dataDir = tempFolder('empty-values');
  await runCommandLine(argv, {
    env: { ZEEF_DATA_DIR: dataDir },
    out: () => {
      throw new Error(`${argv.join(' ')} did something`);
    },
    err: (text: string) => {
      err += text;
    },
    setExitCode: (value: number) => {
      code = value;
    },
    isStopping: () => false,
    isOutputClosed: () => false,
    stdin: () => {
      throw new Error('stdin was read');
    },
    cwd: () => dataDir,
  } as unknown as CliContext);
  return { code, err };
}

const isValued = (option: Option) => option.required || option.optional;
const requiredOf = ({ command }: Place, but?: Option) =>
  command.options
    .filter((option) => option.mandatory && option !== but)
    .flatMap((option) => [option.long!, option.argChoices?.[0] ?? GOOD[option.long!] ?? 'x']);
const argumentsOf = ({ command }: Place, but?: Argument) =>
  command.registeredArguments.flatMap((argument) => {
    if (argument === but) return [''];
    return argument.required ? [argument.argChoices?.[0] ?? 'x'] : [];
  });

const options = places.flatMap((place) =>
  place.command.options
    .filter(isValued)
    .map((option) => [`${place.path.join(' ')} ${option.long}`, place, option] as const),
);

test('there are many', () => {
  expect(places.length).toBeGreaterThan(40);
  expect(options.length).toBeGreaterThan(80);
});

test.each(options)('%s', async (_name, place, option) => {
  for (const blank of ['', ' ']) {
    const argv = [...place.path, ...argumentsOf(place), ...requiredOf(place, option), option.long!, blank];
    const { code, err } = await run(argv);
    expect(code).toBe(2);
    expect(err).toContain(option.long!);
    expect(err).toMatch(/^error: option '.*' (needs a value|argument '\s*' is invalid)/);
  }
});

const args = places.flatMap((place) =>
  place.command.registeredArguments.map(
    (argument) => [`${place.path.join(' ')} <${argument.name()}>`, place, argument] as const,
  ),
);

test.each(args)('%s', async (_name, place, argument) => {
  const { code, err } = await run([...place.path, ...argumentsOf(place, argument), ...requiredOf(place)]);
  // The parser refuses what is no choice first.
  const refused = argument.argChoices
    ? expect.stringContaining(`'' is invalid for argument '${argument.name()}'`)
    : `error: argument '${argument.name()}' is empty\n`;
  expect([code, err]).toEqual([2, refused]);
});

test.each(program.options.filter(isValued).map((option) => [option.long!]))('%s of the program', async (long) => {
  const { code, err } = await run([long, '', 'lists', 'show']);
  expect([code, err]).toEqual([2, expect.stringMatching(new RegExp(`^error: option '${long} .*' needs a value\n$`))]);
});
