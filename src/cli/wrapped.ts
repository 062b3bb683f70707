/** Text in the columns of a terminal. */

/** Of the narrowest terminal that is usual; also where there is none. */
export const LINE_COLUMNS = 80;

/** Beyond the scripts of two columns, what some terminals show in one. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u2e80-\u303f\uff01-\uff60\uffe0-\uffe6]/u;
/** Marks on the character before, but for the selector that may widen it, and joiners. */
const NO_WIDTH = /(?!\ufe0f)[\p{Mn}\p{Me}\u200b-\u200d\u2060]/u;

const columnsOfOne = (char: string) => (NO_WIDTH.test(char) ? 0 : WIDE.test(char) ? 2 : 1);

/** Return the columns that a text needs, at most. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) columns += columnsOfOne(char);
  return columns;
}

/** Break a text into pieces of at most `columns`: between words, or within one that is longer. At least one piece. */
export function piecesOf(text: string, columns: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  let used = 0;
  for (const char of text) {
    const width = columnsOfOne(char);
    if (used + width > columns && piece !== '') {
      const end = char === ' ' ? piece.length : piece.lastIndexOf(' ');
      const isBetween = end > 0;
      pieces.push((isBetween ? piece.slice(0, end) : piece).trimEnd());
      piece = isBetween ? piece.slice(end).trimStart() : '';
      used = columnsOf(piece);
      if (char === ' ' && piece === '') continue;
    }
    piece += char;
    used += width;
  }
  return [...pieces, piece];
}

/** Break the lines that are longer than a terminal; later pieces are indented as their line. `columns` null: no terminal. */
export function fitted(text: string, columns: number | null): string {
  if (columns === null) return text;
  return text
    .split('\n')
    .map((line) => {
      const indent = /^ */.exec(line)![0];
      return piecesOf(line.trimStart(), Math.max(1, columns - indent.length))
        .map((piece) => (piece === '' ? '' : `${indent}${piece}`))
        .join('\n');
    })
    .join('\n');
}

/** Return a head and a text as lines that are no longer than `LINE_COLUMNS`; later lines begin below the text. A word is never cut. */
export function wrapped(head: string, text: string): string {
  const lines: string[] = [];
  let line = head;
  for (const word of text.split(' ')) {
    const isFirst = line === head || line.trim() === '';
    const next = isFirst ? `${line}${word}` : `${line} ${word}`;
    if (next.length > LINE_COLUMNS && !isFirst) {
      lines.push(line);
      line = `${' '.repeat(head.length)}${word}`;
    } else line = next;
  }
  return `${[...lines, line].map((one) => one.trimEnd()).join('\n')}\n`;
}
