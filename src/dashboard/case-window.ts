/** The part of an image by which it matched: drawn over an empty frame of its proportions, never over the image. */
import type { WindowFacts } from './types.js';

const SVG = 'http://www.w3.org/2000/svg';
/** Longer side of the frame, in units of the drawing. */
const FRAME = 100;
/** Room around the frame: a crop that is undone reaches outside of it. */
const ROOM = 16;

const KIND_WORDS: Readonly<Record<string, string>> = {
  resampling: 'the whole image, at another size',
  border: 'a part inside of a border',
  strip: 'a part beside a strip',
  part: 'a part among others',
  rotation: 'the image turned back',
  margin: 'a part inside of a margin',
  crop: 'the image with what was cut off',
};

/** Words of a window, as a match has it. */
export function windowWords({ kind, rectangle, degrees, certainBitsWrong }: WindowFacts): string {
  const percent = (share: number) => `${Math.round(share * 100)}`;
  const { left, top, right, bottom } = rectangle;
  const place = `${percent(left)} to ${percent(right)} % across, ${percent(top)} to ${percent(bottom)} % down`;
  const turned = degrees === 0 ? '' : `, turned by ${degrees}°`;
  return `${KIND_WORDS[kind] ?? kind}: ${place}${turned}; ${certainBitsWrong} of 128 certain bits wrong`;
}

/** Corners of the window in units of the drawing, from the upper left, clockwise. */
export function cornersOf({
  rectangle,
  degrees,
  proportion,
}: WindowFacts): readonly (readonly [x: number, y: number])[] {
  const [width, height] = frameOf(proportion);
  const [x, y] = [((rectangle.left + rectangle.right) / 2) * width, ((rectangle.top + rectangle.bottom) / 2) * height];
  const [halfWide, halfHigh] = [
    ((rectangle.right - rectangle.left) / 2) * width,
    ((rectangle.bottom - rectangle.top) / 2) * height,
  ];
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return [
    [-halfWide, -halfHigh],
    [halfWide, -halfHigh],
    [halfWide, halfHigh],
    [-halfWide, halfHigh],
  ].map(([dx, dy]) => [x + c * dx! - s * dy!, y + s * dx! + c * dy!] as const);
}

const frameOf = (proportion: number): readonly [width: number, height: number] =>
  proportion >= 1 ? [FRAME, FRAME / proportion] : [FRAME * proportion, FRAME];

function shape(tag: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Draw a window. */
export function windowFigure(window: WindowFacts): SVGElement {
  const [width, height] = frameOf(window.proportion);
  const box = [-ROOM, -ROOM, width + 2 * ROOM, height + 2 * ROOM].join(' ');
  const figure = shape('svg', { viewBox: box, class: 'window', role: 'img', 'aria-label': windowWords(window) });
  const points = cornersOf(window)
    .map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`)
    .join(' ');
  figure.append(
    shape('rect', { x: '0', y: '0', width: width.toFixed(1), height: height.toFixed(1), class: 'window-frame' }),
    shape('polygon', { points, class: 'window-place' }),
  );
  return figure;
}
