/** Signs, codes, boards and the small images of accounts and applications. */
import { between, oneOf, type Random, whole } from '../../../scripts/canary/canvas.js';
import { faceSvg } from '../emoji.js';
import { shuffled } from '../random.js';
import { centredSvg, digits, textSvg, word, words } from '../strokes.js';
import { type Draw, disc, frame, hsl, line, path, placed, rect } from './drawing.js';

const FLAG_COLOURS = ['#ce1126', '#002868', '#ffffff', '#fcd116', '#006233', '#000000', '#0093dd', '#ff8200'];

const star = (x: number, y: number, radius: number, fill: string) =>
  path(
    `M${Array.from({ length: 10 }, (_, at) => {
      const [angle, long] = [(at * Math.PI) / 5 - Math.PI / 2, at % 2 ? radius * 0.4 : radius];
      return `${(x + Math.cos(angle) * long).toFixed(1)} ${(y + Math.sin(angle) * long).toFixed(1)}`;
    }).join('L')}Z`,
    fill,
  );

export const flag: Draw = (layout, content) => {
  const [width, height] = [600, oneOf(layout, [300, 360, 400])];
  const [a, b, c] = shuffled(content, FLAG_COLOURS) as [string, string, string];
  const kind = whole(content, 0, 6);
  let body = rect(0, 0, width, height, a);
  const stripes = oneOf(content, [1 / 3, 1 / 3, 0.25, 0.5]);
  if (kind <= 1)
    body += rect(0, height * stripes, width, height, b) + rect(0, height * (1 - (1 - stripes) / 2), width, height, c);
  else if (kind === 2)
    body += rect(width * stripes, 0, width, height, b) + rect(width * (1 - (1 - stripes) / 2), 0, width, height, c);
  else if (kind === 3) {
    const x = width * oneOf(content, [0.36, 0.5]);
    body +=
      rect(x - 45, 0, 90, height, b) +
      rect(0, height / 2 - 45, width, 90, b) +
      rect(x - 20, 0, 40, height, c) +
      rect(0, height / 2 - 20, width, 40, c);
  } else if (kind === 4) {
    const lines = oneOf(content, [5, 9, 11, 13]);
    for (let n = 0; n < lines; n += 2) body += rect(0, (n * height) / lines, width, height / lines, b);
    body += rect(0, 0, width * 0.4, height * 0.54, c);
  } else if (kind === 5)
    body +=
      rect(0, height / 2, width, height / 2, b) +
      path(`M0 0L${width * between(content, 0.3, 0.5)} ${height / 2}L0 ${height}Z`, c);
  else
    body += path(
      `M0 ${height}L0 ${height * 0.7}L${width * 0.8} 0L${width} 0L${width} ${height * 0.3}L${width * 0.2} ${height}Z`,
      b,
    );
  if (content() < 0.5) {
    const [x, y, size] = [
      width * oneOf(content, [0.2, 0.5, 0.5]),
      height * oneOf(content, [0.27, 0.5, 0.5]),
      height * between(content, 0.12, 0.26),
    ];
    body += content() < 0.5 ? star(x, y, size, c) : disc(x, y, size, c);
  }
  return { width, height, body };
};

export const barcode: Draw = (layout, content) => {
  const [width, height, left] = [oneOf(layout, [420, 560]), 260, 40];
  let body = rect(0, 0, width, height, '#fff');
  for (let x = left; x < width - left; ) {
    const wide = whole(content, 1, 4) * 2.4;
    body += rect(x, 24, Math.min(wide, width - left - x), 176, '#000');
    x += wide + whole(content, 1, 4) * 2.4;
  }
  return { width, height, body: body + centredSvg(digits(content, 13), width / 2, 214, 24, { colour: '#000' }) };
};

export const matrixCode: Draw = (layout, content) => {
  const [modules, margin] = [oneOf(layout, [25, 29, 33]), oneOf(layout, [4, 2])];
  const side = 480 / (modules + 2 * margin);
  const dot = (x: number, y: number, size: number, fill: string) =>
    rect((x + margin) * side, (y + margin) * side, size * side + 0.2, size * side + 0.2, fill);
  let body = rect(0, 0, 480, 480, '#fff');
  for (let y = 0; y < modules; y++)
    for (let x = 0; x < modules; x++) if (content() < 0.49) body += dot(x, y, 1, '#000');
  for (const [x, y] of [
    [0, 0],
    [modules - 7, 0],
    [0, modules - 7],
  ] as const)
    body +=
      dot(x - (x ? 1 : 0), y - (y ? 1 : 0), 8, '#fff') +
      dot(x, y, 7, '#000') +
      dot(x + 1, y + 1, 5, '#fff') +
      dot(x + 2, y + 2, 3, '#000');
  return { width: 480, height: 480, body };
};

/** A sign of simple shapes around 0, 0 of radius 1. */
function signSvg(random: Random, colour: string, second: string): string {
  return oneOf(random, [
    () => `<circle r=".9" fill="${colour}"/><path d="M-.4 .4L0 -.5L.4 .4Z" fill="${second}"/>`,
    () => `<path d="M-.9 .7L0 -.9L.9 .7Z" fill="${colour}"/><circle cy=".2" r=".3" fill="${second}"/>`,
    () =>
      `<rect x="-.8" y="-.8" width="1" height="1" fill="${colour}"/><rect x="-.2" y="-.2" width="1" height="1" fill="${second}" opacity=".85"/>`,
    () =>
      `<path d="M-.9 0A.9 .9 0 0 1 .9 0Z" fill="${colour}"/><path d="M-.9 .1A.9 .9 0 0 0 .9 .1Z" fill="${second}"/>`,
    () => `<circle cx="-.35" r=".55" fill="${colour}"/><circle cx=".35" r=".55" fill="${second}" opacity=".8"/>`,
    () =>
      `<path d="M-.8 -.6Q0 -1.2 .8 -.6L.6 .6Q0 1.1 -.6 .6Z" fill="${colour}"/><path d="M-.4 0L-.1 .35L.45 -.35" fill="none" stroke="${second}" stroke-width=".18"/>`,
    () =>
      `<path d="M-.8 .8L-.8 -.8L.2 -.8Q.9 -.8 .9 -.1Q.9 .5 .2 .5L-.3 .5L-.3 .8Z" fill="${colour}"/><circle cx=".15" cy="-.15" r=".25" fill="${second}"/>`,
    () => `<path d="M0 -.9L.9 0L0 .9L-.9 0Z" fill="${colour}"/><path d="M0 -.4L.4 0L0 .4L-.4 0Z" fill="${second}"/>`,
  ])();
}

const inCircle = (x: number, y: number, radius: number, body: string) =>
  `<g transform="translate(${x} ${y}) scale(${radius})">${body}</g>`;

/** A company's sign and name on white, as on its papers. */
export const logo: Draw = (_layout, content) => {
  const hue = whole(content, 0, 359);
  const [colour, second] = [hsl(hue, 70, 45), oneOf(content, ['#fff', hsl(hue + 180, 60, 55), '#222'])];
  const name = (word(content) + word(content)).slice(0, 10);
  const shown = content() < 0.5 ? name.toUpperCase() : words(content, 1);
  const ink = { colour: oneOf(content, [colour, '#222']), weight: between(content, 0.12, 0.24) };
  let body =
    rect(0, 0, 480, 480, '#fff') + inCircle(240, 190, between(content, 80, 120), signSvg(content, colour, second));
  body += centredSvg(shown, 240, 340, between(content, 34, 50), ink);
  return { width: 480, height: 480, body };
};

/** Faces in the same place, with different eyes and mouths. */
export const emoji: Draw = (layout, content) => {
  const ground = oneOf(layout, ['#fff', '#fff', '#111']);
  return {
    width: 320,
    height: 320,
    body: rect(0, 0, 320, 320, ground) + inCircle(160, 160, between(content, 128, 146), faceSvg(content)),
  };
};

export const icon: Draw = (layout, content) => {
  const radius = oneOf(layout, [60, 90, 128]);
  const hue = whole(content, 0, 359);
  const ground = hsl(hue, whole(content, 40, 80), whole(content, 35, 65));
  const body = rect(0, 0, 320, 320, '#fff') + rect(32, 32, 256, 256, ground, `rx="${radius}"`);
  return { width: 320, height: 320, body: body + inCircle(160, 160, 80, signSvg(content, '#fff', ground)) };
};

/** "Image not available", with the sizes and words of different sites. */
export const placeholder: Draw = (layout, content) => {
  const [ground, ink] = oneOf(layout, [
    ['#ddd', '#999'],
    ['#eceff1', '#b0bec5'],
    ['#f5f5f5', '#bdbdbd'],
  ] as const);
  const [x, y, size] = [300, 170, between(layout, 60, 90)];
  let body = rect(0, 0, 600, 400, ground) + frame(x - size, y - size * 0.75, size * 2, size * 1.5, ink, 8, 10);
  body +=
    disc(x - size * 0.4, y - size * 0.25, size * 0.18, ink) +
    path(
      `M${x - size * 0.8} ${y + size * 0.55}L${x - size * 0.1} ${y - size * 0.2}L${x + size * 0.3} ${y + size * 0.2}L${x + size * 0.5} ${y}L${x + size * 0.85} ${y + size * 0.55}Z`,
      ink,
    );
  const text =
    content() < 0.5 ? `${whole(content, 1, 19)}00x${whole(content, 1, 12)}00` : words(content, whole(content, 2, 4));
  return {
    width: 600,
    height: 400,
    body:
      body + centredSvg(text, 300, between(content, 280, 320), between(content, 20, 30), { colour: ink, weight: 0.16 }),
  };
};

/** The image of an account without one: initials, a person, or squares that are mirrored. */
export const avatar: Draw = (layout, content) => {
  const kind = whole(layout, 0, 2);
  const colour = hsl(whole(content, 0, 359), 55, whole(content, 35, 60));
  if (kind === 0) {
    const initials = `${words(content, 1)[0]}${words(content, 1)[0]}`;
    return {
      width: 256,
      height: 256,
      body: rect(0, 0, 256, 256, colour) + centredSvg(initials, 128, 82, 92, { colour: '#fff' }),
    };
  }
  if (kind === 1) {
    const [shoulders, head] = [between(content, 70, 100), between(content, 42, 56)];
    const body =
      rect(0, 0, 256, 256, colour) +
      disc(128, 100, head, '#fff') +
      `<ellipse cx="128" cy="256" rx="${shoulders}" ry="82" fill="#fff"/>`;
    return { width: 256, height: 256, body };
  }
  let body = rect(0, 0, 256, 256, '#f0f0f0');
  for (let at = 0; at < 15; at++) {
    if (content() < 0.5) continue;
    const [column, row] = [at % 3, Math.floor(at / 3)];
    for (const x of new Set([column, 4 - column])) body += rect(18 + x * 44, 18 + row * 44, 44.2, 44.2, colour);
  }
  return { width: 256, height: 256, body };
};

const BARS = ['#c0c0c0', '#c0c000', '#00c0c0', '#00c000', '#c000c0', '#c00000', '#0000c0'];

/** Colour bars of a station with its name and a clock. */
export const testCard: Draw = (layout, content) => {
  const [width, height, hasCircle] = [640, oneOf(layout, [360, 480]), layout() < 0.5];
  let body = '';
  for (const [at, colour] of BARS.entries()) body += rect((at * width) / 7, 0, width / 7 + 1, height * 0.67, colour);
  for (const [at, colour] of [...BARS].reverse().entries())
    body += rect((at * width) / 7, height * 0.67, width / 7 + 1, height * 0.08, at % 2 ? '#131313' : colour);
  for (let at = 0; at < 8; at++)
    body += rect(
      (at * width) / 8,
      height * 0.75,
      width / 8 + 1,
      height * 0.25,
      hsl(0, 0, at * 12 + whole(content, 0, 6)),
    );
  if (hasCircle) body += disc(width / 2, height / 2, height * 0.36, 'none', 'stroke="#fff" stroke-width="5"');
  body += rect(width * 0.28, height * 0.4, width * 0.44, height * 0.2, '#000');
  body += centredSvg(words(content, 1).toUpperCase(), width / 2, height * 0.42, height * 0.06, {
    colour: '#fff',
    weight: 0.18,
  });
  const clock = `${digits(content, 2)}:${digits(content, 2)}:${digits(content, 2)}`;
  return {
    width,
    height,
    body: body + centredSvg(clock, width / 2, height * 0.51, height * 0.06, { colour: '#fff', weight: 0.18 }),
  };
};

/** Pieces in a square of side 1: pawn, rook, bishop, queen, king. */
const PIECES = [
  'M.3 .85L.7 .85L.58 .5A.16 .16 0 1 0 .42 .5Z',
  'M.25 .85L.75 .85L.68 .4L.75 .2L.25 .2L.32 .4Z',
  'M.28 .85L.72 .85L.58 .62Q.72 .4 .5 .15Q.28 .4 .42 .62Z',
  'M.25 .85L.75 .85L.85 .25L.65 .5L.5 .15L.35 .5L.15 .25Z',
  'M.28 .85L.72 .85Q.95 .4 .55 .42L.55 .3L.65 .3L.65 .22L.55 .22L.55 .12L.45 .12L.45 .22L.35 .22L.35 .3L.45 .3L.45 .42Q.05 .4 .28 .85Z',
];

export const chessboard: Draw = (layout, content) => {
  const [light, dark] = oneOf(layout, [
    ['#f0d9b5', '#b58863'],
    ['#eeeed2', '#769656'],
    ['#dee3e6', '#8ca2ad'],
  ] as const);
  let body = '';
  for (let at = 0; at < 64; at++)
    body += rect((at % 8) * 60, Math.floor(at / 8) * 60, 60.2, 60.2, (at + Math.floor(at / 8)) % 2 ? dark : light);
  const pieces = whole(content, 6, 32);
  for (const [n, square] of shuffled(
    content,
    Array.from({ length: 64 }, (_, at) => at),
  )
    .slice(0, pieces)
    .entries()) {
    const piece = n < 2 ? PIECES[4]! : oneOf(content, [PIECES[0]!, PIECES[0]!, ...PIECES.slice(0, 4)]);
    const scaled = `<path transform="scale(60)" d="${piece}" fill="${n % 2 ? '#fff' : '#111'}" stroke="#333" stroke-width=".03"/>`;
    body += placed((square % 8) * 60, Math.floor(square / 8) * 60, scaled);
  }
  return { width: 480, height: 480, body };
};

/** A plan of a line with its stations. */
export const transitPlan: Draw = (layout, content) => {
  const lines = whole(layout, 3, 5);
  let body = rect(0, 0, 640, 480, '#fff');
  for (let n = 0; n < lines; n++) {
    const colour = hsl(whole(layout, 0, 359), 80, 45);
    const [y1, y2, bend] = [between(content, 40, 440), between(content, 40, 440), between(content, 180, 420)];
    body += path(
      `M30 ${y1}L${bend} ${y1}L${bend + 60} ${y2}L610 ${y2}`,
      'none',
      `stroke="${colour}" stroke-width="10" stroke-linejoin="round"`,
    );
    for (let x = 50; x < bend; x += 66)
      body +=
        disc(x, y1, 7, '#fff', 'stroke="#222" stroke-width="3"') +
        textSvg(word(content), x - 10, y1 - 22, 8, { colour: '#222' });
    for (let x = bend + 80; x < 610; x += 66)
      body +=
        disc(x, y2, 7, '#fff', 'stroke="#222" stroke-width="3"') +
        textSvg(word(content), x - 10, y2 + 16, 8, { colour: '#222' });
  }
  return { width: 640, height: 480, body: body + line(0, 470, 640, 470, '#ccc') };
};
