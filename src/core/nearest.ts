/** Names that a caller may have meant: what is refused by its name says the nearest known one. */

/** A name with more than two faults in five letters was not meant. */
const FAULTS_PER_LETTER_MAX = 0.4;
/** Longer names are not compared: the time grows with the square of their length. */
const COMPARED_CHARACTERS_MAX = 64;

/**
 * Return the number of faults between two words: a letter too many, too few, wrong, or two letters swapped.
 * Source  optimal string alignment: Boytsov, Indexing methods for approximate dictionary searching, 2011, section 2.
 */
function faultsBetween(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1])
        least = Math.min(least, beforeLast[j - 2]! + 1);
      row.push(least);
    }
    [beforeLast, last] = [last, row];
  }
  return last[other.length]!;
}

/** Letters and digits in lower case: `data-dir`, `dataDir` and `DATA_DIR` are one name. */
const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Return the known name that `name` is most likely a misspelling of; undefined where none is near. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  const asked = plain(name);
  if (asked === '' || asked.length > COMPARED_CHARACTERS_MAX) return undefined;
  let nearest: { readonly name: string; readonly faults: number } | undefined;
  for (const each of known) {
    const word = plain(each);
    // `list` is meant for `lists`, and `ref` for `reference`: the beginning of a name is no fault.
    const faultsMax = Math.max(asked.length, word.length) * FAULTS_PER_LETTER_MAX;
    const isBegun = asked.length > 2 && word.startsWith(asked);
    // Each letter too many is a fault. A batch may have a million unknown names.
    if (!isBegun && Math.abs(asked.length - word.length) > faultsMax) continue;
    const faults = isBegun ? 0.5 : faultsBetween(asked, word);
    if (faults <= faultsMax && faults < (nearest?.faults ?? Number.POSITIVE_INFINITY)) nearest = { name: each, faults };
  }
  return nearest?.name;
}

/** Return what an error says of an unknown name: the known ones, and the nearest. */
export function knownNames(name: string, known: readonly string[]): { expected: string; nearest?: string } {
  const nearest = nearestOf(name, known);
  const expected = known.length > 0 ? `one of ${known.join(' ')}` : 'none';
  return nearest === undefined ? { expected } : { expected, nearest };
}
