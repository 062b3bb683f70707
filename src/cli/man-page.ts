/** `zeef man`: the manual page of all commands, in the macros of man(7). */
import type { Command } from 'commander';
import { PACKAGE_VERSION } from '../core/package-root.js';
import type { CliContext } from './context.js';
import { allOf, type CommandDefinition, definitionOf } from './definitions.js';
import { EXAMPLES } from './examples.js';

/** A line of text for roff: no macro, hyphens as they are typed, only characters that every device has. */
function roff(text: string): string {
  const plain = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[^\n -~]/gu, (letter) => `\\[u${letter.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`);
  return /^[.']/.test(plain) ? `\\&${plain}` : plain;
}

const item = (head: string, text: string) => `.TP\n.B ${roff(head)}\n${roff(text)}\n`;

function commandText({ path, usage, says, args, options }: CommandDefinition): string {
  const named = args.filter((one) => one.says !== '').map((one) => item(one.name, one.says));
  const examples =
    EXAMPLES[path]?.map(({ command, does }) => `.PP\n${roff(does)}:\n.PP\n.RS 4\n.EX\n${roff(command)}\n.EE\n.RE\n`) ??
    [];
  return [
    `.SS ${roff(usage.replace(' [options]', ''))}\n${roff(says)}.\n`,
    ...named,
    ...options.map((option) => item(option.usage, option.says)),
    ...examples,
  ].join('');
}

function manPage(program: CommandDefinition): string {
  const leaves = allOf(program).filter(({ path, commands }) => path !== '' && commands.length === 0);
  return `.TH ZEEF 1 "" "zeef ${PACKAGE_VERSION}" "Zeef"
.SH NAME
zeef \\- find known images among many, by perceptual hashes and digests
.SH SYNOPSIS
.B zeef
.RI [ options ]
.I command
.RI [ arguments ]
.SH DESCRIPTION
${roff(program.says)}
.SH OPTIONS
Before the command:
${program.options.map(({ usage, says }) => item(usage, says)).join('')}.SH COMMANDS
${leaves.map(commandText).join('')}.SH EXIT STATUS
${item('0', 'done; of a check or a scan: nothing matched')}${item('1', 'of a check or a scan: something matched; of zeef health: no')}${item('2', 'an error, or something could not be checked')}${item('130', 'stopped by a signal')}.SH ENVIRONMENT
Every setting is a variable whose name begins with ZEEF_:
.B zeef config show
prints all of them with their values, docs/configuration.md explains them.
`;
}

/** Add `zeef man` to `program`. */
export function addManCommand(program: Command, cli: CliContext): void {
  program
    .command('man')
    .description('print the manual page: zeef man | man -l -')
    .action(() => cli.out(manPage(definitionOf(program))));
}
