/**
 * Where the package lies, so that built artefacts (WASM, child-process entries) are found
 * whether this file runs from `src/` (tests) or from `dist/src/`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('package.json of zeef not found above its own code');
    folder = parent;
  }
  return folder;
}

export const PACKAGE_ROOT = findRoot();
export const PACKAGE_VERSION: string = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')).version;

/** A file that `npm run build` makes, by its path inside `dist/`. */
export function artefact(...path: string[]): string {
  return join(PACKAGE_ROOT, 'dist', ...path);
}
