/**
 * One pattern for names, with the meaning of a line in `.gitignore`, and `{a,b}` as in a shell. What would silently match
 * nothing, or everything else, is refused instead. Own code: the package `ignore` keeps every path that it tested, and a scan
 * has no bound on those; picomatch has other rules. The tests compare it with git.
 */
import { AppError } from '../../core/errors.js';

export interface NamePattern {
  readonly glob: string;
  /** Match letters of either case. */
  readonly anyCase: boolean;
}

/** One alternative of a pattern, after its braces are expanded. */
export interface ParsedPattern {
  /** Matches the last name, or the path below a root without a slash at its start. */
  readonly regex: RegExp;
  /** The pattern has a slash at its start or in its middle: it is matched from a root on, not at any depth. */
  readonly isAnchored: boolean;
  readonly isFolderOnly: boolean;
  /** The part of a pattern with a slash at its start that has no wildcards, as a path; null of any other pattern. */
  readonly base: string | null;
}

/** More alternatives are a mistake, and each costs a test a file. */
const ALTERNATIVES_MAX = 1_000;

const refused = (got: string, expected: string) => new AppError('REQUEST_INVALID', { field: 'pattern', got, expected });

/** Return the position after the bracket that closes a class, or -1. A bracket right at its start is one of its characters. */
function endOfClass(glob: string, open: number): number {
  let at = open + 1;
  if (glob[at] === '!' || glob[at] === '^') at++;
  for (let first = true; at < glob.length && glob[at] !== '/'; first = false, at++) {
    if (glob[at] === ']' && !first) return at + 1;
    if (glob[at] === '\\') at++;
  }
  return -1;
}

/** Return the alternatives of a group from its opening brace on, and its end; null where it has no comma or no end. */
function groupAt(glob: string, open: number): { readonly parts: string[]; readonly end: number } | null {
  const parts: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; at < glob.length; at++) {
    const character = glob[at]!;
    if (character === '\\') at++;
    else if (character === '{') depth++;
    else if ((character === '}' && depth === 1) || (character === ',' && depth === 1)) {
      parts.push(glob.slice(from, at));
      from = at + 1;
      if (character === '}') return parts.length > 1 ? { parts, end: from } : null;
    } else if (character === '}') depth--;
  }
  return null;
}

/** Return the patterns that a pattern with braces stands for. Errors REQUEST_INVALID. */
function expandBraces(glob: string): string[] {
  for (let at = 0; at < glob.length; at++) {
    if (glob[at] === '\\') at++;
    else if (glob[at] === '[') at = Math.max(at, endOfClass(glob, at) - 1);
    else if (glob[at] === '{') {
      const group = groupAt(glob, at);
      if (group === null) continue;
      const [before, after] = [glob.slice(0, at), glob.slice(group.end)];
      const all = group.parts.flatMap((part) => expandBraces(`${before}${part}${after}`));
      if (all.length > ALTERNATIVES_MAX) throw refused(glob, `at most ${ALTERNATIVES_MAX} alternatives`);
      return all;
    }
  }
  return [glob];
}

const escaped = (character: string) => character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
/** In a class the hyphen has a meaning, too. */
const classEscaped = (character: string) => (character === '-' ? '\\-' : escaped(character));

/** Return the class between two brackets as one of a regular expression. */
function classOf(glob: string, text: string): string {
  const isNegated = /^[!^]/.test(text);
  const characters = Array.from(isNegated ? text.slice(1) : text);
  const next = () => {
    const character = characters.shift()!;
    return character === '\\' ? characters.shift()! : character;
  };
  let inside = '';
  while (characters.length > 0) {
    if (characters[0] === '[' && characters[1] === ':')
      throw refused(glob, 'characters and ranges in brackets, no [:class:]');
    const low = next();
    if (characters[0] !== '-' || characters.length < 2) {
      inside += classEscaped(low);
      continue;
    }
    characters.shift();
    const high = next();
    if (high.codePointAt(0)! < low.codePointAt(0)!) throw refused(glob, 'ranges that rise, such as [a-z]');
    inside += `${classEscaped(low)}-${classEscaped(high)}`;
  }
  // A range may have the slash inside.
  return `(?!/)[${isNegated ? '^' : ''}${inside}]`;
}

/** Return the regular expression of one name of a pattern. Errors REQUEST_INVALID. */
function nameSource(glob: string, name: string): string {
  let source = '';
  for (let at = 0; at < name.length; ) {
    const character = String.fromCodePoint(name.codePointAt(at)!);
    at += character.length;
    if (character === '*') {
      // Several are as one: only a whole name of two stars has a meaning of its own.
      while (name[at] === '*') at++;
      source += '[^/]*';
    } else if (character === '?') source += '[^/]';
    else if (character === '[') {
      const end = endOfClass(name, at - 1);
      if (end === -1) throw refused(glob, 'a bracket that is closed; write \\[ for one in a name');
      source += classOf(glob, name.slice(at, end - 1));
      at = end;
    } else if (character === '\\') {
      const literal = String.fromCodePoint(name.codePointAt(at)!);
      at += literal.length;
      source += escaped(literal);
    } else source += escaped(character);
  }
  return source;
}

/** Return the regular expression of a path whose names are these patterns. */
function pathSource(glob: string, names: readonly string[]): string {
  const last = names.length - 1;
  return names
    .map((name, at) => {
      if (name === '**' && last > 0) return at === last ? '[^]+' : '(?:[^/]+/)*';
      return nameSource(glob, name) + (at === last ? '' : '/');
    })
    .join('');
}

const hasWildcard = (name: string) => /[*?[]/.test(name.replace(/\\./gu, ''));

/** Return the path that the names at the start of a pattern spell. */
function baseOf(names: readonly string[]): string {
  const end = names.findIndex(hasWildcard);
  return `/${names
    .slice(0, end === -1 ? names.length : end)
    .join('/')
    .replace(/\\(.)/gu, '$1')}`;
}

function parseAlternative({ glob, anyCase }: NamePattern, alternative: string): ParsedPattern {
  const isFolderOnly = alternative.endsWith('/');
  const whole = isFolderOnly ? alternative.slice(0, -1) : alternative;
  const isAnchored = whole.includes('/');
  const names = whole.replace(/^\.?\//, '').split('/');
  // Two and more names of two stars are as one, and cost less.
  const path = names.filter((name, at) => name !== '**' || names[at + 1] !== '**');
  if (
    names.some(
      (name) =>
        name === '' || name === '.' || name === '..' || (name.endsWith('\\') && !/(^|[^\\])(\\\\)+$/.test(name)),
    )
  )
    throw refused(glob, 'names between single slashes, without . and .. and a backslash at the end');
  const source = isAnchored ? pathSource(glob, path) : nameSource(glob, path[0]!);
  return {
    regex: new RegExp(`^${source}$`, anyCase ? 'iu' : 'u'),
    isAnchored,
    isFolderOnly,
    base: whole.startsWith('/') ? baseOf(names) : null,
  };
}

/** Return the alternatives of a pattern. Errors REQUEST_INVALID, with the form that is expected. */
export function parsePattern(pattern: NamePattern): readonly ParsedPattern[] {
  const { glob } = pattern;
  if (glob.startsWith('!')) throw refused(glob, 'no negation; write \\! for a name that begins with !');
  if (/(^|[^\\])(\\\\)*\s$/.test(glob))
    throw refused(glob, 'no space at the end; write a backslash before one that is of the name');
  return expandBraces(glob).map((alternative) => parseAlternative(pattern, alternative));
}
