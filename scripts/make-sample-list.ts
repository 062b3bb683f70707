/** Makes hashlists/sample/sample.csv from hashlists/sample/pictures by `npm run sample`; a test compares them. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../src/config/defaults.js';
import { formatHash256 } from '../src/core/hash256.js';
import { PACKAGE_ROOT } from '../src/core/package-root.js';
import { DIGEST_ALGORITHMS } from '../src/core/vocabulary.js';
import { createDecoder } from '../src/decode/decode.js';
import { computeDigests } from '../src/kernels/digests.js';
import { loadPdqHasher } from '../src/kernels/pdq-wasm.js';

const FOLDER = join(PACKAGE_ROOT, 'hashlists', 'sample');
const HEADER = 'entryId,algorithm,value,category,source,mediaType,quality';

/** Return the text of the sample list: for each image its digests, and its PDQ hash in both families. */
export async function sampleList(): Promise<string> {
  const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
  const hasher = loadPdqHasher();
  const lines = [HEADER];
  const pictures = readdirSync(join(FOLDER, 'pictures')).filter((name) => /\.(jpg|webp|png)$/.test(name));
  for (const name of pictures.sort()) {
    const bytes = readFileSync(join(FOLDER, 'pictures', name));
    const { format, raster } = await decoder.decode(bytes);
    const id = name.replace(/\.\w+$/, '');
    const line = (algorithm: string, value: string, suffix: string, quality: string) =>
      lines.push([`${id}${suffix}`, algorithm, value, 'sample', 'sample', `image/${format}`, quality].join(','));
    for (const [algorithm, digest] of Object.entries(computeDigests(bytes, DIGEST_ALGORITHMS)))
      line(algorithm, digest, '', '');
    const { families } = hasher.hash(raster, { orientations: 'none', families: 'both' });
    for (const { family, quality, hashes } of families.filter(({ family: name }) => name !== 'symmetric')) {
      line('pdq', formatHash256(hashes[0]!), family === 'full' ? '-full' : '', String(quality));
    }
  }
  return `${lines.join('\n')}\n`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(join(FOLDER, 'sample.csv'), await sampleList());
}
