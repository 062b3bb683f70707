/**
 * Gives memory back that V8 does not know of: it counts no shared WebAssembly memory, so dropping the last reference to
 * gigabytes is no reason for it to look. Called where a lot was dropped, which is seldom; it takes some 10 ms.
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
