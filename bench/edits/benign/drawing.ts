/** What the drawings of all classes share. */
import type { Random } from '../../../scripts/canary/canvas.js';
import type { Size } from '../edit.js';

export interface Drawing extends Size {
  /** Elements of SVG, without text. */
  readonly body: string;
}

/** `layout` decides what the images of a class share, `content` what differs between them. */
export type Draw = (layout: Random, content: Random) => Drawing;

export const rect = (x: number, y: number, width: number, height: number, fill: string, more = '') =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${Math.max(0, width).toFixed(1)}" height="${Math.max(0, height).toFixed(1)}" fill="${fill}" ${more}/>`;

export const frame = (x: number, y: number, width: number, height: number, stroke: string, thick = 1, radius = 0) =>
  rect(x, y, width, height, 'none', `stroke="${stroke}" stroke-width="${thick}" rx="${radius}"`);

export const disc = (x: number, y: number, radius: number, fill: string, more = '') =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius.toFixed(1)}" fill="${fill}" ${more}/>`;

export const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, thick = 1) =>
  `<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}" stroke="${stroke}" stroke-width="${thick}"/>`;

export const path = (d: string, fill: string, more = '') => `<path d="${d}" fill="${fill}" ${more}/>`;

export const placed = (x: number, y: number, body: string) =>
  `<g transform="translate(${x.toFixed(1)} ${y.toFixed(1)})">${body}</g>`;

export const hsl = (hue: number, saturation: number, light: number) =>
  `hsl(${((hue % 360) + 360) % 360},${saturation}%,${light}%)`;

/** A background whose colour changes from the top to the bottom, or along an angle. `id`: unique in the drawing. */
export const gradient = (id: string, colours: readonly string[], turn = 90) =>
  `<linearGradient id="${id}" gradientTransform="rotate(${turn} .5 .5)">${colours
    .map((colour, at) => `<stop offset="${at / (colours.length - 1)}" stop-color="${colour}"/>`)
    .join('')}</linearGradient>`;
