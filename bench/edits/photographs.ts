/** Photographs to edit: of the corpus in ZEEF_CORPUS, and the project's own. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import type { Raster } from '../../src/core/vocabulary.js';
import { photographs } from '../pictures.js';
import { randomOf, shuffled } from './random.js';
import { rasterOf } from './rasters.js';

/** Of larger photographs an edit would take seconds, and the hash would be the same. Unit: pixels of the longer side. */
const SIDE_MAX = 800;

/** Textures and drawings among the project's own; the corpus has them as graphics. */
const GRAPHICS: ReadonlySet<string> = new Set([
  'gnome-wood-d.webp',
  'lomiri-analogpattern-by-peter-nerlich.jpg',
  'lxqt-triangles.png',
  'mate-elephants.jpg',
  'mate-greentraditional.jpg',
  'ukui-2004default.jpg',
  'ukui-string.jpg',
]);

export interface Photograph {
  /** Name of its file. */
  readonly name: string;
  readonly raster: Raster;
}

function paths(corpus: string | undefined): string[] {
  const own = photographs().filter((path) => !GRAPHICS.has(basename(path)));
  const folder = join(corpus ?? '', 'corpus', 'photos');
  if (corpus === undefined || !existsSync(folder)) return own;
  // Some of the project's own are in the corpus too.
  const taken = new Set(own.map((path) => basename(path)));
  const others = readdirSync(folder).filter((name) => /\.(jpg|webp|png)$/.test(name) && !taken.has(name));
  return [...own, ...others.sort().map((name) => join(folder, name))];
}

const inOrder = (seed: number, corpus: string | undefined) => shuffled(randomOf(seed, 'photographs'), paths(corpus));

/** Return the names of the first `count` photographs of a seed. */
export const photographNames = (
  count: number,
  seed: number,
  corpus: string | undefined = process.env.ZEEF_CORPUS,
): string[] =>
  inOrder(seed, corpus)
    .slice(0, count)
    .map((path) => basename(path));

/**
 * Yield up to `count` photographs in an order that the seed decides; fewer where there are no more. No two are of one file.
 * `last`: photographs that come after all others.
 */
export async function* openPhotographs(
  count: number,
  seed: number,
  corpus: string | undefined = process.env.ZEEF_CORPUS,
  last: ReadonlySet<string> = new Set(),
): AsyncGenerator<Photograph> {
  const ordered = inOrder(seed, corpus);
  const isLast = (path: string) => last.has(basename(path));
  for (const path of [...ordered.filter((one) => !isLast(one)), ...ordered.filter(isLast)].slice(0, count)) {
    const image = sharp(path).resize(SIDE_MAX, SIDE_MAX, { fit: 'inside', withoutEnlargement: true });
    yield { name: basename(path), raster: await rasterOf(image.flatten({ background: '#fff' })) };
  }
}
