/** Signs: flags, codes and faces. */
import { Canvas, oneOf, type Random, whole } from './canvas.js';

/** Three colours as greys, apart from each other. */
function colours(layout: Random): readonly [number, number, number] {
  const from = oneOf(layout, [
    [25, 130, 245],
    [80, 245, 160],
    [60, 180, 240],
    [10, 90, 210],
  ] as const);
  const turn = whole(layout, 0, 2);
  return [from[turn]!, from[(turn + 1) % 3]!, from[(turn + 2) % 3]!];
}

export function flag(layout: Random): Canvas {
  const [a, b, c] = colours(layout);
  const canvas = new Canvas(a);
  const kind = whole(layout, 0, 5);
  const [isUpright, first] = [layout() < 0.5, oneOf(layout, [1 / 3, 1 / 3, 0.25, 0.5])];
  if (kind <= 1) {
    const stripes: [number, number, number][] = [
      [first, (1 - first) / 2, b],
      [first + (1 - first) / 2, 1, c],
    ];
    for (const [from, size, grey] of stripes) {
      if (isUpright) canvas.rect(from, 0, size, 1, grey);
      else canvas.rect(0, from, 1, size, grey);
    }
  } else if (kind === 2) {
    // A cross, of one or two colours, in the middle or towards the hoist.
    const [x, thick] = [oneOf(layout, [0.36, 0.5]), 0.18];
    canvas.rect(x - thick / 2, 0, thick, 1, b);
    canvas.rect(0, 0.5 - thick / 2, 1, thick, b);
    canvas.rect(x - thick / 4, 0, thick / 2, 1, c);
    canvas.rect(0, 0.5 - thick / 4, 1, thick / 2, c);
  } else if (kind === 3) {
    const stripes = oneOf(layout, [5, 9, 13]);
    for (let n = 0; n < stripes; n += 2) canvas.rect(0, n / stripes, 1, 1 / stripes, b);
    canvas.rect(0, 0, 0.4, oneOf(layout, [0.4, 0.54]), c);
  } else if (kind === 4) {
    // A wedge at the hoist.
    canvas.rect(0, 0.5, 1, 0.5, b);
    const long = oneOf(layout, [0.35, 0.5]);
    for (let n = 0; n < 128; n++) canvas.rect(0, n / 128, long * (1 - Math.abs(n - 63.5) / 63.5), 1 / 128, c);
  } else canvas.line(-0.1, 1.1, 1.1, -0.1, 0.22, b);
  if (layout() < 0.4) {
    const size = oneOf(layout, [0.14, 0.22]);
    canvas.ellipse(
      oneOf(layout, [0.5, 0.5, 0.25]),
      0.5,
      size * 0.7,
      size,
      oneOf(layout, [b, c, 250]),
      oneOf(layout, [0, 0, 0.7]),
    );
  }
  return canvas;
}

export function barcode(layout: Random, content: Random): Canvas {
  const canvas = new Canvas(255);
  const [left, top] = [0.07, oneOf(layout, [0, 0.1])];
  const bottom = layout() < 0.7 ? 0.8 : 1 - top;
  let x = left;
  while (x < 1 - left) {
    const wide = whole(content, 1, 4) * 0.0075;
    canvas.rect(x, top, wide, bottom - top, 0);
    x += wide + whole(content, 1, 4) * 0.0075;
  }
  if (bottom === 0.8) canvas.text(content, left, 0.84, 1 - 2 * left, 0.09, 0);
  return canvas;
}

/** Modules at content with the three finder patterns: no code that can be read. */
export function matrixCode(layout: Random, content: Random): Canvas {
  const canvas = new Canvas(255);
  const modules = oneOf(layout, [21, 25, 29]);
  const margin = oneOf(layout, [0.05, 0.12]);
  const side = (1 - 2 * margin) / modules;
  const dot = (x: number, y: number, size: number, grey: number) =>
    canvas.rect(margin + x * side, margin + y * side, size * side, size * side, grey);
  for (let y = 0; y < modules; y++) for (let x = 0; x < modules; x++) if (content() < 0.48) dot(x, y, 1, 0);
  for (const [x, y] of [
    [0, 0],
    [modules - 7, 0],
    [0, modules - 7],
  ] as const) {
    dot(x - (x > 0 ? 1 : 0), y - (y > 0 ? 1 : 0), 8, 255);
    dot(x, y, 7, 0);
    dot(x + 1, y + 1, 5, 255);
    dot(x + 2, y + 2, 3, 0);
  }
  return canvas;
}

export function face(layout: Random): Canvas {
  const ground = oneOf(layout, [255, 255, 0]);
  const canvas = new Canvas(ground);
  const [radius, skin, ink] = [oneOf(layout, [0.42, 0.48]), oneOf(layout, [180, 215]), 30];
  canvas.ellipse(0.5, 0.5, radius, radius, skin);
  if (layout() < 0.4) canvas.ellipse(0.5, 0.5, radius, radius, ink, 0.93);
  const [eyeY, apart, size] = [0.4, oneOf(layout, [0.14, 0.18]), oneOf(layout, [0.04, 0.07])];
  const eyes = whole(layout, 0, 2);
  for (const x of [0.5 - apart, 0.5 + apart]) {
    if (eyes === 0) canvas.ellipse(x, eyeY, size * 0.8, size, ink);
    else if (eyes === 1) canvas.rect(x - size, eyeY, size * 2, 0.02, ink);
    else {
      canvas.ellipse(x, eyeY, size, size, 255);
      canvas.ellipse(x, eyeY, size * 0.45, size * 0.45, ink);
    }
  }
  const [mouthY, wide] = [0.64, oneOf(layout, [0.1, 0.16, 0.22])];
  const mouth = whole(layout, 0, 3);
  if (mouth === 0) canvas.ellipse(0.5, mouthY, wide * 0.5, wide * 0.6, ink);
  else if (mouth === 1) canvas.rect(0.5 - wide, mouthY, wide * 2, 0.03, ink);
  else {
    // Half a ring: smiling, or the other way round.
    canvas.ellipse(0.5, mouthY, wide, wide * 0.8, ink, oneOf(layout, [0, 0.8]));
    canvas.rect(0.5 - wide - 0.01, mouth === 2 ? mouthY - wide : mouthY, wide * 2 + 0.02, wide, skin);
    canvas.rect(0.5 - wide - 0.01, mouth === 2 ? mouthY - wide : mouthY + wide - 0.01, wide * 2 + 0.02, 0.01, skin);
  }
  return canvas;
}
