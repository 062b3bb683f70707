/** Commands and options on the pages exist, and all of them are documented. */
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { SUITES } from '../../bench/main.js';
import type { CliContext } from '../../src/cli/context.js';
import { createProgram } from '../../src/cli/program.js';
import { codeSpansOf, PAGES, pageText } from './blocks.js';

// No command is run, so nothing of the context is used.
const program = createProgram({ out() {}, err() {} } as unknown as CliContext);

function leavesOf(command: Command, path: readonly string[]): { path: readonly string[]; command: Command }[] {
  if (command.commands.length === 0) return [{ path, command }];
  return command.commands.flatMap((each) => leavesOf(each, [...path, each.name()]));
}
const LEAVES = leavesOf(program, ['zeef']);

const flagsOf = (command: Command) => command.options.map(({ long }) => long!);
const GLOBAL_FLAGS = [...flagsOf(program), '--help'];

/** `zeef lists import FILES... --list NAME [--add]`. */
function usageOf(path: readonly string[], command: Command): string {
  const args = command.registeredArguments.map((argument) => {
    const name = `${argument.name().toUpperCase()}${argument.variadic ? '...' : ''}`;
    return argument.required ? name : `[${name}]`;
  });
  const options = command.options.map(({ long, flags, mandatory }) => {
    const [, open, value] = /([<[])(.+)[>\]]/.exec(flags) ?? [];
    const named = open === '[' ? `[${value!.toUpperCase()}]` : value?.toUpperCase();
    const usage = `${long}${named === undefined ? '' : ` ${named}`}`;
    return mandatory ? usage : `[${usage}]`;
  });
  return [...path, ...args, ...options].join(' ');
}

test('docs/cli.md lists exactly the existing commands, with all arguments and options', () => {
  const rows = [...pageText('docs/cli.md').matchAll(/^\| `(zeef [^`]+)` \|/gm)].map(([, usage]) => usage);
  const usages = LEAVES.map(({ path, command }) =>
    // The options of scan have a page of their own.
    command.name() === 'scan' ? 'zeef scan [PATHS...] [OPTIONS]' : usageOf(path, command),
  );
  expect(rows.sort()).toEqual(usages.sort());
});

test('docs/cli.md lists the global options', () => {
  const [, named] = /Before the command: (.*?)\.\n/s.exec(pageText('docs/cli.md'))!;
  const globals = flagsOf(program).filter((flag) => flag !== '--version');
  expect(named!.match(/--[\w-]+/g)).toEqual(globals);
});

test('docs/scan.md names every option of zeef scan, and no other', () => {
  const { command } = LEAVES.find(({ path }) => path.at(-1) === 'scan')!;
  const named = new Set(
    codeSpansOf(pageText('docs/scan.md')).flatMap((span) => span.match(/(?<![\w-])--[a-z][\w-]*/g) ?? []),
  );
  for (const flag of GLOBAL_FLAGS) named.delete(flag);
  expect([...named].sort()).toEqual(flagsOf(command).sort());
});

test.each(['docs/cli.md', 'bench/README.md'])('%s names every suite of zeef bench', (page) => {
  const text = pageText(page);
  const [, row] = /^\| `zeef bench .*?` \| ([^|;]*)/m.exec(text) ?? [];
  const named = row?.trim().split(', ') ?? [...text.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, suite]) => suite);
  expect(named.sort()).toEqual([...SUITES].sort());
});

/** Return why a command is wrong as a page has it, or null. */
function wrongWith(span: string): string | null {
  const words = span.replace(/[[\]]/g, '').split(' ');
  let command = program;
  let at = words.indexOf('zeef') + 1;
  const next = () => command.commands.find((each) => each.name() === words[at]);
  while (next()) {
    command = next()!;
    at++;
  }
  const rest = words.slice(at);
  if (command.commands.length > 0 && rest.length > 0 && !rest[0]!.startsWith('-')) return `no command ${rest[0]}`;
  const flags = rest.filter((word) => word.startsWith('--')).map((word) => word.replace(/[=,].*$/, ''));
  const unknown = flags.find((flag) => ![...flagsOf(command), ...GLOBAL_FLAGS].includes(flag));
  return unknown === undefined ? null : `${command.name()} has no ${unknown}`;
}

/** Text that only looks like a command: the prefix in the hash of an audit row. */
const NOT_A_COMMAND = 'zeef audit 1';

describe('in running text', () => {
  test('a mistake is found', () => {
    expect(wrongWith('zeef finds')).toBe('no command finds');
    expect(wrongWith('zeef lists set NAME --radios 3')).toBe('set has no --radios');
    expect(wrongWith('npx zeef lists disable NAME --entry ID')).toBeNull();
  });

  test.each(PAGES)('%s names existing commands and options', (page) => {
    const spans = codeSpansOf(pageText(page));
    const wrong = spans
      .filter((span) => /^(npx )?zeef /.test(span) && span !== NOT_A_COMMAND)
      .flatMap((span) => wrongWith(span) ?? [])
      .concat(
        spans
          .flatMap((span) => /^--[a-z][\w-]*/.exec(span)?.[0] ?? [])
          .filter((flag) => ![GLOBAL_FLAGS, ...LEAVES.map(({ command }) => flagsOf(command))].flat().includes(flag)),
      );
    expect(wrong).toEqual([]);
  });
});
