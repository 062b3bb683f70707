/**
 * Forced garbage collections, and the size of the space for new objects. V8 does not count shared WebAssembly memory, so dropping
 * the last reference to gigabytes does not trigger a collection: one is forced, rarely, after large drops, and takes some 10 ms.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Megabytes of one half of the space for new objects where much is made and soon dropped, as in an import: half of the default
 * takes no more time, and forty megabytes less.
 */
const SEMI_SPACE_MB = 8;
/** For a thread: both halves, and as much for what survives. */
export const YOUNG_GENERATION_MB = 3 * SEMI_SPACE_MB;

/** Keep the space for new objects small, in this process. Before it starts threads. */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE_MB}`);
}

let collect: (() => void) | undefined;

export function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
