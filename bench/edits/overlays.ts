/** Things drawn over the image: marks, text and emoji. */
import { between, oneOf, type Random, whole } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { type Edit, percent, WHOLE } from './edit.js';
import { emojiSvg } from './emoji.js';
import { signed } from './random.js';
import { overlaid } from './rasters.js';
import { centredSvg, filling, type Ink, paragraphSvg, personName, textSvg, textWidth, word } from './strokes.js';

function overlay(
  group: string,
  name: string,
  draw: (image: Raster, random: Random) => { body: string; parameters: string },
): Edit {
  return {
    name,
    group,
    async make(image, random) {
      const { body, parameters } = draw(image, random);
      return { raster: await overlaid(image, body), truth: WHOLE, parameters };
    },
  };
}

/** Return the size at which a text is as long as `width`. */
const sizeFor = (text: string, width: number) => width / textWidth(text, 1);

const markInk = (random: Random, opacity: number): Ink => ({
  colour: oneOf(random, ['#fff', '#fff', '#000', '#d22']),
  weight: between(random, 0.1, 0.2),
  opacity: Number(opacity.toFixed(2)),
});

const MARKS: readonly Edit[] = [
  overlay('mark', 'watermark small', ({ width, height }, random) => {
    const text = `@${word(random)}${word(random)}`;
    const [share, opacity] = [between(random, 0.12, 0.3), between(random, 0.4, 0.95)];
    const size = Math.min(sizeFor(text, width * share), height * 0.08);
    const margin = Math.min(width, height) * 0.03;
    const x = random() < 0.5 ? margin : width - margin - textWidth(text, size);
    const y = random() < 0.25 ? margin : height - margin - size * 1.3;
    return {
      body: textSvg(text, x, y, size, markInk(random, opacity)),
      parameters: `${percent(share)} of the width, opacity ${opacity.toFixed(2)}`,
    };
  }),
  overlay('mark', 'watermark tiled', ({ width, height }, random) => {
    const text = personName(random);
    const [opacity, turn] = [between(random, 0.15, 0.45), signed(random, 15, 40)];
    const size = Math.min(width, height) * between(random, 0.03, 0.05);
    const ink = markInk(random, opacity);
    const [pitchX, pitchY] = [textWidth(text, size) + size * 3, size * between(random, 4, 7)];
    const reach = Math.hypot(width, height) / 2;
    let body = '';
    for (let y = -reach; y < reach; y += pitchY)
      for (let x = -reach; x < reach; x += pitchX) body += textSvg(text, x, y, size, ink);
    return {
      body: `<g transform="translate(${width / 2} ${height / 2}) rotate(${turn.toFixed(1)})">${body}</g>`,
      parameters: `opacity ${opacity.toFixed(2)}, ${turn.toFixed(0)}°`,
    };
  }),
  overlay('mark', 'watermark large', ({ width, height }, random) => {
    const text = personName(random)
      .slice(0, whole(random, 5, 9))
      .trim()
      .toUpperCase();
    const [share, opacity] = [between(random, 0.6, 0.95), between(random, 0.35, 0.8)];
    const turn = random() < 0.5 ? 0 : signed(random, 15, 35);
    const size = Math.min(sizeFor(text, width * share), height * 0.4);
    const body = centredSvg(text, 0, -size / 2, size, markInk(random, opacity));
    return {
      body: `<g transform="translate(${width / 2} ${height / 2}) rotate(${turn.toFixed(1)})">${body}</g>`,
      parameters: `${percent(share)} of the width, opacity ${opacity.toFixed(2)}, ${turn.toFixed(0)}°`,
    };
  }),
];

const TEXTS: readonly Edit[] = [
  overlay('text', 'meme text', ({ width, height }, random) => {
    const size = Math.min(width, height) * between(random, 0.06, 0.1);
    const ink: Ink = { colour: '#fff', outline: '#000', weight: 0.2 };
    const line = () => filling(random, width * between(random, 0.5, 0.9), size, true);
    const [above, below] = [whole(random, 1, 2), whole(random, 0, 2)];
    const lines = [
      ...Array.from({ length: above }, (_, at) => ({ y: height * 0.03 + at * size * 1.45 })),
      ...Array.from({ length: below }, (_, at) => ({ y: height * 0.97 - (below - at) * size * 1.45 })),
    ];
    return {
      body: lines.map(({ y }) => centredSvg(line(), width / 2, y, size, ink)).join(''),
      parameters: `${above} lines above, ${below} below, ${percent(size / height)} high`,
    };
  }),
  overlay('text', 'text block', ({ width, height }, random) => {
    const size = Math.min(width, height) * between(random, 0.03, 0.05);
    const [w, lines] = [width * between(random, 0.45, 0.8), whole(random, 3, 7)];
    const h = lines * size * 1.8 + size * 1.4;
    const [x, y] = [random() * (width - w), random() * Math.max(0, height - h)];
    const isDark = random() < 0.5;
    const column = { x: x + size, y: y + size * 0.9, width: w - 2 * size, lines, size, pitch: 1.8 };
    return {
      body: `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${isDark ? '#000' : '#fff'}" opacity="${between(random, 0.7, 1).toFixed(2)}"/>${paragraphSvg(random, column, { colour: isDark ? '#fff' : '#111' })}`,
      parameters: `${percent((w * h) / (width * height))} of the area, ${lines} lines`,
    };
  }),
];

/** Cover a share of the area with one to four emoji, apart from each other where there is room. */
const emojiOver = (share: number): Edit =>
  overlay('emoji', `emoji ${share * 100} %`, ({ width, height }, random) => {
    const count = whole(random, 1, 4);
    const radius = Math.sqrt((share * width * height) / count / Math.PI);
    const taken: { x: number; y: number }[] = [];
    for (let tries = 0; taken.length < count && tries < 200; tries++) {
      const [x, y] = [between(random, radius, width - radius), between(random, radius, height - radius)];
      if (tries > 150 || taken.every((other) => Math.hypot(other.x - x, other.y - y) > radius * 2))
        taken.push({ x, y });
    }
    return {
      body: taken.map(({ x, y }) => emojiSvg(random, x, y, radius)).join(''),
      parameters: `${count} emoji`,
    };
  });

export const OVERLAYS: readonly Edit[] = [...MARKS, ...TEXTS, emojiOver(0.05), emojiOver(0.15)];
