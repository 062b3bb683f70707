/** Charts in the manner of office programs: pies, bars and lines. */
import { between, Canvas, oneOf, type Random, whole } from './canvas.js';
import { paper } from './documents.js';

/** Brightness of the colours that programs take first, in their order. */
const PALETTES = [
  [110, 150, 165, 189, 142, 143],
  [109, 116, 131, 92, 128, 92],
  [60, 105, 150, 195, 225, 85],
] as const;

/** Draw a title and a legend, each sometimes. */
function label(canvas: Canvas, layout: Random, content: Random, greys: readonly number[], ink: number): void {
  const [hasTitle, hasLegend] = [layout() < 0.7, layout() < 0.4];
  if (hasTitle) canvas.text(content, 0.3, 0.03, 0.4, 0.045, ink);
  if (!hasLegend) return;
  for (const [n, grey] of greys.entries()) {
    canvas.rect(0.86, 0.3 + n * 0.06, 0.025, 0.025, grey);
    canvas.text(content, 0.9, 0.3 + n * 0.06, 0.08, 0.025, ink);
  }
}

export function pieChart(layout: Random, content: Random): Canvas {
  const canvas = new Canvas(255);
  const [x, y, radius] = [oneOf(layout, [0.42, 0.5]), 0.54, oneOf(layout, [0.32, 0.38, 0.42])];
  const palette = oneOf(layout, PALETTES);
  const [isRing, isSorted] = [layout() < 0.25, layout() < 0.5];
  const parts = Array.from({ length: whole(content, 3, 6) }, () => between(content, 0.15, 1));
  if (isSorted) parts.sort((a, b) => b - a);
  const sum = parts.reduce((all, part) => all + part, 0);
  const ends = parts.map((_, n) => parts.slice(0, n + 1).reduce((all, part) => all + part, 0) / sum);
  canvas.sectors(x, y, radius, (turn) => palette[ends.findIndex((end) => turn < end)] ?? palette[0]);
  if (isRing) canvas.ellipse(x, y, radius * 0.55, radius * 0.55, 255);
  label(canvas, layout, content, palette.slice(0, parts.length), 60);
  return canvas;
}

function axes(canvas: Canvas, layout: Random, ink: number) {
  const frame = { left: oneOf(layout, [0.07, 0.12]), bottom: 0.87, right: 0.95, top: 0.14 };
  const lines = oneOf(layout, [0, 4, 6]);
  for (let n = 0; n < lines; n++) {
    const y = frame.top + ((frame.bottom - frame.top) * n) / lines;
    canvas.rect(frame.left, y, frame.right - frame.left, 0.004, 205);
  }
  canvas.rect(frame.left, frame.top, 0.006, frame.bottom - frame.top, ink);
  canvas.rect(frame.left, frame.bottom, frame.right - frame.left, 0.006, ink);
  return frame;
}

export function barChart(layout: Random, content: Random): Canvas {
  const { ground, ink } = paper(layout);
  const canvas = new Canvas(ground);
  const { left, bottom, right, top } = axes(canvas, layout, ink);
  const bars = oneOf(layout, [4, 5, 6, 12]);
  const greys = oneOf(layout, PALETTES).slice(0, oneOf(layout, [1, 1, 2]));
  const pitch = (right - left) / bars;
  for (let n = 0; n < bars; n++) {
    for (const [k, grey] of greys.entries()) {
      const height = (bottom - top) * between(content, 0.25, 1);
      const wide = (pitch * 0.7) / greys.length;
      canvas.rect(left + n * pitch + pitch * 0.15 + wide * k, bottom - height, wide, height, grey);
    }
    canvas.text(content, left + n * pitch + pitch * 0.2, bottom + 0.03, pitch * 0.6, 0.022, ink);
  }
  label(canvas, layout, content, greys, ink);
  return canvas;
}

export function lineChart(layout: Random, content: Random): Canvas {
  const { ground, ink } = paper(layout);
  const canvas = new Canvas(ground);
  const { left, bottom, right, top } = axes(canvas, layout, ink);
  const greys = oneOf(layout, PALETTES).slice(0, oneOf(layout, [1, 1, 2]));
  const points = 12;
  for (const grey of greys) {
    const drift = between(content, -0.05, 0.05);
    let share = between(content, 0.3, 0.7);
    for (let n = 1; n < points; n++) {
      const next = Math.max(0, Math.min(1, share + drift + between(content, -0.12, 0.12)));
      const x = (of: number) => left + ((right - left) * of) / (points - 1);
      const y = (of: number) => bottom - (bottom - top) * of;
      canvas.line(x(n - 1), y(share), x(n), y(next), 0.014, grey);
      share = next;
    }
  }
  label(canvas, layout, content, greys, ink);
  return canvas;
}
