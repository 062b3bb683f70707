/** Images drawn into any quadrilateral, and read out of one: rotations and perspective, of exactly known geometry. */
import type { Raster } from '../../src/core/vocabulary.js';
import { type Corners, type Point, WHOLE } from './edit.js';

/** The eight numbers of a projective map: x' = (a·x + b·y + c) / (g·x + h·y + 1), y' = (d·x + e·y + f) / (…). */
type Projection = readonly number[];

/** Return the map that takes the four points to the other four. Source: Gaussian elimination of eight equations. */
function projection(from: Corners, to: Corners): Projection {
  const rows = from.flatMap(({ x, y }, at) => {
    const { x: u, y: v } = to[at]!;
    return [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ];
  });
  for (let column = 0; column < 8; column++) {
    let pivot = column;
    for (let row = column + 1; row < 8; row++)
      if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row;
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const lead = rows[column]!;
    for (let row = 0; row < 8; row++) {
      if (row === column) continue;
      const factor = rows[row]![column]! / lead[column]!;
      for (let at = column; at < 9; at++) rows[row]![at]! -= factor * lead[at]!;
    }
  }
  return rows.map((row, at) => row[8]! / row[at]!);
}

function project([a, b, c, d, e, f, g, h]: Projection, x: number, y: number): Point {
  const scale = g! * x + h! * y + 1;
  return { x: (a! * x + b! * y + c!) / scale, y: (d! * x + e! * y + f!) / scale };
}

/** Return where the points of an image are that was drawn into a quadrilateral. Unit: shares of the image, and of the copy. */
export function pointsIn(quad: Corners, points: Corners): Corners {
  const map = projection(WHOLE, quad);
  return points.map(({ x, y }) => project(map, x, y)) as unknown as Corners;
}

/** Add the colour at a position in pixels to `sum`; past the edges, that of the nearest pixel. Bilinear. */
function addColour({ width, height, data }: Raster, x: number, y: number, sum: Float64Array): void {
  const [px, py] = [Math.max(0, Math.min(width - 1, x - 0.5)), Math.max(0, Math.min(height - 1, y - 0.5))];
  const [left, top] = [Math.min(Math.floor(px), width - 2), Math.min(Math.floor(py), height - 2)];
  const [fx, fy] = [px - left, py - top];
  const at = (top * width + left) * 3;
  const below = at + width * 3;
  for (let c = 0; c < 3; c++) {
    const upper = data[at + c]! * (1 - fx) + data[at + c + 3]! * fx;
    const lower = data[below + c]! * (1 - fx) + data[below + c + 3]! * fx;
    sum[c] = sum[c]! + upper * (1 - fy) + lower * fy;
  }
}

const boxOf = (width: number, height: number): Corners => [
  { x: 0, y: 0 },
  { x: width, y: 0 },
  { x: width, y: height },
  { x: 0, y: height },
];

/** From here on no part of a pixel is outside. Unit: pixels of the image. */
const MARGIN = 3;
const isWellInside = ({ x, y }: Point, { width, height }: Raster) =>
  x > MARGIN && y > MARGIN && x < width - MARGIN && y < height - MARGIN;

/** Samples of a pixel in each direction, at the edges of the image. */
const SAMPLES = [0.25, 0.75];

/** Draw an image into a quadrilateral of `ground`, whose pixels it replaces. `corners`: shares of the ground. */
export function warpInto(ground: Raster, image: Raster, corners: Corners): void {
  const { width, height, data } = ground;
  const quad = corners.map(({ x, y }) => ({ x: x * width, y: y * height })) as unknown as Corners;
  const map = projection(quad, boxOf(image.width, image.height));
  const [xs, ys] = [quad.map(({ x }) => x), quad.map(({ y }) => y)];
  const [left, right] = [Math.max(0, Math.floor(Math.min(...xs))), Math.min(width, Math.ceil(Math.max(...xs)))];
  const [top, bottom] = [Math.max(0, Math.floor(Math.min(...ys))), Math.min(height, Math.ceil(Math.max(...ys)))];
  const sum = new Float64Array(3);
  for (let row = top; row < bottom; row++)
    for (let column = left; column < right; column++) {
      const at = (row * width + column) * 3;
      const middle = project(map, column + 0.5, row + 0.5);
      sum.fill(0);
      if (isWellInside(middle, image)) {
        addColour(image, middle.x, middle.y, sum);
        for (let c = 0; c < 3; c++) data[at + c] = Math.round(sum[c]!);
        continue;
      }
      let inside = 0;
      for (const dy of SAMPLES)
        for (const dx of SAMPLES) {
          const { x, y } = project(map, column + dx, row + dy);
          if (x < 0 || y < 0 || x > image.width || y > image.height) continue;
          addColour(image, x, y, sum);
          inside++;
        }
      for (let c = 0; c < 3; c++) data[at + c] = Math.round((sum[c]! + data[at + c]! * (4 - inside)) / 4);
    }
}

/** Read a quadrilateral of a copy as an image of this size; past the copy's edges its last pixels are repeated. */
export function unwarped(copy: Raster, corners: Corners, width: number, height: number): Raster {
  const quad = corners.map(({ x, y }) => ({ x: x * copy.width, y: y * copy.height })) as unknown as Corners;
  const map = projection(boxOf(width, height), quad);
  const data = new Uint8Array(width * height * 3);
  const sum = new Float64Array(3);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      sum.fill(0);
      for (const dy of SAMPLES)
        for (const dx of SAMPLES) {
          const { x, y } = project(map, column + dx, row + dy);
          addColour(copy, x, y, sum);
        }
      for (let c = 0; c < 3; c++) data[(row * width + column) * 3 + c] = Math.round(sum[c]! / 4);
    }
  return { width, height, channels: 3, data };
}
