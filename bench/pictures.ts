/** Images for benches, made from the photographs of the sample list and the tests. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { PACKAGE_ROOT } from '../src/core/package-root.js';

const FOLDERS = ['hashlists/sample/pictures', 'test/fixtures/photographs'];

/** Return the full paths of the project's own photographs, sorted by name. */
export function photographs(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(PACKAGE_ROOT, folder))
      .filter((name) => /\.(jpg|webp|png)$/.test(name))
      .sort()
      .map((name) => join(PACKAGE_ROOT, folder, name)),
  );
}

/** A typical upload, as in published benchmarks. */
const UPLOAD = { width: 500, height: 375, bytes: 100_000, qualities: [90, 92, 94, 95, 96, 97, 98, 99] };

/** Make JPEGs of 500×375, each with the quality of at least 90 whose size is nearest to 100 kB. */
export function uploads(count: number): Promise<Buffer[]> {
  const paths = photographs();
  return Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const position = at < paths.length ? 'centre' : 'left top';
      const pixels = await sharp(paths[at % paths.length]!)
        .resize(UPLOAD.width, UPLOAD.height, { fit: 'cover', position })
        .removeAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      let nearest = Buffer.alloc(0);
      for (const quality of UPLOAD.qualities) {
        const file = await sharp(pixels.data, { raw: pixels.info }).jpeg({ quality }).toBuffer();
        if (Math.abs(file.length - UPLOAD.bytes) < Math.abs(nearest.length - UPLOAD.bytes)) nearest = file;
      }
      return nearest;
    }),
  );
}
