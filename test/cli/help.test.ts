/** Help, manual page and completions are made of the commands as they are defined. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { CliContext } from '../../src/cli/context.js';
import { allOf, definitionOf } from '../../src/cli/definitions.js';
import { EXAMPLES } from '../../src/cli/examples.js';
import { createProgram, runCommandLine } from '../../src/cli/program.js';
import { orLeftOut } from '../support/left-out.js';

const DEFINITIONS = allOf(definitionOf(createProgram({ out() {}, err() {} } as unknown as CliContext)));
const LEAVES = DEFINITIONS.filter(({ commands }) => commands.length === 0);

/** Run a command that needs nothing but its output. */
async function printed(...argv: string[]): Promise<string> {
  let text = '';
  let code = 0;
  const cli = { out: (more: string) => (text += more), err() {}, env: {}, setExitCode: (to: number) => (code = to) };
  await runCommandLine(argv, cli as unknown as CliContext);
  expect(code).toBe(0);
  return text;
}

test('every command has an example, and no example is of another command', () => {
  expect(Object.keys(EXAMPLES).sort()).toEqual(LEAVES.map(({ path }) => path).sort());
});

test.each(Object.entries(EXAMPLES))('the examples of %s name its options, and fit a terminal', (path, examples) => {
  const { options } = LEAVES.find((each) => each.path === path)!;
  const known = new Set([...options, ...DEFINITIONS[0]!.options].map(({ name }) => name));
  for (const { command } of examples) {
    expect(command.length).toBeLessThanOrEqual(76);
    const ours = command.split(' | ').find((part) => part.includes('zeef'))!;
    for (const flag of ours.match(/(?<= )--?[a-z][\w-]*/g) ?? [])
      expect(known, `${flag} of ${command}`).toContain(flag);
    expect(command).toMatch(new RegExp(`zeef (--data-dir new )?${path}( |$|\\))`));
  }
});

test('--help has examples and -h has none; neither is wider than 80 columns', async () => {
  for (const { path } of DEFINITIONS) {
    const words = path.split(' ').filter((word) => word !== '');
    const [long, short] = [await printed(...words, '--help'), await printed(...words, '-h')];
    expect(short).not.toContain('Examples:');
    expect(long.includes('Examples:')).toBe(path in EXAMPLES);
    expect(long.startsWith(short)).toBe(true);
    for (const line of long.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  }
  expect(await printed('help', 'hash')).toBe(await printed('hash', '--help'));
});

test('help names a command by all its words, also behind options of the program', async () => {
  for (const path of LEAVES.map((each) => each.path.split(' ')).filter(({ length }) => length > 1)) {
    const help = await printed(...path, '--help');
    expect(await printed('help', ...path)).toBe(help);
    expect(await printed('--data-dir', 'x', 'help', ...path)).toBe(help);
  }
  let [err, code] = ['', 0];
  const cli = { out() {}, err: (text: string) => (err += text), env: {}, setExitCode: (to: number) => (code = to) };
  await runCommandLine(['help', 'lists', 'nonsense'], cli as unknown as CliContext);
  expect([code, err]).toEqual([2, "error: unknown command 'lists nonsense'\n"]);
});

const hasCommand = (name: string) => spawnSync(name, ['--version']).error === undefined;

const hasGroff = orLeftOut(hasCommand('groff'), 'no groff', 'tests of the manual page as it is shown');

test.runIf(hasGroff)('the manual page is without fault, and names every command and every option', async () => {
  const page = await printed('man');
  const shown = spawnSync('groff', ['-man', '-Tascii', '-ww', '-P-cbou'], { input: page, encoding: 'utf8' });
  expect(shown.stderr).toBe('');
  const text = shown.stdout.replaceAll(/-\n +/g, '-').replaceAll(/\s+/g, ' ');
  for (const { path, options } of LEAVES) {
    expect(text).toContain(`zeef ${path} `);
    for (const { usage } of options) expect(text, `${usage} of ${path}`).toContain(usage);
  }
});

/** What is typed, and what must and must not be offered for its last word. */
const TYPED: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['zeef ', ['serve', 'hits', 'completion'], ['list', '--json']],
  ['zeef li', ['lists'], ['scan']],
  ['zeef --config serve ', ['serve', 'lists'], ['--port']],
  ['zeef lists im', ['import'], ['show']],
  ['zeef lists import --list own --fo', ['--format'], ['--list']],
  ['zeef lists import --format ', ['csv', 'ncmec'], ['--list', 'serve']],
  ['zeef hits decide --status re', ['removed'], ['open']],
  ['zeef hits list --order ', ['due'], ['list']],
  ['zeef scan --no', ['--no-count'], ['--radius']],
  ['zeef completion --h', ['--help'], ['--version']],
];

/** Return the words that a shell offers. */
const OFFERS = {
  bash: (script: string, typed: string) => {
    const words = typed.split(' ');
    const run = `source '${script}'; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      _zeef; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['--norc', '-uc', run], { encoding: 'utf8' }).split('\n');
  },
  fish: (script: string, typed: string) =>
    execFileSync('fish', ['--no-config', '-c', `source '${script}'; complete -C '${typed}'`], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.split('\t')[0]!),
  // compadd is replaced: without an editor there is no list to read.
  zsh: (script: string, typed: string) => {
    const run = `compdef() {}; source '${script}'
      compadd() { shift; print -l -- "$@"; }
      _files() { :; }
      _describe() { local each; for each in "\${(@P)2}"; do print -r -- "\${each%%:*}"; done; }
      words=(${typed
        .split(' ')
        .map((word) => `'${word}'`)
        .join(' ')}); CURRENT=\${#words}; _zeef`;
    const cur = typed.split(' ').at(-1)!;
    return execFileSync('zsh', ['-fc', run], { encoding: 'utf8' })
      .split('\n')
      .filter((word) => word.startsWith(cur));
  },
};

describe.each(Object.entries(OFFERS))('completion in %s', (shell, offered) => {
  const has = orLeftOut(hasCommand(shell), `no ${shell}`, 'tests of its completion');
  test.runIf(has)('commands, options and choices are offered where they belong', async () => {
    const script = join(tempFolder('completion'), shell);
    writeFileSync(script, await printed('completion', shell));
    for (const [typed, wanted, unwanted] of TYPED) {
      const words = offered(script, typed);
      expect(words, typed).toEqual(expect.arrayContaining([...wanted]));
      for (const word of unwanted) expect(words, typed).not.toContain(word);
    }
  });
});
