/** Screens: windows, dialogs, chats, and the placeholders of missing images. */
import { between, Canvas, oneOf, type Random, whole } from './canvas.js';
import { paper } from './documents.js';

/** A window of an application or a browser, over the whole screen. */
export function applicationWindow(layout: Random, content: Random): Canvas {
  const { ground, ink } = paper(layout);
  const canvas = new Canvas(ground);
  const bar = oneOf(layout, [0.04, 0.07]);
  canvas.rect(0, 0, 1, bar, oneOf(layout, [50, 200, 225]));
  for (let n = 0; n < 3; n++) canvas.ellipse(0.03 + n * bar * 0.7, bar / 2, bar * 0.22, bar * 0.22, 120);
  canvas.text(content, oneOf(layout, [0.2, 0.4]), bar * 0.3, 0.25, bar * 0.4, ink);
  if (layout() < 0.6) canvas.frame(0.12, bar * 1.2, 0.75, bar * 0.7, 0.004, ink);
  const top = bar * 2.2;
  const side = oneOf(layout, [0, 0.18, 0.25]);
  if (side > 0) {
    canvas.rect(0, top, side, 1 - top, 225);
    for (let n = 0; n < 10; n++) canvas.text(content, 0.03, top + 0.03 + n * 0.06, side * 0.7, 0.02, ink);
  }
  const blocks = whole(layout, 1, 3);
  for (let n = 0; n < blocks; n++) {
    const [x, y, width, height] = [
      side + 0.04,
      top + 0.04 + (n * (0.9 - top)) / blocks,
      0.92 - side,
      (0.82 - top) / blocks,
    ];
    if (layout() < 0.35) canvas.scene(content, x, y, width, height);
    else canvas.paragraph(content, x, y, width, Math.floor(height / 0.045), 0.022, ink);
  }
  return canvas;
}

/** A message box over a dimmed or plain screen. */
export function dialog(layout: Random, content: Random): Canvas {
  const canvas = new Canvas(oneOf(layout, [70, 130, 190]));
  if (layout() < 0.2) canvas.scene(content, 0, 0, 1, 1);
  const [width, height] = [oneOf(layout, [0.5, 0.65, 0.8]), oneOf(layout, [0.3, 0.42])];
  const [x, y] = [(1 - width) / 2, (1 - height) / 2];
  const ink = 30;
  canvas.rect(x + 0.012, y + 0.012, width, height, 40);
  canvas.rect(x, y, width, height, 245);
  canvas.rect(x, y, width, height * 0.16, oneOf(layout, [60, 120, 230]));
  if (layout() < 0.5) canvas.ellipse(x + width * 0.13, y + height * 0.45, 0.045, 0.045, 100);
  canvas.paragraph(content, x + width * 0.25, y + height * 0.32, width * 0.65, whole(content, 1, 3), 0.028, ink);
  const buttons = whole(layout, 1, 3);
  for (let n = 0; n < buttons; n++)
    canvas.rect(x + width * (0.94 - (n + 1) * 0.27), y + height * 0.76, width * 0.23, height * 0.15, 170);
  return canvas;
}

/** A conversation: bubbles on both sides. */
export function chat(layout: Random, content: Random): Canvas {
  const isDark = layout() < 0.3;
  const canvas = new Canvas(isDark ? 25 : 250);
  const [theirs, mine] = isDark ? [70, 110] : [225, oneOf(layout, [110, 190])];
  canvas.rect(0, 0, 1, 0.09, isDark ? 60 : oneOf(layout, [80, 235]));
  canvas.ellipse(0.08, 0.045, 0.03, 0.03, 150);
  let y = 0.12;
  while (y < 0.86) {
    const isMine = content() < 0.5;
    const lines = whole(content, 1, 4);
    const [width, height] = [between(content, 0.25, 0.68), lines * 0.042 + 0.03];
    const x = isMine ? 0.96 - width : 0.04;
    canvas.rect(x, y, width, height, isMine ? mine : theirs);
    canvas.paragraph(content, x + 0.025, y + 0.02, width - 0.05, lines, 0.024, isDark ? 235 : 30);
    y += height + 0.025;
  }
  canvas.rect(0, 0.92, 1, 0.08, isDark ? 50 : 235);
  canvas.frame(0.1, 0.935, 0.78, 0.05, 0.004, isDark ? 120 : 180);
  return canvas;
}

/** "Image not available": a frame, a sign and a line of text on a plain ground. */
export function placeholder(layout: Random, content: Random): Canvas {
  const ground = oneOf(layout, [205, 230, 245]);
  const canvas = new Canvas(ground);
  const ink = oneOf(layout, [80, 130, 170]);
  if (layout() < 0.5) canvas.frame(0.02, 0.02, 0.96, 0.96, 0.015, ink);
  const [x, y, size] = [0.5, oneOf(layout, [0.4, 0.46]), oneOf(layout, [0.12, 0.17, 0.22])];
  const sign = whole(layout, 0, 4);
  if (sign === 0) {
    // A camera.
    canvas.rect(x - size, y - size * 0.6, size * 2, size * 1.3, ink);
    canvas.rect(x - size * 0.35, y - size * 0.85, size * 0.7, size * 0.3, ink);
    canvas.ellipse(x, y, size * 0.42, size * 0.42, ground, 0.5);
  } else if (sign === 1) {
    // Mountains and a sun in a frame.
    canvas.frame(x - size, y - size * 0.75, size * 2, size * 1.5, size * 0.1, ink);
    canvas.ellipse(x - size * 0.45, y - size * 0.3, size * 0.2, size * 0.2, ink);
    for (let n = 0; n < 20; n++)
      canvas.rect(
        x - size * 0.1 - n * size * 0.04,
        y - size * 0.2 + n * size * 0.04,
        size * 0.08 * n + 0.01,
        size * 0.05,
        ink,
      );
  } else if (sign === 2) {
    canvas.ellipse(x, y, size, size, ink, 0.82);
    canvas.line(x - size * 0.6, y - size * 0.6, x + size * 0.6, y + size * 0.6, size * 0.15, ink);
  } else if (sign === 3) {
    // A person without a face.
    canvas.ellipse(x, y - size * 0.4, size * 0.45, size * 0.5, ink);
    canvas.ellipse(x, y + size * 1.1, size * 0.9, size * 0.8, ink);
  } else {
    canvas.line(0.02, 0.02, 0.98, 0.98, 0.008, ink);
    canvas.line(0.98, 0.02, 0.02, 0.98, 0.008, ink);
  }
  const width = between(content, 0.4, 0.65);
  if (layout() < 0.8)
    canvas.text(content, 0.5 - width / 2, oneOf(layout, [0.72, 0.78]), width, oneOf(layout, [0.035, 0.06]), ink);
  return canvas;
}
