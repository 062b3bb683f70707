/**
 * Root folder of the package, to find built artefacts (WASM, child-process entries)
 * from `src/` (tests) as well as from `dist/src/`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('package.json of zeef not found in a parent folder');
    folder = parent;
  }
  return folder;
}

export const PACKAGE_ROOT = findRoot();
export const PACKAGE_VERSION: string = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')).version;

/** Images of the bundled sample list. */
export const SAMPLE_IMAGES = join(PACKAGE_ROOT, 'hashlists', 'sample', 'pictures');

/** Return the path of a file that `npm run build` makes. `path`: inside `dist/`. */
export function artefact(...path: string[]): string {
  return join(PACKAGE_ROOT, 'dist', ...path);
}
