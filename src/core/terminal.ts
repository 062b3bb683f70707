/**
 * Text from outside on a terminal: characters that could control it, or reorder what a reader sees, are escaped as in JSON, so that
 * JSON lines stay valid and keep their meaning.
 */

/** Control characters but newline and tab, line separators, and those of bidirectional text and of invisible tags. */
const HOSTILE = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;

/** Escape the characters of a text that could control a terminal; newline and tab stay. */
export function terminalText(text: string): string {
  return text.replace(HOSTILE, (found) =>
    Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
}

/** Escape a text that is one field of a line: with its newlines and tabs, so that it cannot pass for a line or a column of its own. */
export function terminalField(text: string): string {
  return terminalText(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}
