/** The image printed on paper, and the print photographed: perspective, uneven light, noise, and what lies around it. */
import { between, type Random, whole } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { type Corners, cornersOf, type Edit, type Size } from './edit.js';
import { noisy } from './filters.js';
import { signed } from './random.js';
import { blank, drawn, lit, mapped, paste, rasterOf, toSharp } from './rasters.js';
import { turnedCorners } from './turns.js';
import { pointsIn, warpInto } from './warp.js';

/** Move each corner by up to a share of the copy. */
const jittered = (random: Random, corners: Corners, most: number): Corners =>
  corners.map(({ x, y }) => ({
    x: x + between(random, -most, most),
    y: y + between(random, -most, most),
  })) as unknown as Corners;

/** Boards of wood, or a plain cloth. */
function tableSvg(random: Random, { width, height }: Size): string {
  const [hue, light] = [whole(random, 15, 40), whole(random, 25, 65)];
  const boards = whole(random, 3, 8);
  let body = `<rect width="${width}" height="${height}" fill="hsl(${hue},30%,${light}%)"/>`;
  if (random() < 0.3) return body;
  for (let board = 0; board < boards; board++) {
    const y = (board * height) / boards;
    body += `<rect y="${y}" width="${width}" height="${height / boards}" fill="hsl(${hue},35%,${light + whole(random, -6, 6)}%)"/>`;
    for (let grain = 0; grain < 14; grain++) {
      const at = y + (random() * height) / boards;
      const bend = between(random, -6, 6);
      body += `<path d="M0 ${at.toFixed(1)}Q${width / 2} ${(at + bend).toFixed(1)} ${width} ${at.toFixed(1)}" fill="none" stroke="hsl(${hue},40%,${light - 12}%)" stroke-opacity="${between(random, 0.1, 0.5).toFixed(2)}" stroke-width="${between(random, 0.5, 2.5).toFixed(1)}"/>`;
    }
    body += `<rect y="${y}" width="${width}" height="2" fill="#000" opacity=".35"/>`;
  }
  return body;
}

/** A camera's view: light from one side with a soft shadow, a little blur, noise, and paler blacks, as of paper. */
async function photographed(image: Raster, random: Random): Promise<Raster> {
  const [slopeX, slopeY, level] = [signed(random, 0.05, 0.3), signed(random, 0.05, 0.3), between(random, 0.85, 1.05)];
  const [shadowX, shadowY, depth] = [random(), random(), between(random, 0, 0.25)];
  const light = (x: number, y: number) =>
    level * (1 + slopeX * (x - 0.5) + slopeY * (y - 0.5)) -
    depth * Math.exp(-((x - shadowX) ** 2 + (y - shadowY) ** 2) / 0.08);
  const blurred = await rasterOf(toSharp(image).blur(between(random, 0.5, 1.1)));
  return noisy(lit(blurred, light), random, between(random, 2, 7));
}

/** Ink on paper: less contrast, white paper around it. */
function printed(image: Raster, margin: number): Raster {
  const sheet = blank({ width: image.width + 2 * margin, height: image.height + 2 * margin }, [248, 247, 243]);
  paste(
    sheet,
    mapped(image, (old) => 18 + old * 0.9),
    margin,
    margin,
  );
  return sheet;
}

/** Where the image is in a printed sheet; shares of the sheet. */
const withoutMargin = ({ width, height }: Size, margin: number): Corners =>
  cornersOf({ left: margin, top: margin, width: width - 2 * margin, height: height - 2 * margin }, { width, height });

export const PRINTS: readonly Edit[] = [
  {
    name: 'print on a table',
    group: 'print',
    async make(image, random) {
      const margin = Math.round(
        Math.min(image.width, image.height) * (random() < 0.5 ? 0 : between(random, 0.02, 0.06)),
      );
      const sheet = printed(image, margin);
      const [share, degrees] = [between(random, 0.6, 0.85), signed(random, 0, 5)];
      const view = { width: Math.round(image.width / 0.9), height: Math.round(image.height / 0.9) };
      const factor = share * Math.min(view.width / sheet.width, view.height / sheet.height);
      const size = { width: sheet.width * factor, height: sheet.height * factor };
      const corners = jittered(random, turnedCorners(size, view, degrees), 0.03);
      const ground = await drawn(view, tableSvg(random, view));
      warpInto(ground, sheet, corners);
      return {
        raster: await photographed(ground, random),
        truth: pointsIn(corners, withoutMargin(sheet, margin)),
        parameters: `${Math.round(share * 100)} % of the view, ${degrees.toFixed(1)}°, margin ${margin} pixels`,
      };
    },
  },
  {
    name: 'print, tight',
    group: 'print',
    async make(image, random) {
      const [degrees, zoom] = [signed(random, 0, 1.5), between(random, 0.98, 1.06)];
      const size = { width: image.width * zoom, height: image.height * zoom };
      const corners = jittered(random, turnedCorners(size, image, degrees), 0.02);
      const ground = await drawn(image, tableSvg(random, image));
      warpInto(ground, printed(image, 0), corners);
      return {
        raster: await photographed(ground, random),
        truth: corners,
        parameters: `× ${zoom.toFixed(2)}, ${degrees.toFixed(1)}°`,
      };
    },
  },
];
