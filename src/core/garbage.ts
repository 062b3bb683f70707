/**
 * Forced garbage collection. V8 does not count shared WebAssembly memory, so dropping the last reference to gigabytes does
 * not trigger a collection. Called, rarely, after large drops; takes some 10 ms.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

export function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
