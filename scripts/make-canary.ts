/**
 * Makes hashlists/canary.txt: PDQ hashes of harmless images, which a list of harmful ones must therefore not match:
 * generated icons of plain shapes, gradients, templates of offices and screens (`canary/`), and photographs of the tests'
 * fixtures. `npm run canary`; a test compares
 * the file with this output.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

/** Return the text of the file: one hash a line, sorted, each once. */
export async function canaries(): Promise<string> {
  const hasher = loadPdqHasher();
  const random = seeded(2021);
  const hashes = new Set<string>();
  const take = (picture: Raster, families: 'both' | 'resized') => {
    for (const { degenerate, hashes: found } of hasher.hash(picture, { orientations: 'none', families }).families)
      if (!degenerate) hashes.add(formatHash256(found[0]!));
  };
  for (let at = 0; at < ICONS; at++) take(icon(random), 'resized');
  for (let at = 0; at < GRADIENTS; at++) take(gradient(random), 'resized');
  for (const hash of templateCanaries(hasher)) hashes.add(formatHash256(hash));
  const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
  const folder = join(PACKAGE_ROOT, 'test', 'fixtures', 'photographs');
  for (const name of readdirSync(folder)
    .filter((one) => /\.(jpg|webp|png)$/.test(one))
    .sort()) {
    take((await decoder.decode(readFileSync(join(folder, name)))).raster, 'both');
  }
  return `${[...hashes].sort().join('\n')}\n`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(join(PACKAGE_ROOT, 'hashlists', 'canary.txt'), await canaries());
}
