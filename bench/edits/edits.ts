/** All edits, each saved as people save it. */
import type { Random } from '../../scripts/canary/canvas.js';
import { whole } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { ALTERATIONS } from './alterations.js';
import { collages } from './collages.js';
import { CROPS, WIDE_CROPS } from './crops.js';
import type { Edit } from './edit.js';
import { ENCODINGS, throughFile } from './encodings.js';
import { FILTERS } from './filters.js';
import { FRAMES } from './frames.js';
import { OVERLAYS } from './overlays.js';
import { PRINTS } from './prints.js';
import { toSharp } from './rasters.js';
import { SCREENSHOTS } from './screenshots.js';
import { SIZES } from './sizes.js';
import { TURNS, WIDE_TURNS } from './turns.js';

/** An edited copy is seldom seen as it was made: programs and services save it as a JPEG of these qualities. */
const SAVED = { from: 70, to: 95 };

function saved({ name, group, make }: Edit): Edit {
  return {
    name,
    group,
    async make(image: Raster, random: Random) {
      const { raster, truth, parameters } = await make(image, random);
      const quality = whole(random, SAVED.from, SAVED.to);
      return {
        raster: await throughFile(toSharp(raster).jpeg({ quality })),
        truth,
        parameters: [parameters, `JPEG ${quality}`].filter((part) => part !== '').join(', '),
      };
    },
  };
}

/** Create all edits. `others`: at least four photographs for collages, none of them on the list that is searched. */
export function createEdits(others: readonly Raster[]): readonly Edit[] {
  return [
    ...ENCODINGS,
    ...[
      ...SIZES,
      ...FILTERS,
      ...OVERLAYS,
      ...FRAMES,
      ...SCREENSHOTS,
      ...collages(others),
      ...CROPS,
      ...TURNS,
      ...PRINTS,
      ...ALTERATIONS,
    ].map(saved),
  ];
}

/** The edits that variants of a listed image are for, in their full width. */
export const WIDE_EDITS: readonly Edit[] = [...WIDE_CROPS, ...WIDE_TURNS].map(saved);
