/** The whole image on a larger canvas: borders, caption strips, bars. */
import { between, oneOf, type Random, whole } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { type Corners, cornersOf, type Edit, percent } from './edit.js';
import { blank, drawn, overlaid, paste, type Rgb, rasterOf, resized, toSharp, within } from './rasters.js';
import { centredSvg, filling, textSvg } from './strokes.js';

/** Widths of a border in pixels. */
interface Sides {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const outerOf = ({ width, height }: Raster, { left, top, right, bottom }: Sides) => ({
  width: width + left + right,
  height: height + top + bottom,
});

/** Paste the image on a ground that has the border's room. */
function framed(ground: Raster, image: Raster, { left, top }: Sides): { raster: Raster; truth: Corners } {
  paste(ground, image, left, top);
  return { raster: ground, truth: cornersOf({ left, top, width: image.width, height: image.height }, ground) };
}

const evenly = (pixels: number): Sides => ({ left: pixels, top: pixels, right: pixels, bottom: pixels });

/** The colours of most borders are white and black. */
const borderColour = (random: Random): Rgb =>
  oneOf(random, [
    [255, 255, 255],
    [255, 255, 255],
    [0, 0, 0],
    [0, 0, 0],
    [whole(random, 0, 255), whole(random, 0, 255), whole(random, 0, 255)],
  ]);

const shareOf = (image: Raster, share: number) => Math.max(2, Math.round(Math.min(image.width, image.height) * share));

const STORY_ASPECTS = [9 / 16, 4 / 5, 1, 16 / 9];
/** Of a canvas whose shape is nearer to that of the image nothing would be seen beside it. */
const ASPECT_APART = 1.15;

const BORDERS: readonly Edit[] = [
  {
    name: 'border even',
    group: 'border',
    async make(image, random) {
      const [share, colour] = [between(random, 0.02, 0.2), borderColour(random)];
      const sides = evenly(shareOf(image, share));
      return {
        ...framed(blank(outerOf(image, sides), colour), image, sides),
        parameters: `${percent(share)}, rgb ${colour.join(' ')}`,
      };
    },
  },
  {
    name: 'border uneven',
    group: 'border',
    async make(image, random) {
      const side = () => (random() < 0.2 ? 0 : shareOf(image, between(random, 0.02, 0.25)));
      const sides = { left: side(), top: side(), right: side(), bottom: shareOf(image, between(random, 0.02, 0.25)) };
      const colour = borderColour(random);
      return {
        ...framed(blank(outerOf(image, sides), colour), image, sides),
        parameters: `${Object.values(sides).join(' ')} pixels, rgb ${colour.join(' ')}`,
      };
    },
  },
  {
    name: 'border gradient',
    group: 'border',
    async make(image, random) {
      const [share, hue, turn] = [between(random, 0.04, 0.2), whole(random, 0, 359), whole(random, 0, 359)];
      const sides = evenly(shareOf(image, share));
      const stops = [0, 1].map(
        (at) =>
          `<stop offset="${at}" stop-color="hsl(${(hue + at * whole(random, 20, 90)) % 360},60%,${at ? 75 : 35}%)"/>`,
      );
      const ground = await drawn(
        outerOf(image, sides),
        `<linearGradient id="g" gradientTransform="rotate(${turn} .5 .5)">${stops.join('')}</linearGradient><rect width="100%" height="100%" fill="url(#g)"/>`,
      );
      return { ...framed(ground, image, sides), parameters: `${percent(share)}, hue ${hue}` };
    },
  },
  {
    name: 'border blurred',
    group: 'border',
    /** As in videos and stories: the image over an enlarged, blurred copy of itself. */
    async make(image, random) {
      const ownAspect = image.width / image.height;
      const aspect = oneOf(
        random,
        STORY_ASPECTS.filter((one) => Math.max(one / ownAspect, ownAspect / one) > ASPECT_APART),
      );
      const dim = between(random, 0.6, 1);
      const long = Math.max(image.width, image.height);
      const size =
        aspect < 1
          ? { width: Math.round(long * aspect), height: long }
          : { width: long, height: Math.round(long / aspect) };
      const cover = toSharp(await resized(image, size, 'cover'));
      const ground = await rasterOf(cover.blur(long * between(random, 0.015, 0.04)).linear(dim, 0));
      const inner = await within(image, size);
      const left = Math.floor((size.width - inner.width) / 2);
      const top = Math.floor((size.height - inner.height) / 2);
      return {
        ...framed(ground, inner, { left, top, right: left, bottom: top }),
        parameters: `to ${size.width} × ${size.height}, light × ${dim.toFixed(2)}`,
      };
    },
  },
  {
    name: 'border polaroid',
    group: 'border',
    async make(image, random) {
      const [share, foot] = [between(random, 0.04, 0.08), between(random, 0.16, 0.28)];
      const side = shareOf(image, share);
      const sides = { left: side, top: side, right: side, bottom: shareOf(image, foot) };
      const light = whole(random, 240, 255);
      const framedImage = framed(blank(outerOf(image, sides), [light, light, light - 4]), image, sides);
      const { width, height } = framedImage.raster;
      const size = sides.bottom * between(random, 0.2, 0.32);
      const text =
        random() < 0.6
          ? centredSvg(filling(random, width * 0.6, size), width / 2, height - sides.bottom * 0.65, size, {
              colour: '#334',
            })
          : '';
      const body = `<rect x="${side}" y="${side}" width="${image.width}" height="${image.height}" fill="none" stroke="#000" stroke-opacity=".25"/>${text}`;
      return {
        raster: await overlaid(framedImage.raster, body),
        truth: framedImage.truth,
        parameters: `${percent(share)}, foot ${percent(foot)}`,
      };
    },
  },
];

/** Lines of text as large as a strip has room for. */
function captionSvg(random: Random, width: number, top: number, height: number, colour: string): string {
  const lines = height > width * 0.2 ? whole(random, 2, 3) : whole(random, 1, 2);
  const size = (height / (lines * 1.9 + 0.6)) * between(random, 0.75, 1);
  const isCentred = random() < 0.5;
  const start = top + (height - (lines * 1.9 - 0.9) * size) / 2;
  return Array.from({ length: lines }, (_, line) => {
    const text = filling(random, width * (line === lines - 1 ? between(random, 0.3, 0.8) : 0.9), size);
    const y = start + line * size * 1.9;
    return isCentred
      ? centredSvg(text, width / 2, y, size, { colour, weight: 0.15 })
      : textSvg(text, width * 0.04, y, size, { colour, weight: 0.15 });
  }).join('');
}

const captionStrip = (place: 'above' | 'below'): Edit => ({
  name: `caption ${place}`,
  group: 'strip',
  async make(image, random) {
    const [share, isWhite] = [between(random, 0.08, 0.3), random() < 0.7];
    const strip = Math.max(12, Math.round(image.height * share));
    const sides = { left: 0, right: 0, top: place === 'above' ? strip : 0, bottom: place === 'below' ? strip : 0 };
    const ground = blank(outerOf(image, sides), isWhite ? [255, 255, 255] : [0, 0, 0]);
    const { raster, truth } = framed(ground, image, sides);
    const top = place === 'above' ? 0 : image.height;
    const body = captionSvg(random, image.width, top, strip, isWhite ? '#111' : '#f4f4f4');
    return {
      raster: await overlaid(raster, body),
      truth,
      parameters: `${percent(share)} of the height, ${isWhite ? 'white' : 'black'}`,
    };
  },
});

const bars = (name: string, isUpright: boolean): Edit => ({
  name,
  group: 'strip',
  async make(image, random) {
    const [share, grey] = [between(random, 0.04, 0.3), random() < 0.85 ? 0 : whole(random, 8, 30)];
    const pixels = Math.max(2, Math.round((isUpright ? image.width : image.height) * share));
    const sides = isUpright
      ? { left: pixels, right: pixels, top: 0, bottom: 0 }
      : { left: 0, right: 0, top: pixels, bottom: pixels };
    return {
      ...framed(blank(outerOf(image, sides), [grey, grey, grey]), image, sides),
      parameters: `${percent(share)} on each side`,
    };
  },
});

export const FRAMES: readonly Edit[] = [
  ...BORDERS,
  captionStrip('above'),
  captionStrip('below'),
  bars('letterbox', false),
  bars('pillarbox', true),
];
