/**
 * Makes hashlists/canary.txt: PDQ hashes of harmless images, which a list of harmful ones must therefore not match:
 * generated icons of plain shapes, gradients, templates of offices and screens (`canary/`), and photographs of the tests'
 * fixtures. Beside it hashlists/canary-shows.txt: what each shows, line by line. `npm run canary`; a test compares the files
 * with this output.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { pathToFileURL } from 'node:url';
import { seeded } from '../bench/pdq-like.js';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../src/config/defaults.js';
import { formatHash256 } from '../src/core/hash256.js';
import { PACKAGE_ROOT } from '../src/core/package-root.js';
import type { Raster } from '../src/core/vocabulary.js';
import { createDecoder } from '../src/decode/decode.js';
import { loadPdqHasher } from '../src/kernels/pdq-wasm.js';
import { templateCanaries } from './canary/template-canaries.js';

const ICONS = 2_000;
const GRADIENTS = 1_000;
const SIDE = 96;

type Shade = (x: number, y: number) => number;

function raster(shade: Shade): Raster {
  const data = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) for (let x = 0; x < SIDE; x++) data[y * SIDE + x] = shade(x / SIDE, y / SIDE);
  return { width: SIDE, height: SIDE, channels: 1, data };
}

/** Draw one to five discs, bars or rings on a uniform background. */
function icon(random: () => number): Raster {
  const ground = random() * 255;
  const shapes = Array.from({ length: 1 + Math.floor(random() * 5) }, () => {
    const [x, y, size, grey, kind] = [
      random(),
      random(),
      0.08 + random() * 0.35,
      random() * 255,
      Math.floor(random() * 3),
    ];
    const covers: Shade = (px, py) => {
      const [dx, dy] = [Math.abs(px - x), Math.abs(py - y)];
      const distance = Math.hypot(dx, dy);
      if (kind === 0) return distance < size ? 1 : 0;
      if (kind === 1) return dx < size && dy < size / 3 ? 1 : 0;
      return distance < size && distance > size * 0.7 ? 1 : 0;
    };
    return { grey, covers };
  });
  return raster((x, y) => shapes.reduce((shade, { grey, covers }) => (covers(x, y) ? grey : shade), ground));
}

/** Draw a linear, radial or saddle-shaped gradient of several periods. */
function gradient(random: () => number): Raster {
  const [angle, period, x, y, kind] = [
    random() * Math.PI,
    0.3 + random() * 3,
    random(),
    random(),
    Math.floor(random() * 3),
  ];
  return raster((px, py) => {
    const along = (px - x) * Math.cos(angle) + (py - y) * Math.sin(angle);
    const across = (py - y) * Math.cos(angle) - (px - x) * Math.sin(angle);
    const at = kind === 0 ? along + 0.3 * across * across : kind === 1 ? Math.hypot(along, across) : along * across * 3;
    return 127 + 127 * Math.sin(at * period * Math.PI);
  });
}

/** A template by the words of a person: `pieChart` is a pie chart. */
const wordsOf = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** Return the texts of the files: one hash a line, sorted, each once; and what each shows. */
export async function canaries(): Promise<{ readonly hashes: string; readonly shows: string }> {
  const hasher = loadPdqHasher();
  const random = seeded(2021);
  /** By hash, what it shows. Of two images with one hash the first counts. */
  const made = new Map<string, string>();
  const put = (hash: string, shows: string) => made.set(hash, made.get(hash) ?? shows);
  const take = (picture: Raster, families: 'both' | 'resized', shows: string) => {
    for (const { family, degenerate, hashes: found } of hasher.hash(picture, { orientations: 'none', families })
      .families)
      if (!degenerate && family !== 'symmetric') put(formatHash256(found[0]!), shows);
  };
  for (let at = 0; at < ICONS; at++) take(icon(random), 'resized', 'icon');
  for (let at = 0; at < GRADIENTS; at++) take(gradient(random), 'resized', 'gradient');
  for (const { hash, template } of templateCanaries(hasher)) put(formatHash256(hash), wordsOf(template));
  const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
  const folder = join(PACKAGE_ROOT, 'test', 'fixtures', 'photographs');
  for (const name of readdirSync(folder)
    .filter((one) => /\.(jpg|webp|png)$/.test(one))
    .sort()) {
    take((await decoder.decode(readFileSync(join(folder, name)))).raster, 'both', `photograph ${parse(name).name}`);
  }
  const hashes = [...made.keys()].sort();
  return { hashes: `${hashes.join('\n')}\n`, shows: `${hashes.map((hash) => made.get(hash)).join('\n')}\n` };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { hashes, shows } = await canaries();
  writeFileSync(join(PACKAGE_ROOT, 'hashlists', 'canary.txt'), hashes);
  writeFileSync(join(PACKAGE_ROOT, 'hashlists', 'canary-shows.txt'), shows);
}
