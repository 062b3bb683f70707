/** Plain lists: one value a line, or `algorithm value`. */
import type { ParsedRow } from '../../core/parsed-row.js';
import { splitLines } from '../lines.js';
import { normalise } from '../normalise.js';
import type { ListSource } from '../source.js';

/** Parse one value a line, or `algorithm value`; blank lines and lines that begin with # are ignored. */
export async function* parsePlain({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  for await (const { number, text } of splitLines(bytes)) {
    if (text === null) {
      yield { ok: false, line: number, reason: 'line_too_long' };
      continue;
    }
    const words = text.trim().split(/\s+/);
    if (words[0] === '' || words[0]!.startsWith('#')) continue;
    if (words.length > 2) yield { ok: false, line: number, reason: 'malformed' };
    else
      yield normalise({ value: words.at(-1)!, algorithm: words.length === 2 ? words[0] : undefined }, number, options);
  }
}
