/** Text as strokes of SVG: no font is needed, and the result is the same on every machine. The words mean nothing. */
import { oneOf, type Random, whole } from '../../scripts/canary/canvas.js';

/** Strokes of each letter: capitals are 6 high from 0, small letters 4 from 2; at most 4 wide. */
const LETTERS: Readonly<Record<string, string>> = {
  A: 'M0 6L2 0L4 6M.8 4L3.2 4',
  B: 'M0 0L0 6L2.4 6Q4 6 4 4.5Q4 3 2.4 3L0 3M2.4 3Q3.8 3 3.8 1.5Q3.8 0 2.4 0L0 0',
  C: 'M4 1Q3.2 0 2.2 0Q0 0 0 3Q0 6 2.2 6Q3.2 6 4 5',
  D: 'M0 0L0 6L1.8 6Q4 6 4 3Q4 0 1.8 0L0 0',
  E: 'M3.6 0L0 0L0 6L3.6 6M0 3L3 3',
  F: 'M3.6 0L0 0L0 6M0 3L3 3',
  G: 'M4 1Q3.2 0 2.2 0Q0 0 0 3Q0 6 2.2 6Q4 6 4 3.4L2.4 3.4',
  H: 'M0 0L0 6M4 0L4 6M0 3L4 3',
  I: 'M.5 0L.5 6',
  J: 'M2.6 0L2.6 4.6Q2.6 6 1.3 6Q0 6 0 4.6',
  K: 'M0 0L0 6M3.8 0L0 3.6M1.4 2.4L4 6',
  L: 'M0 0L0 6L3.4 6',
  M: 'M0 6L0 0L2 4L4 0L4 6',
  N: 'M0 6L0 0L4 6L4 0',
  O: 'M2 0Q0 0 0 3Q0 6 2 6Q4 6 4 3Q4 0 2 0',
  P: 'M0 6L0 0L2.4 0Q4 0 4 1.7Q4 3.4 2.4 3.4L0 3.4',
  Q: 'M2 0Q0 0 0 3Q0 6 2 6Q4 6 4 3Q4 0 2 0M2.4 4.4L4 6.4',
  R: 'M0 6L0 0L2.4 0Q4 0 4 1.7Q4 3.4 2.4 3.4L0 3.4M2 3.4L4 6',
  S: 'M3.8 1Q3 0 2 0Q0 0 0 1.5Q0 3 2 3Q4 3 4 4.5Q4 6 2 6Q.8 6 0 5',
  T: 'M0 0L4 0M2 0L2 6',
  U: 'M0 0L0 4Q0 6 2 6Q4 6 4 4L4 0',
  V: 'M0 0L2 6L4 0',
  W: 'M0 0L1 6L2 2L3 6L4 0',
  X: 'M0 0L4 6M4 0L0 6',
  Y: 'M0 0L2 3L4 0M2 3L2 6',
  Z: 'M0 0L4 0L0 6L4 6',
  a: 'M3.4 2.9Q2.8 2 1.7 2Q0 2 0 4Q0 6 1.7 6Q2.8 6 3.4 5.1M3.4 2L3.4 6',
  b: 'M0 0L0 6M0 5.1Q.6 6 1.7 6Q3.4 6 3.4 4Q3.4 2 1.7 2Q.6 2 0 2.9',
  c: 'M3.2 2.7Q2.6 2 1.7 2Q0 2 0 4Q0 6 1.7 6Q2.6 6 3.2 5.3',
  d: 'M3.4 0L3.4 6M3.4 5.1Q2.8 6 1.7 6Q0 6 0 4Q0 2 1.7 2Q2.8 2 3.4 2.9',
  e: 'M0 4L3.4 4Q3.4 2 1.7 2Q0 2 0 4Q0 6 1.7 6Q2.8 6 3.3 5.2',
  f: 'M2.4 0Q1 0 1 1.4L1 6M0 2L2.3 2',
  g: 'M3.4 2L3.4 6.4Q3.4 8 1.7 8Q.7 8 .2 7.3M3.4 2.9Q2.8 2 1.7 2Q0 2 0 4Q0 6 1.7 6Q2.8 6 3.4 5.1',
  h: 'M0 0L0 6M0 3.3Q.6 2 1.8 2Q3.3 2 3.3 3.6L3.3 6',
  i: 'M.4 2L.4 6M.4 .5L.4 .8',
  j: 'M1.2 2L1.2 6.6Q1.2 8 0 7.9M1.2 .5L1.2 .8',
  k: 'M0 0L0 6M3 2L0 4.6M1.2 3.6L3.2 6',
  l: 'M.4 0L.4 6',
  m: 'M0 2L0 6M0 3.2Q.4 2 1.2 2Q2 2 2 3.4L2 6M2 3.2Q2.4 2 3.2 2Q4 2 4 3.4L4 6',
  n: 'M0 2L0 6M0 3.3Q.6 2 1.8 2Q3.3 2 3.3 3.6L3.3 6',
  o: 'M1.7 2Q0 2 0 4Q0 6 1.7 6Q3.4 6 3.4 4Q3.4 2 1.7 2',
  p: 'M0 2L0 8M0 5.1Q.6 6 1.7 6Q3.4 6 3.4 4Q3.4 2 1.7 2Q.6 2 0 2.9',
  q: 'M3.4 2L3.4 8M3.4 5.1Q2.8 6 1.7 6Q0 6 0 4Q0 2 1.7 2Q2.8 2 3.4 2.9',
  r: 'M0 2L0 6M0 3.6Q.5 2 2.2 2',
  s: 'M3 2.6Q2.4 2 1.5 2Q.2 2 .2 3Q.2 4 1.6 4Q3.1 4 3.1 5Q3.1 6 1.6 6Q.6 6 0 5.3',
  t: 'M1 .6L1 4.8Q1 6 2.3 6M0 2L2.3 2',
  u: 'M0 2L0 4.4Q0 6 1.5 6Q2.7 6 3.3 4.7M3.3 2L3.3 6',
  v: 'M0 2L1.7 6L3.4 2',
  w: 'M0 2L1 6L2 3L3 6L4 2',
  x: 'M0 2L3.2 6M3.2 2L0 6',
  y: 'M0 2L1.7 6M3.4 2L1.2 8',
  z: 'M0 2L3.2 2L0 6L3.2 6',
  0: 'M2 0Q.2 0 .2 3Q.2 6 2 6Q3.8 6 3.8 3Q3.8 0 2 0',
  1: 'M.8 1.4L2.2 0L2.2 6',
  2: 'M.2 1.4Q.4 0 2 0Q3.8 0 3.8 1.6Q3.8 2.8 .2 6L3.8 6',
  3: 'M.3 .8Q1 0 2 0Q3.7 0 3.7 1.5Q3.7 3 1.6 3Q3.9 3 3.9 4.5Q3.9 6 2 6Q.8 6 .1 5.1',
  4: 'M3 6L3 0L0 4.2L4 4.2',
  5: 'M3.6 0L.6 0L.4 2.7Q1.2 2.2 2 2.2Q3.9 2.2 3.9 4.1Q3.9 6 2 6Q.8 6 .1 5.2',
  6: 'M3.4 .6Q2.8 0 2.1 0Q.1 0 .1 3.6Q.1 6 2 6Q3.9 6 3.9 4.1Q3.9 2.3 2.1 2.3Q.4 2.3 .1 4',
  7: 'M.1 0L3.9 0L1.6 6',
  8: 'M2 3Q.4 2.8 .4 1.5Q.4 0 2 0Q3.6 0 3.6 1.5Q3.6 2.8 2 3Q.1 3.2 .1 4.5Q.1 6 2 6Q3.9 6 3.9 4.5Q3.9 3.2 2 3',
  9: 'M.6 5.4Q1.2 6 1.9 6Q3.9 6 3.9 2.4Q3.9 0 2 0Q.1 0 .1 1.9Q.1 3.7 1.9 3.7Q3.6 3.7 3.9 2',
  '.': 'M.4 5.7L.4 6',
  ',': 'M.6 5.6L.1 7',
  ':': 'M.4 2.6L.4 2.9M.4 5.4L.4 5.7',
  '-': 'M0 3.6L2 3.6',
  '/': 'M0 6.4L2.4 -.4',
  '!': 'M.4 0L.4 4.2M.4 5.7L.4 6',
  '?': 'M.1 1.2Q.4 0 1.8 0Q3.5 0 3.5 1.5Q3.5 2.6 1.8 3.2L1.8 4.3M1.8 5.7L1.8 6',
  '@': 'M2.8 4.2Q2.2 4.6 1.8 4Q1.6 2 2.6 2Q3 2 2.8 4.2Q4 4.4 4 3Q4 .6 2 .6Q0 .6 0 3.2Q0 6 2.6 5.8',
  '%': 'M.8 0Q0 0 0 1Q0 2 .8 2Q1.6 2 1.6 1Q1.6 0 .8 0M3.2 4Q2.4 4 2.4 5Q2.4 6 3.2 6Q4 6 4 5Q4 4 3.2 4M3.8 0L.2 6',
  '°': 'M1 0Q0 0 0 1Q0 2 1 2Q2 2 2 1Q2 0 1 0',
  '+': 'M0 3.2L3 3.2M1.5 1.7L1.5 4.7',
};

const CAPITAL = 6;
const BETWEEN = 1.5;
const SPACE = 2.6;

interface Letter {
  readonly width: number;
  /** Commands and coordinates in turn: `M`, x, y, `Q`, x, y, x, y. */
  readonly parts: readonly (string | number)[];
}

const PARSED = new Map(
  Object.entries(LETTERS).map(([letter, path]): [string, Letter] => {
    const parts = path.match(/[MLQ]|-?[\d.]+/g)!.map((part) => (/[MLQ]/.test(part) ? part : Number(part)));
    const numbers = parts.filter((part) => typeof part === 'number');
    return [letter, { width: Math.max(...numbers.filter((_, at) => at % 2 === 0)), parts }];
  }),
);

export interface Ink {
  readonly colour: string;
  /** Thickness of the strokes; share of the height of capitals. 0.13 by default. */
  readonly weight?: number;
  /** Drawn around the strokes. */
  readonly outline?: string;
  readonly opacity?: number;
}

/** Length of a line of text in pixels. `size`: height of capitals. */
export function textWidth(text: string, size: number): number {
  const units = [...text].reduce((sum, letter) => sum + (PARSED.get(letter)?.width ?? SPACE - BETWEEN) + BETWEEN, 0);
  return (Math.max(0, units - BETWEEN) * size) / CAPITAL;
}

/** Draw a line of text; `x` and `y` are the upper left of its capitals. Letters without strokes are spaces. */
export function textSvg(text: string, x: number, y: number, size: number, ink: Ink): string {
  const scale = size / CAPITAL;
  let path = '';
  let at = x;
  for (const letter of text) {
    const strokes = PARSED.get(letter);
    if (strokes) {
      let isX = true;
      for (const part of strokes.parts) {
        if (typeof part === 'string') {
          path += part;
          isX = true;
          continue;
        }
        path += `${((isX ? at : y) + part * scale).toFixed(2)} `;
        isX = !isX;
      }
    }
    at += ((strokes?.width ?? SPACE - BETWEEN) + BETWEEN) * scale;
  }
  const width = size * (ink.weight ?? 0.13);
  const drawnIn = (colour: string, thick: number) =>
    `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${thick.toFixed(2)}" stroke-linecap="round" stroke-linejoin="round" opacity="${ink.opacity ?? 1}"/>`;
  return `${ink.outline ? drawnIn(ink.outline, width + size * 0.14) : ''}${drawnIn(ink.colour, width)}`;
}

export const centredSvg = (text: string, middle: number, y: number, size: number, ink: Ink): string =>
  textSvg(text, middle - textWidth(text, size) / 2, y, size, ink);

/** By how often they are in English texts. */
const FREQUENT = 'eeeeeeettttttaaaaaooooooiiiiinnnnnsssshhhhrrrrddlllccuummffwwyyggppbbvk';

export function word(random: Random): string {
  return Array.from({ length: oneOf(random, [1, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7, 8, 10]) }, () =>
    oneOf(random, [...FREQUENT]),
  ).join('');
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

export const words = (random: Random, count: number) =>
  capital(Array.from({ length: count }, () => word(random)).join(' '));

/** Two words with capitals, as a person's name. */
export const personName = (random: Random) =>
  [0, 1]
    .map(() => capital(Array.from({ length: whole(random, 3, 7) }, () => oneOf(random, [...FREQUENT])).join('')))
    .join(' ');

export const digits = (random: Random, count: number) =>
  Array.from({ length: count }, () => whole(random, 0, 9)).join('');

/** Return words that fill up to `width` pixels: at least one. `isLoud`: in capitals. */
export function filling(random: Random, width: number, size: number, isLoud = false): string {
  const shown = (text: string) => (isLoud ? text.toUpperCase() : text);
  let text = shown(words(random, 1));
  for (;;) {
    const longer = `${text} ${shown(word(random))}`;
    if (textWidth(longer, size) > width) return text;
    text = longer;
  }
}

export interface Column {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly lines: number;
  readonly size: number;
  /** From line to line; share of the size. 2 by default. */
  readonly pitch?: number;
}

/** Draw lines of words; the last is shorter. */
export function paragraphSvg(random: Random, { x, y, width, lines, size, pitch = 2 }: Column, ink: Ink): string {
  return Array.from({ length: lines }, (_, line) => {
    const room = line === lines - 1 ? width * (0.2 + random() * 0.7) : width;
    return textSvg(filling(random, room, size), x, y + line * size * pitch, size, ink);
  }).join('');
}
