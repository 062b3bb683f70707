/** Screens without photographs: conversations, pages, maps, widgets. */
import { between, oneOf, whole } from '../../../scripts/canary/canvas.js';
import { shuffled } from '../random.js';
import { statusBar, themeOf } from '../screenshots.js';
import { centredSvg, digits, filling, paragraphSvg, personName, textSvg, word, words } from '../strokes.js';
import { type Draw, disc, frame, gradient, hsl, line, path, rect } from './drawing.js';

export const chat: Draw = (layout, content) => {
  const theme = themeOf(layout);
  const [width, height, size] = [400, oneOf(layout, [711, 840]), 9];
  let body =
    rect(0, 0, width, height, theme.ground) +
    rect(0, 0, width, 84, theme.panel) +
    statusBar(content, width, 28, theme.ink);
  body +=
    disc(60, 56, 18, theme.accent) + textSvg(personName(content), 92, 50, 12, { colour: theme.ink, weight: 0.16 });
  for (let y = 100; y < height - 110; ) {
    const [isMine, lines] = [content() < 0.5, whole(content, 1, 4)];
    const [wide, tall] = [between(content, 120, 280), lines * size * 2 + 18];
    const x = isMine ? width - 14 - wide : 14;
    body += rect(x, y, wide, tall, isMine ? theme.accent : theme.panel === '#fff' ? '#e6e6e6' : theme.panel, 'rx="12"');
    const column = { x: x + 12, y: y + 12, width: wide - 24, lines, size };
    body += paragraphSvg(content, column, { colour: isMine ? '#fff' : theme.ink });
    y += tall + whole(content, 8, 18);
  }
  body += rect(0, height - 56, width, 56, theme.panel) + frame(50, height - 46, 290, 36, theme.faint, 1.5, 18);
  return { width, height, body };
};

/** The front page of one site on different days. */
export const webPage: Draw = (layout, content) => {
  const theme = themeOf(layout);
  const [columns, side, name] = [oneOf(layout, [2, 3]), layout() < 0.5 ? 180 : 0, word(layout) + word(layout)];
  let body =
    rect(0, 0, 1_000, 700, theme.ground) +
    rect(0, 0, 1_000, 64, theme.accent) +
    textSvg(name.toUpperCase(), 40, 20, 24, { colour: '#fff', weight: 0.2 });
  for (let n = 0; n < 6; n++) body += textSvg(words(layout, 1), 420 + n * 92, 28, 11, { colour: '#fff' });
  const wide = (940 - side) / columns;
  for (let column = 0; column < columns; column++)
    for (let y = 90; y < 680; ) {
      const x = 30 + column * wide;
      body += textSvg(filling(content, wide - 40, 14), x, y, 14, { colour: theme.ink, weight: 0.17 });
      const block = content() < 0.35 ? 90 : 0;
      if (block > 0) body += rect(x, y + 26, wide - 30, block, hsl(whole(content, 0, 359), 35, 65));
      const lines = whole(content, 2, 6);
      body += paragraphSvg(
        content,
        { x, y: y + 34 + block, width: wide - 40, lines, size: 8 },
        { colour: theme.faint },
      );
      y += 60 + block + lines * 16;
    }
  if (side > 0)
    body +=
      rect(1_000 - side, 64, side, 636, theme.panel) +
      paragraphSvg(content, { x: 1_010 - side, y: 90, width: side - 30, lines: 30, size: 9 }, { colour: theme.ink });
  return { width: 1_000, height: 700, body };
};

/** One style of maps, different places. */
export const map: Draw = (layout, content) => {
  const [land, road, water, park] = oneOf(layout, [
    ['#f2efe9', '#ffffff', '#aad3df', '#cdebb0'],
    ['#e8eaed', '#ffffff', '#9cc0f9', '#c5e8c5'],
    ['#242f3e', '#38414e', '#17263c', '#263c3f'],
  ] as const);
  const turn = whole(content, -40, 40);
  let inner = '';
  for (let n = 0; n < 5; n++)
    inner += rect(
      between(content, -300, 250),
      between(content, -300, 250),
      between(content, 40, 180),
      between(content, 40, 180),
      park,
    );
  for (let at = -450; at < 450; at += between(content, 24, 70))
    inner += line(at, -450, at, 450, road, content() < 0.2 ? 12 : 5);
  for (let at = -450; at < 450; at += between(content, 24, 70))
    inner += line(-450, at, 450, at, road, content() < 0.2 ? 12 : 5);
  const bend = () => `${whole(content, -300, 300)} ${whole(content, -300, 300)}`;
  inner += path(
    `M-450 ${whole(content, -300, 300)}C${bend()} ${bend()} 450 ${whole(content, -300, 300)}`,
    'none',
    `stroke="${water}" stroke-width="${whole(content, 20, 60)}"`,
  );
  inner += path(
    `M-450 ${whole(content, -300, 300)}C${bend()} ${bend()} 450 ${whole(content, -300, 300)}`,
    'none',
    'stroke="#f6c344" stroke-width="12"',
  );
  let body = `${rect(0, 0, 640, 480, land)}<g transform="translate(320 240) rotate(${turn})">${inner}</g>`;
  for (let n = 0; n < 8; n++)
    body += textSvg(words(content, 1), between(content, 20, 540), between(content, 20, 450), 10, {
      colour: '#333',
      outline: '#fff',
    });
  const [x, y] = [between(content, 150, 490), between(content, 150, 330)];
  body +=
    path(`M${x} ${y}Q${x - 22} ${y - 32} ${x} ${y - 50}Q${x + 22} ${y - 32} ${x} ${y}Z`, '#e53935') +
    disc(x, y - 32, 6, '#fff');
  return { width: 640, height: 480, body };
};

export const weather: Draw = (layout, content) => {
  const [hue, isWide] = [whole(layout, 190, 240), layout() < 0.5];
  const [width, height] = isWide ? [640, 320] : [400, 500];
  const sky = whole(content, 0, 3);
  const cloud = (x: number, y: number, size: number, colour: string) =>
    disc(x, y, size, colour) +
    disc(x + size * 1.1, y - size * 0.5, size * 1.2, colour) +
    disc(x + size * 2.3, y, size, colour) +
    rect(x, y, size * 2.3, size, colour);
  const sign = (x: number, y: number, size: number, kind: number) => {
    let drawn = kind < 2 ? disc(x + size, y, size, '#ffd54f') : '';
    if (kind > 0) drawn += cloud(x + size * 0.4, y + size * 0.7, size * 0.6, kind === 3 ? '#90a4ae' : '#fff');
    for (let drop = 0; kind === 3 && drop < 3; drop++)
      drawn += line(
        x + size * (0.6 + drop * 0.6),
        y + size * 1.5,
        x + size * (0.4 + drop * 0.6),
        y + size * 2,
        '#4fc3f7',
        size * 0.14,
      );
    return drawn;
  };
  let body =
    gradient('sky', [hsl(hue, 60, 45 + sky * 3), hsl(hue - 15, 70, 75)]) + rect(0, 0, width, height, 'url(#sky)');
  body +=
    textSvg(words(content, 1), 30, 30, 20, { colour: '#fff' }) +
    textSvg(`${whole(content, -9, 38)}°`, 30, 74, 70, { colour: '#fff', weight: 0.09 });
  body += sign(width - 170, 110, 44, sky) + textSvg(words(content, 2), 30, 170, 13, { colour: '#fff' });
  const days = isWide ? 6 : 4;
  for (let day = 0; day < days; day++) {
    const x = 30 + (day * (width - 60)) / days;
    const y = height - 110;
    body +=
      textSvg(words(layout, 1).slice(0, 3), x, y, 11, { colour: '#fff' }) + sign(x, y + 40, 13, whole(content, 0, 3));
    body += textSvg(`${whole(content, -9, 38)}°`, x, y + 76, 14, { colour: '#fff' });
  }
  return { width, height, body };
};

const ROWS = ['1234567890', 'QWERTYUIOP', 'ASDFGHJKL', 'ZXCVBNM'];

/** One keyboard in different colours and languages, with a key pressed. */
export const keyboard: Draw = (layout, content) => {
  const [isDark, radius] = [layout() < 0.5, oneOf(layout, [3, 8])];
  const [ground, key, ink] = isDark ? ['#1c1d20', '#3a3c41', '#f2f2f2'] : ['#d1d4da', '#fff', '#222'];
  const accent = hsl(whole(content, 0, 359), 70, 50);
  let body = rect(0, 0, 640, 320, content() < 0.3 ? accent : ground);
  const pressed = whole(content, 0, 35);
  const letters = content() < 0.5 ? ROWS : ROWS.map((row) => shuffled(content, [...row]).join(''));
  let at = 0;
  for (const [row, keys] of letters.entries())
    for (const [column, letter] of [...keys].entries()) {
      const [x, y] = [14 + row * 14 + column * 61, 12 + row * 60];
      body +=
        rect(x, y, 53, 50, at++ === pressed ? accent : key, `rx="${radius}"`) +
        centredSvg(letter, x + 26, y + 16, 18, { colour: ink });
    }
  body += rect(130, 256, 330, 50, key, `rx="${radius}"`) + rect(476, 256, 150, 50, accent, `rx="${radius}"`);
  return { width: 640, height: 320, body: body + centredSvg(word(content), 295, 274, 14, { colour: ink }) };
};

/** A page to sign in, a message, a question: one dialog with different words. */
export const dialog: Draw = (layout, content) => {
  const theme = themeOf(layout);
  const [wide, tall] = [whole(layout, 340, 460), whole(layout, 200, 280)];
  const [x, y] = [(640 - wide) / 2, (480 - tall) / 2];
  let body = rect(0, 0, 640, 480, oneOf(layout, ['#4a5560', '#9aa5b1', '#2b4a6f']));
  body +=
    rect(x, y, wide, tall, theme.ground, 'rx="8"') +
    textSvg(filling(content, wide * 0.7, 16), x + 24, y + 26, 16, { colour: theme.ink, weight: 0.17 });
  body += paragraphSvg(
    content,
    { x: x + 24, y: y + 70, width: wide - 48, lines: whole(content, 1, 4), size: 10 },
    { colour: theme.faint },
  );
  const buttons = whole(content, 1, 2);
  for (let n = 0; n < buttons; n++) {
    const left = x + wide - 24 - (n + 1) * 110 + 10;
    body += rect(left, y + tall - 52, 100, 32, n === 0 ? theme.accent : theme.panel, 'rx="5"');
    body += centredSvg(words(content, 1), left + 50, y + tall - 41, 10, { colour: n === 0 ? '#fff' : theme.ink });
  }
  return {
    width: 640,
    height: 480,
    body: body + (layout() < 0.4 ? disc(x + wide - 40, y + 34, 14, theme.accent) : ''),
  };
};

/** One poster of a sale with different goods and numbers. */
export const sale: Draw = (layout, content) => {
  const [hue, size] = [whole(layout, 0, 359), oneOf(layout, [500, 600])];
  let body =
    rect(0, 0, size, size, hsl(hue, 75, 50)) +
    path(`M0 ${size * 0.62}L${size} ${size * 0.5}L${size} ${size}L0 ${size}Z`, hsl(hue + 40, 85, 60));
  body += centredSvg(`${whole(content, 1, 9)}0%`, size / 2, size * 0.14, size * 0.24, { colour: '#fff', weight: 0.18 });
  body += centredSvg(words(content, 2).toUpperCase(), size / 2, size * 0.45, size * 0.06, {
    colour: '#fff',
    weight: 0.17,
  });
  body += centredSvg(
    filling(content, size * between(content, 0.4, 0.8), size * 0.04),
    size / 2,
    size * 0.7,
    size * 0.04,
    { colour: '#222' },
  );
  const [x, y] = [size * 0.5, size * 0.86];
  body += rect(x - size * 0.2, y - size * 0.05, size * 0.4, size * 0.1, '#222', `rx="${size * 0.05}"`);
  return {
    width: size,
    height: size,
    body:
      body +
      centredSvg(`${digits(content, 2)}.${digits(content, 2)}`, x, y - size * 0.02, size * 0.045, { colour: '#fff' }),
  };
};
