/** Charts as office programs draw them. */
import { between, oneOf, type Random, whole } from '../../../scripts/canary/canvas.js';
import { bell } from '../random.js';
import { centredSvg, digits, filling, textSvg, word, words } from '../strokes.js';
import { type Draw, disc, line, path, rect } from './drawing.js';

const PALETTES = [
  ['#4472c4', '#ed7d31', '#a5a5a5', '#ffc000', '#5b9bd5', '#70ad47'],
  ['#1f77b4', '#ff7f0e', '#2ca02c', '#d62728', '#9467bd', '#8c564b'],
  ['#3366cc', '#dc3912', '#ff9900', '#109618', '#990099', '#0099c6'],
];
const INK = '#444';

const titleSvg = (content: Random, width: number) =>
  centredSvg(words(content, whole(content, 2, 5)), width / 2, 18, 17, { colour: INK });

export const pieChart: Draw = (layout, content) => {
  const [width, height] = [640, oneOf(layout, [420, 480])];
  const [x, y, radius] = [oneOf(layout, [260, 320]), height * 0.54, height * 0.36];
  const [palette, isRing] = [oneOf(layout, PALETTES), layout() < 0.3];
  const parts = Array.from({ length: whole(content, 3, 6) }, () => between(content, 0.15, 1));
  const sum = parts.reduce((all, part) => all + part, 0);
  const at = (turn: number) =>
    `${(x + radius * Math.sin(turn * 2 * Math.PI)).toFixed(1)} ${(y - radius * Math.cos(turn * 2 * Math.PI)).toFixed(1)}`;
  let body = rect(0, 0, width, height, '#fff') + titleSvg(content, width);
  let from = 0;
  for (const [n, part] of parts.entries()) {
    const to = from + part / sum;
    body += path(
      `M${x} ${y}L${at(from)}A${radius} ${radius} 0 ${to - from > 0.5 ? 1 : 0} 1 ${at(to)}Z`,
      palette[n]!,
      'stroke="#fff" stroke-width="2"',
    );
    body +=
      rect(530, 120 + n * 30, 12, 12, palette[n]!) + textSvg(word(content), 550, 121 + n * 30, 10, { colour: INK });
    from = to;
  }
  return { width, height, body: isRing ? body + disc(x, y, radius * 0.55, '#fff') : body };
};

/** Draw axes with numbers and lines; the room for data is 60 to 620 and 60 to 380. */
function axesSvg(layout: Random, content: Random): string {
  const lines = whole(layout, 4, 6);
  const top = oneOf(content, [10, 50, 100, 200, 1_000]);
  let body = rect(0, 0, 640, 430, '#fff') + titleSvg(content, 640);
  for (let n = 0; n <= lines; n++) {
    const y = 380 - (n * 320) / lines;
    body += line(60, y, 620, y, n === 0 ? '#888' : '#ddd');
    body += textSvg(String(Math.round((top * n) / lines)), 22, y - 4, 9, { colour: INK });
  }
  return body;
}

export const barChart: Draw = (layout, content) => {
  const [palette, bars, series] = [oneOf(layout, PALETTES), whole(layout, 4, 9), oneOf(layout, [1, 1, 2, 3])];
  let body = axesSvg(layout, content);
  const pitch = 560 / bars;
  for (let bar = 0; bar < bars; bar++) {
    for (let n = 0; n < series; n++) {
      const [wide, tall] = [(pitch * 0.7) / series, 310 * between(content, 0.1, 1)];
      body += rect(60 + bar * pitch + pitch * 0.15 + n * wide, 380 - tall, wide, tall, palette[n]!);
    }
    body += centredSvg(word(content), 60 + (bar + 0.5) * pitch, 392, 9, { colour: INK });
  }
  return { width: 640, height: 430, body };
};

export const lineChart: Draw = (layout, content) => {
  const [palette, series, points] = [oneOf(layout, PALETTES), oneOf(layout, [1, 2, 3]), oneOf(layout, [7, 12, 24])];
  let body = axesSvg(layout, content);
  for (let n = 0; n < series; n++) {
    let share = between(content, 0.2, 0.8);
    const places = Array.from({ length: points }, (_, at) => {
      share = Math.max(0.02, Math.min(0.98, share + bell(content) * 0.08));
      return `${(60 + (560 * at) / (points - 1)).toFixed(1)} ${(380 - 320 * share).toFixed(1)}`;
    });
    body += path(`M${places.join('L')}`, 'none', `stroke="${palette[n]}" stroke-width="3"`);
  }
  for (let n = 0; n < 6; n++) body += centredSvg(word(content), 100 + n * 100, 392, 9, { colour: INK });
  return { width: 640, height: 430, body };
};

/** A cloud of points, or the trace of noise. */
export const noisePlot: Draw = (layout, content) => {
  const [colour, isTrace] = [oneOf(layout, PALETTES)[0]!, layout() < 0.5];
  let body = axesSvg(layout, content);
  if (isTrace) {
    const places = Array.from({ length: 280 }, (_, at) => `${60 + at * 2} ${(220 + bell(content) * 45).toFixed(1)}`);
    body += path(`M${places.join('L')}`, 'none', `stroke="${colour}" stroke-width="1.2"`);
  } else {
    const [slope, spread] = [between(content, -0.5, 0.5), between(content, 20, 60)];
    for (let n = 0; n < 220; n++) {
      const x = 60 + content() * 560;
      const y = Math.max(64, Math.min(376, 220 + (x - 340) * slope + bell(content) * spread));
      body += disc(x, y, 4, colour, 'opacity=".6"');
    }
  }
  return { width: 640, height: 430, body: body + textSvg(filling(content, 200, 9), 240, 410, 9, { colour: INK }) };
};

/** A gauge of a dashboard with figures beside it. */
export const figures: Draw = (layout, content) => {
  const [isDark, columns] = [layout() < 0.5, oneOf(layout, [2, 3])];
  const [ground, panel, ink] = isDark ? ['#14171c', '#22262d', '#eee'] : ['#eef1f4', '#fff', '#333'];
  const palette = oneOf(layout, PALETTES);
  const [width, tall] = [640 / columns, 160];
  let body = rect(0, 0, 640, 480, ground);
  for (let at = 0; at < columns * 3; at++) {
    const [x, y] = [(at % columns) * width + 8, Math.floor(at / columns) * tall + 8];
    body +=
      rect(x, y, width - 16, tall - 16, panel, 'rx="6"') +
      textSvg(words(content, 2), x + 14, y + 14, 10, { colour: ink });
    if (at % 2 === 0) {
      body += textSvg(digits(content, whole(content, 2, 5)), x + 14, y + 52, 36, {
        colour: palette[at % 6]!,
        weight: 0.16,
      });
      continue;
    }
    const places = Array.from(
      { length: 16 },
      (_, n) => `${(x + 14 + (n * (width - 44)) / 15).toFixed(1)} ${(y + 50 + content() * 80).toFixed(1)}`,
    );
    body += path(`M${places.join('L')}`, 'none', `stroke="${palette[at % 6]}" stroke-width="2.5"`);
  }
  return { width: 640, height: 480, body };
};
