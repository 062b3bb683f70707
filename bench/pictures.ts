/** Pictures that the benches make themselves, from the photographs of the sample list and the tests. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { PACKAGE_ROOT } from '../src/core/package-root.js';

const FOLDERS = ['hashlists/sample/pictures', 'test/fixtures/photographs'];

/** Full paths of the project's own photographs, in order of their names. */
export function photographs(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(PACKAGE_ROOT, folder))
      .filter((name) => /\.(jpg|webp|png)$/.test(name))
      .sort()
      .map((name) => join(PACKAGE_ROOT, folder, name)),
  );
}

/** JPEGs of 500×375 at quality 95: what an upload path sees most; about 100 kB each. */
export function uploads(count: number): Promise<Buffer[]> {
  const paths = photographs();
  return Promise.all(
    Array.from({ length: count }, (_, at) =>
      sharp(paths[at % paths.length]!)
        .resize(500, 375, { fit: 'cover', position: at < paths.length ? 'centre' : 'left top' })
        .jpeg({ quality: 95 })
        .toBuffer(),
    ),
  );
}
