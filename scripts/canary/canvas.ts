/** A grey canvas for canaries. Text is drawn as strokes, so that no font is needed and the output is the same everywhere. */
import type { Raster } from '../../src/core/vocabulary.js';

/** Unit: pixels. PDQ filters it as it filters a screenshot, and reads 64 × 64 samples. */
const SIDE = 256;

/** Uniform 0 ≤ x < 1. */
export type Random = () => number;

/** Return a uniform number from `from` to `to`. */
export const between = (random: Random, from: number, to: number) => from + random() * (to - from);
/** Return a uniform integer from `from` to `to`, inclusive. */
export const whole = (random: Random, from: number, to: number) => from + Math.floor(random() * (to - from + 1));
export function oneOf<T>(random: Random, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!;
}

/** Units: lengths are shares of the side, angles turns, greys 0 to 255. Later shapes cover earlier ones. */
export class Canvas {
  readonly #grey = new Uint8Array(SIDE * SIDE);

  constructor(ground: number) {
    this.#grey.fill(ground);
  }

  get raster(): Raster {
    return { width: SIDE, height: SIDE, channels: 1, data: this.#grey };
  }

  /** Shade every pixel of a rectangle. `shade`: by the position, shares of the rectangle; null leaves the pixel. */
  shade(x: number, y: number, width: number, height: number, shade: (u: number, v: number) => number | null): void {
    const [left, top] = [Math.round(x * SIDE), Math.round(y * SIDE)];
    const [right, bottom] = [Math.round((x + width) * SIDE), Math.round((y + height) * SIDE)];
    for (let row = Math.max(0, top); row < Math.min(SIDE, bottom); row++) {
      for (let column = Math.max(0, left); column < Math.min(SIDE, right); column++) {
        const grey = shade((column + 0.5 - left) / (right - left), (row + 0.5 - top) / (bottom - top));
        if (grey !== null) this.#grey[row * SIDE + column] = Math.max(0, Math.min(255, grey));
      }
    }
  }

  rect(x: number, y: number, width: number, height: number, grey: number): void {
    const left = Math.max(0, Math.round(x * SIDE));
    const right = Math.min(SIDE, Math.max(left + 1, Math.round((x + width) * SIDE)));
    const top = Math.max(0, Math.round(y * SIDE));
    const bottom = Math.min(SIDE, Math.max(top + 1, Math.round((y + height) * SIDE)));
    for (let row = top; row < bottom; row++) this.#grey.fill(grey, row * SIDE + left, row * SIDE + right);
  }

  /** Draw the border of a rectangle, `thick` wide, inside it. */
  frame(x: number, y: number, width: number, height: number, thick: number, grey: number): void {
    this.rect(x, y, width, thick, grey);
    this.rect(x, y + height - thick, width, thick, grey);
    this.rect(x, y, thick, height, grey);
    this.rect(x + width - thick, y, thick, height, grey);
  }

  /** Draw an ellipse, or a ring where `hole`, the share of its radius, is not 0. */
  ellipse(x: number, y: number, radiusX: number, radiusY: number, grey: number, hole = 0): void {
    this.shade(x - radiusX, y - radiusY, 2 * radiusX, 2 * radiusY, (u, v) => {
      const squared = (2 * u - 1) ** 2 + (2 * v - 1) ** 2;
      return squared <= 1 && squared >= hole * hole ? grey : null;
    });
  }

  /** Draw a disc of sectors, clockwise from the top. `greyAt`: by the share of the turn. */
  sectors(x: number, y: number, radius: number, greyAt: (turn: number) => number): void {
    this.shade(x - radius, y - radius, 2 * radius, 2 * radius, (u, v) => {
      if ((2 * u - 1) ** 2 + (2 * v - 1) ** 2 > 1) return null;
      return greyAt((Math.atan2(2 * u - 1, 1 - 2 * v) / (2 * Math.PI) + 1) % 1);
    });
  }

  line(x1: number, y1: number, x2: number, y2: number, thick: number, grey: number): void {
    const steps = Math.ceil(Math.max(Math.abs(x2 - x1), Math.abs(y2 - y1)) * SIDE) + 1;
    for (let step = 0; step <= steps; step++) {
      const [x, y] = [x1 + ((x2 - x1) * step) / steps, y1 + ((y2 - y1) * step) / steps];
      this.rect(x - thick / 2, y - thick / 2, thick, thick, grey);
    }
  }

  /** Draw a line of words up to `width` long: letters of one to three strokes. Result: its length. */
  text(random: Random, x: number, y: number, width: number, height: number, grey: number): number {
    const letter = height * 0.62;
    const stroke = height * 0.12;
    let at = 0;
    while (at + letter <= width) {
      const letters = whole(random, 2, 9);
      for (let n = 0; n < letters && at + letter <= width; n++) {
        this.#letter(random, x + at, y, letter * 0.8, height, stroke, grey);
        at += letter;
      }
      at += letter * 0.7;
    }
    return Math.min(at, width);
  }

  #letter(random: Random, x: number, y: number, width: number, height: number, stroke: number, grey: number): void {
    const strokes = Math.floor(random() * 64) | 1;
    if (strokes & 1) this.rect(x, y, stroke, height, grey);
    if (strokes & 2) this.rect(x + width - stroke, y, stroke, height, grey);
    if (strokes & 4) this.rect(x, y, width, stroke, grey);
    if (strokes & 8) this.rect(x, y + height - stroke, width, stroke, grey);
    if (strokes & 16) this.rect(x, y + height / 2 - stroke / 2, width, stroke, grey);
  }

  /** Draw a paragraph; its last line is shorter. */
  paragraph(random: Random, x: number, y: number, width: number, lines: number, size: number, grey: number): void {
    for (let line = 0; line < lines; line++) {
      const share = line === lines - 1 ? between(random, 0.2, 0.9) : between(random, 0.88, 1);
      this.text(random, x, y + line * size * 1.7, width * share, size, grey);
    }
  }

  /** Draw what a photograph leaves in its hash: a slope, soft lights, and things with edges. */
  scene(random: Random, x: number, y: number, width: number, height: number): void {
    const [base, slopeX, slopeY] = [between(random, 70, 180), between(random, -90, 90), between(random, -90, 90)];
    const discs = Array.from({ length: whole(random, 6, 14) }, () => ({
      u: random(),
      v: random(),
      radius: between(random, 0.05, 0.4),
      grey: between(random, -110, 110),
      isSoft: random() < 0.5,
    }));
    this.shade(x, y, width, height, (u, v) =>
      discs.reduce(
        (grey, disc) => {
          const squared = ((u - disc.u) ** 2 + (v - disc.v) ** 2) / disc.radius ** 2;
          return squared < 1 ? grey + disc.grey * (disc.isSoft ? 1 - squared : 1) : grey;
        },
        base + slopeX * (u - 0.5) + slopeY * (v - 0.5),
      ),
    );
  }
}
