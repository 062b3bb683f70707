/** Names of the entries of one archive, each used once: two entries of one name are two files. */
import type { PathBytes } from '../../core/path-bytes.js';

export class UniqueNames {
  readonly #used = new Set<PathBytes>();
  /** Name → the last number that was appended to it. */
  readonly #numbers = new Map<PathBytes, number>();

  /** Return the name, or the first of `NAME+`, `NAME+3`, `NAME+4` and so on that is free. An archive may have one name 100,000 times. */
  of(name: PathBytes): PathBytes {
    let unique = name;
    let number = this.#numbers.get(name) ?? 1;
    while (this.#used.has(unique)) unique = ++number === 2 ? `${name}+` : `${name}+${number}`;
    if (number > 1) this.#numbers.set(name, number);
    this.#used.add(unique);
    return unique;
  }
}
