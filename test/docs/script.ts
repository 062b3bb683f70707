/**
 * A block of commands as a script for `sh -eu`. A command is to exit with 0, or with what a comment at its end says:
 * `zeef check image.jpg   # exit 1: it matched`.
 */

/** State of the shell after a block, for the next block of the page: both are typed into one shell. */
export interface ShellState {
  readonly folder: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly exported: readonly string[];
}

const EXIT_COMMENT = /\s#.*?\bexit (\d+)\b/;
const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_]\w*)=/gm;
const EXPORT = /^\s*export\s+(\w+)/gm;
/** Exit code of the script itself, where a command's exit code is not the documented one. */
const UNEXPECTED = 99;

/** Lines of one command: those that a backslash joins. */
function commandsOf(text: string): string[] {
  return text.trimEnd().split(/(?<!\\)\n/);
}

function checked(command: string): string {
  const code = EXIT_COMMENT.exec(command)?.[1];
  if (code === undefined) return command;
  const complaint = `echo "exit code $exit_code; the page says ${code}" >&2`;
  return `set +e\n${command}\nexit_code=$?; set -e\n[ $exit_code = ${code} ] || { ${complaint}; exit ${UNEXPECTED}; }`;
}

const quoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;

/** Return the script of a block. `stateFile`: where it writes what `stateAfter` reads. */
export function scriptOf(text: string, before: ShellState, stateFile: string): string {
  const names = namesOf(text, before);
  return [
    `cd ${quoted(before.folder)}`,
    ...Object.entries(before.variables).map(([name, value]) => `${name}=${quoted(value)}`),
    ...before.exported.map((name) => `export ${name}`),
    ...commandsOf(text).map(checked),
    // A variable that is not set is an empty piece; one that is set begins with an equals sign.
    `printf '%s\\0' "$PWD" ${names.map((name) => `"\${${name}+=$${name}}"`).join(' ')} > ${quoted(stateFile)}`,
  ].join('\n');
}

export function stateAfter(text: string, before: ShellState, written: string): ShellState {
  const [folder, ...values] = written.split('\0');
  const variables: Record<string, string> = {};
  namesOf(text, before).forEach((name, at) => {
    const value = values[at]!;
    if (value !== '') variables[name] = value.slice(1);
  });
  const exported = [...text.matchAll(EXPORT)].map(([, name]) => name!);
  return { folder: folder!, variables, exported: [...new Set([...before.exported, ...exported])] };
}

function namesOf(text: string, before: ShellState): string[] {
  return [...new Set([...Object.keys(before.variables), ...[...text.matchAll(ASSIGNMENT)].map(([, name]) => name!)])];
}

/** Return whether a block needs a terminal of its own: its last command serves until it is stopped. */
export function isServing(text: string): boolean {
  return /(^|&&|\s)(npm start|zeef\b[^|;]*\sserve)(\s|$)/.test(
    commandsOf(text)
      .at(-1)!
      .replace(/\s#.*$/, ''),
  );
}
