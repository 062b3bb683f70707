/** Plain lists: one value a line, `algorithm value`, or a line of `md5sum` and its like, by GNU or BSD. */
import type { ParsedRow } from '../../core/parsed-row.js';
import { type Algorithm, VALUE_BYTES } from '../../core/vocabulary.js';
import { splitLines } from '../lines.js';
import { algorithmNamed, normalise, type RawFields } from '../normalise.js';
import type { ListSource } from '../source.js';

/** GNU coreutils: a backslash where the name is escaped, the digest, a space, a space or `*`, the name. */
const GNU_SUM = /^\\?([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}) [ *](\S.*)$/i;
/** BSD and `--tag`: `MD5 (name) = digest`. */
const BSD_SUM = /^\\?(MD5|SHA-?1|SHA-?256) ?\((.*)\) ?= ([0-9a-f]{32,64})$/i;

const DIGEST_OF_DIGITS: Readonly<Record<number, Algorithm>> = { 32: 'md5', 40: 'sha1', 64: 'sha256' };

/**
 * Return what a line of a file of sums says; null for another line. The name of the file is a note. `assumed`: what the caller says
 * that values are: tools of PDQ write such lines, too.
 */
function sumOf(line: string, assumed: Algorithm | undefined): RawFields | null {
  const gnu = GNU_SUM.exec(line);
  if (gnu) {
    const [, value = '', file = ''] = gnu;
    const isAssumed = assumed !== undefined && VALUE_BYTES[assumed] * 2 === value.length;
    return { value, algorithm: isAssumed ? assumed : DIGEST_OF_DIGITS[value.length], notes: { file } };
  }
  const bsd = BSD_SUM.exec(line);
  return bsd ? { value: bsd[3]!, algorithm: bsd[1]!.replace('-', ''), notes: { file: bsd[2]! } } : null;
}

/** Parse one value a line, `algorithm value`, or sums; blank lines and lines that begin with # are ignored. */
export async function* parsePlain({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  for await (const { number, text } of splitLines(bytes)) {
    if (text === null) {
      yield { ok: false, line: number, reason: 'line_too_long' };
      continue;
    }
    const words = text.trim().split(/\s+/);
    if (words[0] === '' || words[0]!.startsWith('#')) continue;
    const sum = words.length > 1 ? sumOf(text.trimEnd(), options.assumed) : null;
    yield normalise(sum ?? fieldsOf(text.trim(), words), number, options);
  }
}

/** A value alone, or behind the name of its algorithm. It may have spaces: PhotoDNA as numbers. */
function fieldsOf(line: string, words: readonly string[]): RawFields {
  const [first = '', second = ''] = words;
  // Most lines of most lists.
  if (words.length === 1) return { value: line };
  if (words.length === 2) return { value: second, algorithm: first };
  if (algorithmNamed(first) === null) return { value: line };
  return { value: line.slice(first.length), algorithm: first };
}
