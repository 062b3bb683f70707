/** Drawn scenes: skies, cartoons, products, and captions on one template. */
import { between, oneOf, type Random, whole } from '../../../scripts/canary/canvas.js';
import { faceSvg } from '../emoji.js';
import { centredSvg, filling, words } from '../strokes.js';
import { type Draw, disc, gradient, hsl, path, placed, rect } from './drawing.js';

/** Hills up to the lower edge; a higher `roughness` is of mountains. */
function hillsSvg(random: Random, width: number, height: number, top: number, fill: string, roughness: number): string {
  const steps = 8;
  const places = Array.from({ length: steps + 1 }, (_, at) => {
    const [x, y] = [(at * width) / steps, top + between(random, -1, 1) * roughness];
    return at === 0
      ? `M0 ${y.toFixed(1)}`
      : `Q${(x - width / steps / 2).toFixed(1)} ${(y - roughness * random()).toFixed(1)} ${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return path(`${places.join('')}L${width} ${height}L0 ${height}Z`, fill);
}

const treeSvg = (random: Random, x: number, y: number, size: number) => {
  const green = hsl(whole(random, 80, 150), 50, whole(random, 25, 45));
  const trunk = rect(x - size * 0.07, y - size * 0.4, size * 0.14, size * 0.4, '#5d4037');
  return random() < 0.5
    ? trunk + disc(x, y - size * 0.65, size * 0.32, green)
    : trunk + path(`M${x} ${y - size}L${x + size * 0.3} ${y - size * 0.3}L${x - size * 0.3} ${y - size * 0.3}Z`, green);
};

const houseSvg = (random: Random, x: number, y: number, size: number) => {
  const wall = hsl(whole(random, 0, 60), whole(random, 20, 60), whole(random, 65, 90));
  return `${rect(x, y - size * 0.6, size, size * 0.6, wall)}${path(`M${x - size * 0.1} ${y - size * 0.6}L${x + size / 2} ${y - size}L${x + size * 1.1} ${y - size * 0.6}Z`, hsl(whole(random, 0, 30), 60, 40))}${rect(x + size * 0.4, y - size * 0.3, size * 0.2, size * 0.3, '#4e342e')}${rect(x + size * 0.1, y - size * 0.45, size * 0.2, size * 0.18, '#b3e5fc')}`;
};

/** A landscape with trees and houses, and a figure in the foreground. */
function sceneSvg(random: Random, width: number, height: number, id: string): string {
  const [hue, horizon] = [whole(random, 180, 230), height * between(random, 0.45, 0.7)];
  let body = gradient(id, [hsl(hue, 65, 60), hsl(hue - 10, 70, 85)]) + rect(0, 0, width, height, `url(#${id})`);
  body += disc(random() * width, random() * horizon * 0.6, height * between(random, 0.05, 0.1), '#ffeb3b');
  body += hillsSvg(
    random,
    width,
    height,
    horizon,
    hsl(whole(random, 90, 200), 30, 55),
    height * between(random, 0.03, 0.15),
  );
  body += hillsSvg(random, width, height, horizon + height * 0.12, hsl(whole(random, 70, 140), 45, 45), height * 0.03);
  const things = whole(random, 2, 6);
  for (let n = 0; n < things; n++) {
    const [x, y, size] = [
      random() * width,
      horizon + height * between(random, 0.12, 0.4),
      height * between(random, 0.15, 0.4),
    ];
    body += random() < 0.7 ? treeSvg(random, x, y, size) : houseSvg(random, x, y, size * 0.8);
  }
  const [x, size] = [width * between(random, 0.2, 0.8), height * between(random, 0.1, 0.2)];
  const shirt = `<ellipse cx="${x}" cy="${height}" rx="${size * 1.2}" ry="${size * 1.6}" fill="${hsl(whole(random, 0, 359), 65, 50)}"/>`;
  return `${body}${shirt}<g transform="translate(${x} ${height - size * 2}) scale(${size})">${faceSvg(random)}</g>`;
}

export const cartoon: Draw = (layout, content) => {
  const [width, height] = oneOf(layout, [
    [640, 480],
    [560, 560],
  ] as const);
  return {
    width,
    height,
    body: sceneSvg(content, width, height, 'sky') + rect(0, 0, width, height, 'none', 'stroke="#111" stroke-width="8"'),
  };
};

/** One template, captioned in a strip above it. */
export const memeStrip: Draw = (layout, content) => {
  const [width, tall, isWhite] = [600, whole(layout, 400, 560), layout() < 0.8];
  const strip = whole(layout, 80, 150);
  const lines = whole(content, 1, strip > 110 ? 3 : 2);
  const size = 22;
  let body =
    rect(0, 0, width, tall + strip, isWhite ? '#fff' : '#000') + placed(0, strip, sceneSvg(layout, width, tall, 'sky'));
  for (let n = 0; n < lines; n++) {
    const text = filling(content, between(content, 260, 560), size);
    body += centredSvg(text, width / 2, (strip - lines * 36) / 2 + n * 36 + 8, size, {
      colour: isWhite ? '#111' : '#fff',
      weight: 0.15,
    });
  }
  return { width, height: tall + strip, body };
};

/** One template, captioned over it in white letters with a black outline. */
export const memeOver: Draw = (layout, content) => {
  const [width, height] = [600, whole(layout, 420, 600)];
  let body = sceneSvg(layout, width, height, 'sky');
  const size = whole(content, 34, 46);
  const ink = { colour: '#fff', outline: '#000', weight: 0.2 };
  body += centredSvg(filling(content, between(content, 300, 560), size, true), width / 2, 24, size, ink);
  if (content() < 0.85)
    body += centredSvg(
      filling(content, between(content, 300, 560), size, true),
      width / 2,
      height - 24 - size,
      size,
      ink,
    );
  return { width, height, body };
};

/** Four panels of one comic with other words in their bubbles. */
export const comic: Draw = (layout, content) => {
  let body = rect(0, 0, 640, 640, '#fff');
  for (let panel = 0; panel < 4; panel++) {
    const [x, y] = [10 + (panel % 2) * 315, 10 + Math.floor(panel / 2) * 315];
    body += `<svg x="${x}" y="${y}" width="305" height="305">${sceneSvg(layout, 305, 305, `sky${panel}`)}</svg>`;
    const lines = whole(content, 1, 3);
    body += rect(x + 20, y + 16, 250, 20 + lines * 20, '#fff', 'rx="16" stroke="#111" stroke-width="2"');
    for (let n = 0; n < lines; n++)
      body += centredSvg(filling(content, between(content, 90, 220), 10), x + 145, y + 28 + n * 20, 10, {
        colour: '#111',
      });
    body += rect(x, y, 305, 305, 'none', 'stroke="#111" stroke-width="4"');
  }
  return { width: 640, height: 640, body };
};

/** One product of a shop on white, in other colours and with another label. */
export const product: Draw = (layout, content) => {
  const kind = whole(layout, 0, 3);
  const [hue, light] = [whole(content, 0, 359), whole(content, 20, 75)];
  const colour = hsl(hue, whole(content, 10, 75), light);
  const shadow = '<ellipse cx="300" cy="520" rx="170" ry="22" fill="#000" opacity=".12"/>';
  const shine = '<path d="M235 200L250 200L250 480L235 480Z" fill="#fff" opacity=".35"/>';
  const forms = [
    () =>
      path(
        'M250 80L350 80L350 160Q400 200 400 260L400 500Q400 520 380 520L220 520Q200 520 200 500L200 260Q200 200 250 160Z',
        colour,
      ) + rect(250, 60, 100, 40, hsl(hue + 180, 40, 30)),
    () =>
      path('M180 180L420 180L400 500Q400 520 380 520L220 520Q200 520 200 500Z', colour) +
      path('M415 240Q520 240 500 350Q490 430 405 420', 'none', `stroke="${colour}" stroke-width="28"`),
    () =>
      rect(160, 140, 280, 380, colour, 'rx="16"') +
      rect(160, 140, 280, 60, hsl(hue, 40, Math.max(10, light - 15)), 'rx="16"'),
    () => path('M140 200L240 130Q300 180 360 130L460 200L420 280L390 260L390 520L210 520L210 260L180 280Z', colour),
  ];
  const label = kind === 3 ? '' : rect(225, 310, 150, 110, content() < 0.6 ? '#fff' : hsl(hue + 150, 60, 60));
  const text = centredSvg(words(content, 1), 300, 345, between(content, 18, 30), { colour: '#222', weight: 0.17 });
  return {
    width: 600,
    height: 600,
    body: rect(0, 0, 600, 600, '#fff') + shadow + forms[kind]!() + label + text + shine,
  };
};

export const sunset: Draw = (_layout, content) => {
  const [horizon, warm] = [between(content, 230, 330), whole(content, 5, 40)];
  const [x, radius] = [between(content, 120, 520), between(content, 22, 48)];
  let body =
    gradient('sky', [hsl(whole(content, 215, 290), 45, 35), hsl(warm, 80, 60), hsl(warm + 15, 95, 75)]) +
    rect(0, 0, 640, horizon, 'url(#sky)');
  body +=
    disc(x, horizon - radius * between(content, 0, 2.2), radius, '#fff6c8') +
    gradient('sea', [hsl(warm, 60, 50), hsl(230, 40, 18)]) +
    rect(0, horizon, 640, 427 - horizon, 'url(#sea)');
  for (let n = 0; n < 24; n++)
    body += rect(x - between(content, 5, 60), horizon + n * 7, between(content, 10, 90), 2, '#ffe9a8', 'opacity=".5"');
  if (content() < 0.6)
    body += hillsSvg(content, 640, horizon, horizon - 20, hsl(250, 30, 15), between(content, 10, 50));
  return { width: 640, height: 427, body };
};

export const gradientGround: Draw = (_layout, content) => {
  const hue = whole(content, 0, 359);
  const colours = Array.from({ length: whole(content, 2, 4) }, (_, at) =>
    hsl(hue + at * whole(content, 20, 80), whole(content, 40, 90), whole(content, 30, 75)),
  );
  return {
    width: 640,
    height: 400,
    body: gradient('ground', colours, whole(content, 0, 359)) + rect(0, 0, 640, 400, 'url(#ground)'),
  };
};

export const starField: Draw = (layout, content) => {
  const hue = whole(layout, 200, 300);
  const glow = (id: string) =>
    `<radialGradient id="${id}"><stop offset="0" stop-color="${hsl(hue + whole(content, -40, 40), 60, 40)}" stop-opacity=".7"/><stop offset="1" stop-color="#000" stop-opacity="0"/></radialGradient>`;
  let body = rect(0, 0, 600, 450, hsl(hue, 50, 6));
  for (let n = 0; n < 3; n++)
    body += glow(`glow${n}`) + disc(content() * 600, content() * 450, between(content, 80, 240), `url(#glow${n})`);
  for (let n = 0; n < 420; n++)
    body += disc(
      content() * 600,
      content() * 450,
      0.4 + 2.2 * content() ** 4,
      '#fff',
      `opacity="${between(content, 0.4, 1).toFixed(2)}"`,
    );
  return { width: 600, height: 450, body };
};

/** The first or last frame of a video: a sign in the middle of black. */
export const blackFrame: Draw = (layout, content) => {
  const [kind, colour] = [whole(layout, 0, 2), hsl(whole(layout, 0, 359), 70, 55)];
  const size = between(content, 40, 80);
  const forms = [
    disc(320, 160, size, colour) +
      path(
        `M${320 - size * 0.3} ${160 - size * 0.5}L${320 + size * 0.55} 160L${320 - size * 0.3} ${160 + size * 0.5}Z`,
        '#000',
      ),
    rect(320 - size, 160 - size * 0.6, size * 2, size * 1.2, colour, 'rx="12"') + disc(320, 160, size * 0.4, '#000'),
    path(`M320 ${160 - size}L${320 + size} ${160 + size * 0.7}L${320 - size} ${160 + size * 0.7}Z`, colour),
  ];
  const text = centredSvg(
    words(content, whole(content, 1, 3)),
    320,
    between(content, 250, 275),
    between(content, 18, 34),
    { colour: '#eee' },
  );
  return {
    width: 640,
    height: 360,
    body: rect(0, 0, 640, 360, oneOf(layout, ['#000', '#000', '#0b0b0f'])) + forms[kind]! + text,
  };
};
