/** Quoting for a POSIX shell. */

/** Quote `text` in single quotes, inside which only the quote itself is special. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Return `text`, quoted if a shell would interpret any of its characters. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : shellQuoted(text);
}
