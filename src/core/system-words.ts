/** What the operating system says of a failure, in its own words: `ENOENT: no such file or directory`. */
import { getSystemErrorMap } from 'node:util';

const WORDS: ReadonlyMap<string, string> = new Map(
  [...getSystemErrorMap().values()].map(([code, says]) => [code, says]),
);

/** Return the code and the words of a system's error; of another error, its message. */
export function systemWords(error: unknown): string {
  const { code, message = String(error) } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const says = code === undefined ? undefined : WORDS.get(code);
  return says === undefined ? message : `${code}: ${says}`;
}
