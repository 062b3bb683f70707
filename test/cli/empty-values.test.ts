/** What a command refuses before it does anything: an empty value, and options that do not go together. */
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

/** What is refused, and the option that the line names. */
const REFUSED: readonly (readonly [line: string, names: string])[] = [
  ['scan . --rematch inventory', '--rematch'],
  ['scan /nowhere --rematch inventory --report hits.jsonl', '--rematch'],
  ...[
    '--resume x',
    '--files-from x',
    '--include x',
    '--exclude x',
    '--iinclude x',
    '--iexclude x',
    '--one-file-system',
    '--follow',
    '--frames 2',
    '--digest-all',
    '--archives',
    '--etags-only',
    '--retry-failed',
    '--list-others',
  ].map((option) => [`scan --rematch inventory ${option}`, option.split(' ')[0]!] as const),
  ['scan --rematch inventory --resume inventory --prune', '--resume'],
  ['scan . --null', '--null'],
  ['scan . --new-entries', '--new-entries'],
  ['scan --rematch inventory --new-entries --server http://localhost', '--new-entries'],
  ['scan . --prune', '--prune'],
  ['scan . --again', '--again'],
  ['scan . --forget', '--forget'],
  ['scan . --join all --forget', '--forget'],
  ['scan --join all --forget --report hits.jsonl', '--report'],
  ['scan --join all --forget --again', '--again'],
  ['scan . --quarantine-to x', '--quarantine-to'],
  ['scan . --on-match-arg x', '--on-match-arg'],
  ['scan . --key x', '--key'],
  ['scan . --radius 5 --radius 9', '--radius'],
  ['scan . --stall-seconds 1e2', '--stall-seconds'],
  ['scan . --max-load 0x1', '--max-load'],
  ['check x --digests md5', '--digests'],
  ['check x --frames 0x2', '--frames'],
  ['hash x --algorithm blockhash --orientations all', '--orientations'],
  ['--data-dir a --data-dir b lists show', '--data-dir'],
  ['lists import x.csv --list x --list y', '--list'],
  ['lists import x.csv --list x --bank FOO', '--bank'],
  ['lists import x --format ncmec --list x --bank FOO', '--bank'],
  ['lists import x.txt --list x --map value=HASH', '--map'],
  ['lists set sample', 'a setting'],
  ['lists set sample --json', 'a setting'],
  ['lists set sample --bank A --no-bank', '--no-bank'],
  ['lists set sample --no-bank --bank A', '--no-bank'],
  ['lists set sample --tenant a --shared', '--shared'],
  ['lists set sample --entry-days 1e2', '--entry-days'],
  ['lists set sample --sample 1e-2', '--sample'],
  ['lists source x --every 60', '--every'],
  ['lists source x --type ncmec', '--type'],
  ['lists source x --forget --every 60', '--forget'],
  ['lists rollback x --to 0x1', '--to'],
  ['lists export --plain', '--plain'],
  ['lists export --format jsonl', '--format'],
  ['lists export x', 'file'],
  ['lists feedback x --json --format csv', '--format'],
  ['report --period 2026 --from 2026-01-01', '--period'],
  ['report --to 2026-01-01 --period 2026', '--period'],
  ['hits list --last 5 --all', '--all'],
  ['hits list --last 1e1', '--last'],
  ['tenants set x --enable --disable', '--disable'],
  ['tenants set x --reference-url https://x/{reference} --no-reference-url', '--no-reference-url'],
  ['keys create --tenant x --scopes check check check', '--scopes'],
  ['keys create --tenant x --scopes check --scopes check', '--scopes'],
  ['keys create --tenant x --tenant y', '--tenant'],
  ['keys rotate x --grace 0x1', '--grace'],
  ['migrate --to postgres://a/b --to postgres://a/c', '--to'],
  ['migrate --to postgres://a/b --from', '--from'],
  ['webhooks add http://x/ --secret-env A --secret-env B', '--secret-env'],
  ['audit show --last 0x1', '--last'],
];

test.each(['0x1f', '1e2', ' 7', '7 ', '+7', '7.0', '-1'])('a radius of "%s" is none', async (radius) => {
  for (const argv of [
    ['check', 'x'],
    ['scan', '.'],
    ['lists', 'set', 'sample'],
  ]) {
    const { code, err } = await run([...argv, `--radius=${radius}`]);
    expect([code, err]).toEqual([2, expect.stringContaining('RADIUS_INVALID')]);
  }
});

test.each(REFUSED)('%s', async (line, names) => {
  const { code, err } = await run(line.split(' '));
  expect(code).toBe(2);
  expect(err).toContain(names);
  expect(err).toMatch(/^(zeef: REQUEST_INVALID|error): [^\n]+\n$/);
});

test.each([
  ['scan', 'photos/a\ufffd.jpg'],
  ['check', 'a\ufffd.jpg'],
  ['scan', '.', '--report', 'r\ufffd'],
])('a name that is not UTF-8 is refused: %s %s', async (...argv) => {
  const { code, err } = await run(argv);
  expect(code).toBe(2);
  expect(err).toMatch(/^zeef: REQUEST_INVALID: .*--files-from - --null/);
});
