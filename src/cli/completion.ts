/** `zeef completion SHELL`: a script that completes commands, options and their choices; files where a file may stand. */
import { Argument, type Command } from 'commander';
import type { CliContext } from './context.js';
import { allOf, type CommandDefinition, definitionOf } from './definitions.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** In single quotes, for any of the three shells: texts of the definitions have no backslash. */
const quoted = (text: string) => `'${text.replaceAll("'", '’')}'`;
/** A help text in one line. */
const shortOf = (text: string) => text.split(/[.;:]\s/)[0]!;
/** In zsh a colon ends the word that is completed. */
const pairOf = (word: string, says: string) => quoted(`${word.replaceAll(':', '\\:')}:${shortOf(says)}`);

const wordsOf = ({ commands }: CommandDefinition) => commands.map(({ path }) => path.split(' ').at(-1)!);
const HELP = { name: '--help', says: 'show help with examples' };

/** Lines that set the variable `at` to the path of the command before the word that is completed. */
function pathCases(all: readonly CommandDefinition[]): { readonly paths: string; readonly valued: string } {
  const [program] = all;
  return {
    paths: all
      .filter(({ path }) => path !== '')
      .map(({ path }) => quoted(` ${path}`))
      .join('|'),
    valued: program!.options
      .filter(({ takesValue }) => takesValue)
      .map(({ name }) => name)
      .join('|'),
  };
}

/** Lines of a case for each option with a value: its choices, or what `none` says. */
function valueCases(
  all: readonly CommandDefinition[],
  choose: (choices: readonly string[]) => string,
  none: string,
): string {
  const chosen = all.flatMap(({ path, options }) =>
    options
      .filter(({ choices }) => choices.length > 0)
      .map(({ name, choices }) => `    ${quoted(`${path && ` ${path}`}|${name}`)}) ${choose(choices)}; return ;;\n`),
  );
  const others = new Set(all.flatMap(({ options }) => options.filter((one) => one.takesValue).map(({ name }) => name)));
  return `${chosen.join('')}    ${[...others].map((name) => `*"|${name}"`).join('|')}) ${none}; return ;;\n`;
}

function bashScript(all: readonly CommandDefinition[]): string {
  const { paths, valued } = pathCases(all);
  const words = all.map((each) => {
    const options = [...each.options, HELP].map(({ name }) => name).join(' ');
    return `    ${quoted(each.path && ` ${each.path}`)}) words=${quoted(wordsOf(each).join(' '))}; options=${quoted(options)} ;;\n`;
  });
  return `# Completion of zeef in bash: source <(zeef completion bash)
_zeef() {
  local at='' i=1 word words='' options=''
  local cur="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  while [ "$i" -lt "$COMP_CWORD" ]; do
    word="\${COMP_WORDS[i]}"
    case "$word" in
      ${valued}) i=$((i + 1)) ;;
      *) case "$at $word" in ${paths}) at="$at $word" ;; esac ;;
    esac
    i=$((i + 1))
  done
  case "$at|$before" in
${valueCases(all, (choices) => `COMPREPLY=($(compgen -W ${quoted(choices.join(' '))} -- "$cur"))`, ':')}  esac
  case "$at" in
${words.join('')}  esac
  case "$cur" in
    -*) words="$options" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _zeef zeef
`;
}

function zshScript(all: readonly CommandDefinition[]): string {
  const { paths, valued } = pathCases(all);
  const words = all.map((each) => {
    const commands = wordsOf(each).map((word, at) => pairOf(word, each.commands[at]!.says));
    const options = [...each.options, HELP].map(({ name, says }) => pairOf(name, says));
    return `    ${quoted(each.path && ` ${each.path}`)})\n      found=(${commands.join(' ')})\n      options=(${options.join(' ')}) ;;\n`;
  });
  return `#compdef zeef
# Completion of zeef in zsh: source <(zeef completion zsh), after compinit; or as a file _zeef in a folder of $fpath.
_zeef() {
  local at='' word
  local -i i=2
  local -a found options
  while (( i < CURRENT )); do
    word="\${words[i]}"
    case "$word" in
      ${valued}) i=$((i + 1)) ;;
      *) case "$at $word" in ${paths}) at="$at $word" ;; esac ;;
    esac
    i=$((i + 1))
  done
  case "$at|\${words[CURRENT-1]}" in
${valueCases(all, (choices) => `compadd -- ${choices.map(quoted).join(' ')}`, '_files')}  esac
  case "$at" in
${words.join('')}  esac
  case "\${words[CURRENT]}" in
    -*) _describe option options -o; return ;;
  esac
  if (( \${#found} )); then _describe command found; else _files; fi
}
if [ "$funcstack[1]" = _zeef ]; then _zeef; else compdef _zeef zeef; fi
`;
}

function fishScript(all: readonly CommandDefinition[]): string {
  const { paths, valued } = pathCases(all);
  const lines = all.flatMap((each) => {
    const here = `complete -c zeef -n ${quoted(`__zeef_is "${each.path && ` ${each.path}`}"`)}`;
    const commands = wordsOf(each).map(
      (word, at) => `${here} -f -a ${word} -d ${quoted(shortOf(each.commands[at]!.says))}\n`,
    );
    const options = each.options.map(({ name, says, takesValue, choices }) => {
      const value = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : takesValue ? ' -r -F' : '';
      return `${here} -l ${name.slice(2)}${value} -d ${quoted(shortOf(says))}\n`;
    });
    return [...commands, ...options];
  });
  return `# Completion of zeef in fish: zeef completion fish | source
function __zeef_is
  set -l at ''
  set -l skips 0
  for word in (commandline -opc)[2..-1]
    if test $skips = 1
      set skips 0
      continue
    end
    switch $word
      case ${valued.replaceAll('|', ' ')}
        set skips 1
      case '*'
        if contains -- "$at $word" ${paths.replaceAll('|', ' ')}
          set at "$at $word"
        end
    end
  end
  test "$at" = "$argv[1]"
end
complete -c zeef -l help -d ${quoted(HELP.says)}
${lines.join('')}`;
}

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Add `zeef completion` to `program`. */
export function addCompletionCommand(program: Command, cli: CliContext): void {
  program
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>').choices([...SHELLS]))
    .action((shell: (typeof SHELLS)[number]) => cli.out(SCRIPTS[shell](allOf(definitionOf(program)))));
}
