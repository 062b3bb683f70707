/** Pages of offices, schools and shops. */
import { between, oneOf, type Random, whole } from '../../../scripts/canary/canvas.js';
import {
  centredSvg,
  digits,
  filling,
  type Ink,
  paragraphSvg,
  personName,
  textSvg,
  textWidth,
  word,
  words,
} from '../strokes.js';
import { type Draw, disc, frame, hsl, line, path, rect } from './drawing.js';

const INK: Ink = { colour: '#1b1b1b' };
const price = (content: Random) => `${whole(content, 0, 99)}.${digits(content, 2)}`;

export const slide: Draw = (layout, content) => {
  const [hue, band, hasFoot] = [whole(layout, 0, 359), layout() < 0.5, layout() < 0.5];
  let body = rect(0, 0, 800, 450, '#fff');
  if (band) body += rect(0, 0, 800, 90, hsl(hue, 50, 40));
  if (hasFoot) body += rect(0, 425, 800, 25, hsl(hue, 40, 85));
  body += textSvg(filling(content, between(content, 300, 650), 30), 50, 32, 30, {
    colour: band ? '#fff' : '#222',
    weight: 0.15,
  });
  const bullets = whole(content, 3, 5);
  for (let n = 0; n < bullets; n++) {
    const y = 125 + n * 56;
    body +=
      disc(62, y + 10, 5, hsl(hue, 50, 40)) + textSvg(filling(content, between(content, 250, 660), 18), 84, y, 18, INK);
  }
  return { width: 800, height: 450, body };
};

/** Letters, articles and books: each image is of one of several layouts. */
export const textPage: Draw = (_layout, content) => {
  const [columns, size, left] = [
    oneOf(content, [1, 1, 2, 3]),
    oneOf(content, [8, 9, 11]),
    oneOf(content, [40, 60, 80]),
  ];
  const [gap, wide] = [20, (600 - 2 * left) / columns];
  let body = rect(0, 0, 600, 848, oneOf(content, ['#fff', '#fff', '#faf6ea']));
  if (content() < 0.7) body += textSvg(filling(content, 420, size * 2), left, 50, size * 2, { ...INK, weight: 0.16 });
  for (let column = 0; column < columns; column++) {
    let y = 110;
    while (y < 780) {
      const lines = Math.min(whole(content, 2, 10), Math.floor((800 - y) / (size * 2)));
      if (lines < 1) break;
      const x = left + column * wide;
      body += paragraphSvg(content, { x, y, width: wide - (columns > 1 ? gap : 0), lines, size }, INK);
      y += lines * size * 2 + size * 1.6;
    }
  }
  return { width: 600, height: 848, body: body + centredSvg(digits(content, 2), 300, 815, 9, INK) };
};

export const spreadsheet: Draw = (layout, content) => {
  const [columns, rows] = [whole(layout, 6, 9), whole(layout, 18, 24)];
  const [wide, tall, hue] = [720 / columns, 480 / rows, whole(layout, 90, 240)];
  const headed = whole(content, 0, 3);
  let body = rect(0, 0, 760, 520, '#fff') + rect(0, 0, 760, 20, '#e6e6e6') + rect(0, 0, 40, 520, '#e6e6e6');
  if (headed > 0) body += rect(40, 20 + headed * tall, 720, tall, hsl(hue, 45, 80));
  const used = whole(content, Math.floor(columns / 2), columns);
  const filled = whole(content, Math.floor(rows / 2), rows);
  for (let column = 0; column < columns; column++) {
    body += line(40 + column * wide, 0, 40 + column * wide, 520, '#cfcfcf');
    body += centredSvg(String.fromCharCode(65 + column), 40 + (column + 0.5) * wide, 6, 8, INK);
    const isText = column === 0 || content() < 0.2;
    for (let row = headed; column < used && row < filled; row++) {
      const cell = isText || row === headed ? word(content) : digits(content, whole(content, 1, 5));
      const x = isText ? 44 + column * wide : 36 + (column + 1) * wide - textWidth(cell, 8);
      body += textSvg(cell, x, 20 + row * tall + tall * 0.35, 8, INK);
    }
  }
  for (let row = 0; row <= rows; row++) body += line(0, 20 + row * tall, 760, 20 + row * tall, '#cfcfcf');
  for (let row = 0; row < rows; row++) body += textSvg(String(row + 1), 12, 26 + row * tall, 8, INK);
  return { width: 760, height: 520, body };
};

export const receipt: Draw = (layout, content) => {
  const [shop, lines] = [word(layout).toUpperCase() + word(layout).toUpperCase(), whole(content, 4, 18)];
  const [width, height] = [320, 330 + lines * 24];
  let body = rect(0, 0, width, height, '#fdfdfb') + centredSvg(shop, 160, 30, 22, { ...INK, weight: 0.18 });
  for (let n = 0; n < 3; n++) body += centredSvg(words(layout, 3), 160, 66 + n * 18, 9, INK);
  body += centredSvg(
    `${digits(content, 2)}.${digits(content, 2)}.20${digits(content, 2)} ${digits(content, 2)}:${digits(content, 2)}`,
    160,
    130,
    10,
    INK,
  );
  const entry = (y: number, name: string, value: string, size: number) =>
    textSvg(name, 20, y, size, INK) + textSvg(value, 300 - textWidth(value, size), y, size, INK);
  for (let n = 0; n < lines; n++) body += entry(160 + n * 24, filling(content, 170, 10), price(content), 10);
  const end = 170 + lines * 24;
  body += line(20, end, 300, end, '#222', 1.5) + entry(end + 14, 'TOTAL', price(content), 16);
  for (let x = 40; x < 280; ) {
    const wide = whole(content, 1, 4) * 1.5;
    body += rect(x, end + 70, wide, 50, '#111');
    x += wide + whole(content, 1, 4) * 1.5;
  }
  return { width, height, body: body + centredSvg(words(layout, 3), 160, end + 136, 9, INK) };
};

export const certificate: Draw = (layout, content) => {
  const [hue, title] = [whole(layout, 0, 359), words(layout, 1).toUpperCase()];
  let body =
    rect(0, 0, 800, 560, '#fbf8ef') +
    frame(20, 20, 760, 520, hsl(hue, 45, 35), 8) +
    frame(34, 34, 732, 492, hsl(hue, 45, 35), 2);
  for (const [x, y] of [
    [52, 52],
    [748, 52],
    [52, 508],
    [748, 508],
  ] as const)
    body += disc(x, y, 16, hsl(hue, 40, 60));
  body += centredSvg(title, 400, 90, 48, { colour: hsl(hue, 45, 30), weight: 0.12 });
  body += centredSvg(words(layout, 5), 400, 180, 14, INK);
  body += centredSvg(personName(content), 400, 225, oneOf(content, [34, 38, 42]), { colour: '#222', weight: 0.09 });
  body +=
    line(200, 290, 600, 290, '#999') + centredSvg(filling(content, between(content, 280, 520), 14), 400, 315, 14, INK);
  body += centredSvg(filling(content, between(content, 200, 420), 14), 400, 345, 14, INK);
  body += disc(400, 440, 45, hsl(hue + 30, 70, 50)) + disc(400, 440, 34, hsl(hue + 30, 70, 62));
  for (const x of [180, 620])
    body += line(x - 80, 460, x + 80, 460, '#555') + centredSvg(personName(content), x, 472, 11, INK);
  return { width: 800, height: 560, body };
};

export const businessCard: Draw = (layout, content) => {
  const [hue, isSide] = [whole(layout, 0, 359), layout() < 0.5];
  const colour = hsl(hue, 60, 40);
  let body = rect(0, 0, 640, 370, '#fff') + (isSide ? rect(0, 0, 200, 370, colour) : rect(0, 0, 640, 90, colour));
  body += isSide ? disc(100, 120, 50, '#fff') : disc(560, 45, 28, '#fff');
  body += path(isSide ? 'M70 140L100 80L130 140Z' : 'M544 56L560 24L576 56Z', colour);
  const [x, y] = isSide ? [240, 70] : [50, 130];
  body +=
    textSvg(personName(content), x, y, 28, { ...INK, weight: 0.14 }) +
    textSvg(words(content, 2), x, y + 46, 14, { colour });
  const lines = [
    `+${digits(content, 2)} ${digits(content, 3)} ${digits(content, 6)}`,
    `${word(content)}@${word(layout)}.${word(layout)}`,
    filling(content, 280, 12),
  ];
  for (const [n, text] of lines.entries()) body += textSvg(text, x, y + 110 + n * 30, 12, INK);
  return { width: 640, height: 370, body };
};

export const ticket: Draw = (layout, content) => {
  const [hue, title] = [whole(layout, 0, 359), words(layout, 2).toUpperCase()];
  let body =
    rect(0, 0, 800, 300, '#f4f4f4') +
    rect(20, 20, 760, 260, hsl(hue, 55, 88), 'rx="14"') +
    rect(20, 20, 760, 60, hsl(hue, 60, 38), 'rx="14"');
  body += textSvg(title, 44, 40, 22, { colour: '#fff', weight: 0.17 });
  body += `<path d="M590 90L590 276" stroke="#666" stroke-width="3" stroke-dasharray="8 8"/>`;
  for (let n = 0; n < 4; n++) {
    const [x, y] = [50 + (n % 2) * 270, 105 + Math.floor(n / 2) * 85];
    body += textSvg(words(layout, 1), x, y, 10, { colour: '#777' });
    const value = n % 2 ? `${digits(content, 2)}:${digits(content, 2)}` : words(content, 1);
    body += textSvg(value, x, y + 22, oneOf(content, [24, 28]), { ...INK, weight: 0.15 });
  }
  const modules = 17;
  for (let y = 0; y < modules; y++)
    for (let x = 0; x < modules; x++) if (content() < 0.5) body += rect(625 + x * 7, 100 + y * 7, 7.2, 7.2, '#111');
  return { width: 800, height: 300, body: body + textSvg(digits(content, 10), 625, 240, 13, INK) };
};

export const calendar: Draw = (layout, content) => {
  const [hue, hasLines, weekend] = [whole(layout, 0, 359), layout() < 0.8, layout() < 0.6];
  const busy = oneOf(layout, [0, 0.05, 0.15]);
  const [first, days] = [whole(content, 0, 6), whole(content, 28, 31)];
  let body = rect(0, 0, 700, 560, '#fff') + rect(0, 0, 700, 80, hsl(hue, 55, 42));
  body += centredSvg(`${words(content, 1)} 20${digits(content, 2)}`, 350, 28, 26, { colour: '#fff', weight: 0.15 });
  for (let day = 0; day < 7; day++) body += centredSvg(words(layout, 1).slice(0, 3), 50 + day * 100, 94, 11, INK);
  if (weekend) body += rect(500, 115, 200, 444, '#f0f0f0');
  for (let day = 0; day < days; day++) {
    const cell = first + day;
    const [x, y] = [(cell % 7) * 100, 115 + Math.floor(cell / 7) * 74];
    body += textSvg(String(day + 1), x + 10, y + 10, 15, INK);
    if (content() < busy)
      body +=
        rect(x + 6, y + 38, 88, 16, hsl(whole(content, 0, 359), 60, 70)) +
        textSvg(word(content), x + 10, y + 42, 8, INK);
  }
  for (let n = 0; hasLines && n <= 7; n++)
    body += line(n * 100, 115, n * 100, 559, '#aaa') + (n < 7 ? line(0, 115 + n * 74, 700, 115 + n * 74, '#aaa') : '');
  return { width: 700, height: 560, body };
};

/** Of one puzzle in a series: black cells as its twin's, half a turn later. */
export const crossword: Draw = (layout, content) => {
  const cells = oneOf(layout, [11, 13, 15]);
  const [side, black] = [560 / cells, between(layout, 0.16, 0.24)];
  const isBlack = Array.from({ length: cells * cells }, () => false);
  for (let at = 0; at < isBlack.length / 2; at++)
    if (content() < black) isBlack[at] = isBlack[isBlack.length - 1 - at] = true;
  let body = rect(0, 0, 600, 600, '#fff');
  let number = 1;
  for (const [at, is] of isBlack.entries()) {
    const [x, y] = [20 + (at % cells) * side, 20 + Math.floor(at / cells) * side];
    body += rect(x, y, side, side, is ? '#111' : '#fff', 'stroke="#333"');
    const starts = at % cells === 0 || isBlack[at - 1] || at < cells || isBlack[at - cells];
    if (!is && starts) body += textSvg(String(number++), x + 3, y + 3, side * 0.18, INK);
  }
  return { width: 600, height: 600, body };
};

export const sheetMusic: Draw = (layout, content) => {
  const [staves, gap] = [whole(layout, 6, 8), 9];
  const pitch = 720 / staves;
  let body = rect(0, 0, 600, 848, '#fffef9') + centredSvg(words(content, 3), 300, 36, 20, INK);
  for (let staff = 0; staff < staves; staff++) {
    const top = 100 + staff * pitch;
    for (let n = 0; n < 5; n++) body += line(40, top + n * gap, 560, top + n * gap, '#222');
    for (const bar of [40, 170, 300, 430, 560]) body += line(bar, top, bar, top + 4 * gap, '#222', 1.5);
    body += path(
      `M52 ${top + 46}Q60 ${top + 52} 58 ${top + 40}L54 ${top - 8}Q66 ${top - 16} 60 ${top}Q40 ${top + 20} 54 ${top + 30}Q68 ${top + 28} 58 ${top + 16}`,
      'none',
      'stroke="#111" stroke-width="2.5"',
    );
    let step = whole(content, 0, 8);
    for (let x = 86; x < 550; x += oneOf(content, [16, 22, 22, 32])) {
      step = Math.max(-2, Math.min(10, step + whole(content, -2, 2)));
      const y = top + step * (gap / 2);
      const isOpen = content() < 0.15;
      body += `<ellipse cx="${x}" cy="${y}" rx="6" ry="4.2" transform="rotate(-20 ${x} ${y})" fill="${isOpen ? '#fffef9' : '#111'}" stroke="#111" stroke-width="1.5"/>`;
      body +=
        step < 4 ? line(x - 5.5, y, x - 5.5, y + 30, '#111', 1.5) : line(x + 5.5, y, x + 5.5, y - 30, '#111', 1.5);
    }
  }
  return { width: 600, height: 848, body };
};
