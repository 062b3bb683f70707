/** Captions on a middle that says nothing: strips above and below, and text over it. */
import { between, Canvas, oneOf, type Random, whole } from './canvas.js';

/** The layout has the strips and the middle, as a template that many caption; the content is the caption. */
export function meme(layout: Random, content: Random): Canvas {
  const kind = oneOf(layout, ['above', 'below', 'both', 'over', 'over', 'poster']);
  const strip = kind === 'poster' ? 0 : oneOf(layout, [255, 255, 255, 0]);
  const canvas = new Canvas(strip);
  const above = kind === 'above' || kind === 'both' ? oneOf(layout, [0.15, 0.22, 0.3]) : 0;
  const below = kind === 'below' || kind === 'both' ? oneOf(layout, [0.15, 0.22]) : 0;
  const side = kind === 'poster' ? 0.1 : 0;
  const [x, y, width, height] = [side, above + side, 1 - 2 * side, 1 - above - below - side * 2.6];
  const middle = whole(layout, 0, 3);
  if (middle <= 1) canvas.scene(layout, x, y, width, height);
  else if (middle === 2) canvas.rect(x, y, width, height, oneOf(layout, [60, 120, 180, 215]));
  else {
    // Panels side by side, or one above the other.
    const [isRow, panels] = [layout() < 0.5, whole(layout, 2, 4)];
    for (let n = 0; n < panels; n++) {
      const [dx, dy] = isRow ? [(n / panels) * width, 0] : [0, (n / panels) * height];
      canvas.scene(layout, x + dx, y + dy, isRow ? width / panels : width, isRow ? height : height / panels);
    }
  }
  const size = 0.055;
  const caption = (top: number, room: number, grey: number) => {
    const lines = Math.max(1, Math.min(whole(content, 1, 2), Math.floor(room / (size * 1.3))));
    for (let line = 0; line < lines; line++) {
      const long = between(content, 0.45, 0.9);
      canvas.text(
        content,
        0.5 - long / 2,
        top + line * size * 1.25 + (room - lines * size * 1.25) / 2,
        long,
        size,
        grey,
      );
    }
  };
  const ink = strip > 128 ? 0 : 255;
  if (above > 0) caption(0, above, ink);
  if (below > 0) caption(1 - below, below, ink);
  if (kind === 'over') caption(0.02, size * 2.6, 255);
  if (kind === 'over') caption(0.97 - size * 2.6, size * 2.6, 255);
  if (kind === 'poster') caption(1 - side * 1.6, side * 1.4, 255);
  return canvas;
}
