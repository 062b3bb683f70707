/** Loads packages where they are first used: each takes some milliseconds of the start of every command, and few commands need it. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Return a function that loads the CommonJS form of a package with its first call. */
export function lazily<Package>(name: string): () => Package {
  let loaded: Package | undefined;
  return () => {
    loaded ??= require(name) as Package;
    return loaded;
  };
}
