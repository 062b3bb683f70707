/** Pages of offices: slides, calendars, forms, tables and letters. */
import { between, Canvas, oneOf, type Random, whole } from './canvas.js';

/** Return a ground and an ink of good contrast: dark on light, mostly. */
export function paper(layout: Random): { ground: number; ink: number } {
  return layout() < 0.85 ? { ground: 255, ink: oneOf(layout, [0, 0, 50, 90]) } : { ground: 30, ink: 240 };
}

export function slide(layout: Random, content: Random): Canvas {
  const { ground, ink } = paper(layout);
  const canvas = new Canvas(ground);
  const [margin, titleSize, titleTop] = [0.08, oneOf(layout, [0.06, 0.08]), oneOf(layout, [0.06, 0.1])];
  const band = oneOf(layout, [null, null, 60, 110, 190]);
  if (band !== null) canvas.rect(0, 0, 1, titleTop + titleSize * 1.6, band);
  if (layout() < 0.4) canvas.rect(0, 0.93, 1, 0.07, oneOf(layout, [60, 110, 190]));
  const titleInk = band !== null && band < 128 ? 250 : ink;
  canvas.text(content, margin, titleTop, between(content, 0.4, 0.75), titleSize, titleInk);
  const bodyTop = titleTop + titleSize * 2.4;
  const pitch = oneOf(layout, [0.09, 0.12]);
  const bullets = Math.min(whole(content, 4, 6), Math.floor((0.92 - bodyTop) / pitch));
  const hasImage = layout() < 0.3;
  const width = hasImage ? 0.42 : 0.78;
  for (let n = 0; n < bullets; n++) {
    const top = bodyTop + n * pitch;
    canvas.ellipse(margin + 0.012, top + pitch * 0.22, 0.012, 0.012, ink);
    canvas.text(content, margin + 0.05, top, width * between(content, 0.55, 1), pitch * 0.42, ink);
  }
  if (hasImage) canvas.scene(content, 0.58, bodyTop, 0.36, 0.45);
  return canvas;
}

export function calendar(layout: Random, content: Random): Canvas {
  const { ground, ink } = paper(layout);
  const canvas = new Canvas(ground);
  const [rows, left, top] = [oneOf(layout, [5, 5, 6]), oneOf(layout, [0.03, 0.06]), oneOf(layout, [0.16, 0.22])];
  canvas.text(content, oneOf(layout, [left, 0.35]), top * 0.25, 0.3, top * 0.28, ink);
  const [width, height] = [(1 - 2 * left) / 7, (0.97 - top) / rows];
  if (layout() < 0.6) canvas.rect(left, top - 0.05, width * 7, 0.05, oneOf(layout, [60, 120, 215]));
  for (let day = 0; day < 7; day++)
    canvas.text(content, left + width * (day + 0.25), top - 0.04, width / 2, 0.025, ink);
  const weekend = oneOf(layout, [ground, ground, 215]);
  const days = oneOf(layout, [
    [5, 6],
    [0, 6],
  ]);
  for (const day of days) canvas.rect(left + width * day, top, width, height * rows, weekend);
  const first = whole(content, 0, 6);
  const size = height * oneOf(layout, [0.18, 0.35]);
  for (let cell = first; cell < Math.min(rows * 7, first + 31); cell++) {
    const [x, y] = [left + (cell % 7) * width, top + Math.floor(cell / 7) * height];
    canvas.text(content, x + width * 0.12, y + height * 0.12, Math.min(size * 1.4, width * 0.8), size, ink);
    if (content() < 0.06) canvas.rect(x + width * 0.1, y + height * 0.6, width * 0.8, height * 0.25, 170);
  }
  if (layout() < 0.85) {
    const thick = oneOf(layout, [0.004, 0.008]);
    for (let line = 0; line <= rows; line++) canvas.rect(left, top + line * height, width * 7, thick, ink);
    for (let line = 0; line <= 7; line++) canvas.rect(left + line * width, top, thick, height * rows, ink);
  }
  return canvas;
}

export function form(layout: Random, content: Random): Canvas {
  const { ground, ink } = paper(layout);
  const canvas = new Canvas(ground);
  const left = oneOf(layout, [0.06, 0.12]);
  canvas.text(content, left, 0.05, between(content, 0.4, 0.7), 0.045, ink);
  const fields = oneOf(layout, [5, 6, 8]);
  const pitch = 0.76 / fields;
  const [isAbove, isLined, columns] = [layout() < 0.5, layout() < 0.3, oneOf(layout, [1, 1, 2])];
  const width = (1 - 2 * left) / columns;
  const labels = isAbove ? 0 : 0.32;
  for (let field = 0; field < fields; field++) {
    for (let column = 0; column < columns; column++) {
      const [x, y] = [left + column * width, 0.17 + field * pitch];
      canvas.text(content, x, y, width * between(content, 0.18, 0.3), pitch * 0.22, ink);
      const [boxX, boxY, boxWidth] = [
        x + labels * width,
        isAbove ? y + pitch * 0.32 : y - pitch * 0.1,
        width * (0.94 - labels),
      ];
      if (isLined) canvas.rect(boxX, boxY + pitch * 0.5, boxWidth, 0.006, ink);
      else canvas.frame(boxX, boxY, boxWidth, pitch * 0.5, 0.006, ink);
      const isFilled = content() < 0.4;
      if (isFilled)
        canvas.text(content, boxX + 0.02, boxY + pitch * 0.15, boxWidth * between(content, 0.3, 0.7), pitch * 0.2, ink);
    }
  }
  if (layout() < 0.5) canvas.rect(oneOf(layout, [left, 0.4, 0.8 - left]), 0.93, 0.2, 0.045, 100);
  return canvas;
}

export function table(layout: Random, content: Random): Canvas {
  const { ground, ink } = paper(layout);
  const canvas = new Canvas(ground);
  const [rows, columns] = [oneOf(layout, [8, 12]), oneOf(layout, [3, 4, 5])];
  const [left, top] = [0.04, oneOf(layout, [0.04, 0.15])];
  const [width, height] = [(1 - 2 * left) / columns, (0.97 - top) / rows];
  if (top > 0.1) canvas.text(content, left, top * 0.3, 0.5, top * 0.3, ink);
  const isStriped = layout() < 0.4;
  const [head, hasColumns] = [oneOf(layout, [90, 150, 210]), layout() < 0.6];
  for (let row = 0; row < rows; row++) {
    const y = top + row * height;
    if (row === 0) canvas.rect(left, y, width * columns, height, head);
    else if (isStriped && row % 2 === 0) canvas.rect(left, y, width * columns, height, ground > 128 ? 222 : 80);
    for (let column = 0; column < columns; column++) {
      const long = width * between(content, 0.35, 0.8);
      canvas.text(content, left + column * width + 0.01, y + height * 0.3, long, height * 0.4, ink);
    }
    canvas.rect(left, y, width * columns, 0.004, ink);
  }
  if (!hasColumns) return canvas;
  for (let column = 0; column <= columns; column++) canvas.rect(left + column * width, top, 0.004, height * rows, ink);
  return canvas;
}

/** A letter, an invoice, a page of a book. */
export function page(layout: Random, content: Random): Canvas {
  const { ground, ink } = paper(layout);
  const canvas = new Canvas(ground);
  const [left, size] = [oneOf(layout, [0.08, 0.12]), oneOf(layout, [0.016, 0.022])];
  const columns = oneOf(layout, [1, 1, 2]);
  const width = (1 - 2 * left) / columns;
  canvas.text(content, left, 0.06, between(content, 0.3, 0.5), size * 2, ink);
  for (let column = 0; column < columns; column++) {
    let y = 0.15;
    while (y < 0.9) {
      const lines = Math.min(whole(content, 3, 9), Math.floor((0.95 - y) / (size * 1.7)));
      if (lines < 1) break;
      canvas.paragraph(content, left + column * width, y, width * 0.94, lines, size, ink);
      y += lines * size * 1.7 + size;
    }
  }
  return canvas;
}
