/** The image beside, in or under other photographs. */
import { between, oneOf, type Random, whole } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { type Box, cornersOf, type Edit, percent, type Size } from './edit.js';
import { shuffled } from './random.js';
import { blank, paste, type Rgb, resized } from './rasters.js';

const GAPS: readonly Rgb[] = [
  [255, 255, 255],
  [0, 0, 0],
];

interface Grid {
  readonly name: string;
  readonly cells: number;
  /** Cells and the size of the whole; the image has its own shape in each. Unit: pixels. */
  lay(image: Size, gap: number): { readonly boxes: readonly Box[]; readonly canvas: Size };
}

/** Equal cells in rows. */
const equal = (name: string, columns: number, rows: number): Grid => ({
  name,
  cells: columns * rows,
  lay: ({ width, height }, gap) => ({
    boxes: Array.from({ length: columns * rows }, (_, at) => ({
      left: gap + (at % columns) * (width + gap),
      top: gap + Math.floor(at / columns) * (height + gap),
      width,
      height,
    })),
    canvas: { width: gap + columns * (width + gap), height: gap + rows * (height + gap) },
  }),
});

/** The image at the left, the others smaller, one below the other at its right. */
const large = (others: number): Grid => ({
  name: `one and ${others}`,
  cells: others + 1,
  lay: ({ width, height }, gap) => {
    const [small, tall] = [Math.round(width * 0.55), Math.floor((height - gap * (others - 1)) / others)];
    return {
      boxes: [
        { left: gap, top: gap, width, height },
        ...Array.from({ length: others }, (_, at) => ({
          left: gap * 2 + width,
          top: gap + at * (tall + gap),
          width: small,
          height: at === others - 1 ? height - at * (tall + gap) : tall,
        })),
      ],
      canvas: { width: width + small + gap * 3, height: height + gap * 2 },
    };
  },
});

const GRIDS: readonly Grid[] = [
  equal('two in a row', 2, 1),
  equal('one above the other', 1, 2),
  equal('three in a row', 3, 1),
  equal('four', 2, 2),
  large(2),
  large(3),
];

/** Sides of the image in a collage; a collage is as large as a usual upload. */
const CELL_SIDE_MAX = 480;

async function collage(image: Raster, random: Random, others: readonly Raster[]) {
  const grid = oneOf(random, GRIDS);
  const factor = Math.min(1, CELL_SIDE_MAX / Math.max(image.width, image.height));
  const size = { width: Math.round(image.width * factor), height: Math.round(image.height * factor) };
  const gap = random() < 0.3 ? 0 : Math.round(between(random, 0.005, 0.025) * Math.max(size.width, size.height));
  const { boxes, canvas } = grid.lay(size, gap);
  const raster = blank(canvas, oneOf(random, GAPS));
  // In a large cell, or in any of equal ones.
  const place = grid.name.startsWith('one and') ? 0 : whole(random, 0, grid.cells - 1);
  const beside = shuffled(random, others);
  for (const [at, cell] of boxes.entries()) {
    const shown = at === place ? image : beside[at % beside.length]!;
    paste(raster, await resized(shown, cell, at === place ? 'fill' : 'cover'), cell.left, cell.top);
  }
  return {
    raster,
    truth: cornersOf(boxes[place]!, canvas),
    parameters: `${grid.name}, place ${place + 1}, gap ${gap} pixels`,
  };
}

/** Return where a small image lies near a corner of a large one. */
function inCorner(random: Random, large: Size, small: Size): Box {
  const margin = Math.round(Math.min(large.width, large.height) * between(random, 0.02, 0.06));
  return {
    ...small,
    left: random() < 0.5 ? margin : large.width - small.width - margin,
    top: random() < 0.5 ? margin : large.height - small.height - margin,
  };
}

const scaledTo = ({ width, height }: Size, room: Size, share: number): Size => {
  const factor = Math.min((room.width * share) / width, (room.height * 0.8) / height);
  return { width: Math.max(16, Math.round(width * factor)), height: Math.max(16, Math.round(height * factor)) };
};

/** Edits that need other photographs. `others`: none of them may be on the list that is searched. */
export function collages(others: readonly Raster[]): readonly Edit[] {
  return [
    { name: 'collage', group: 'collage', make: (image, random) => collage(image, random, others) },
    {
      name: 'picture in picture',
      group: 'collage',
      /** The image is the small one. */
      async make(image, random) {
        const share = between(random, 0.3, 0.6);
        const raster = await resized(oneOf(random, others), image, 'cover');
        const place = inCorner(random, raster, scaledTo(image, raster, share));
        paste(raster, await resized(image, place), place.left, place.top);
        return { raster, truth: cornersOf(place, raster), parameters: `${percent(share)} of the width` };
      },
    },
    {
      name: 'inset over it',
      group: 'collage',
      /** The image is the large one. */
      async make(image, random) {
        const share = between(random, 0.15, 0.35);
        const raster = { ...image, data: Uint8Array.from(image.data) };
        const other = oneOf(random, others);
        const place = inCorner(random, raster, scaledTo(other, raster, share));
        paste(raster, await resized(other, place), place.left, place.top);
        const truth = cornersOf({ left: 0, top: 0, width: image.width, height: image.height }, raster);
        return { raster, truth, parameters: `${percent(share)} of the width` };
      },
    },
  ];
}
