/** Screenshots that show the image among the parts of an application: a phone, a post of a social network, a web page. */
import { between, oneOf, type Random, whole } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { cornersOf, type Edit, type Edited, type Size } from './edit.js';
import { drawn, paste, within } from './rasters.js';
import { digits, paragraphSvg, personName, textSvg, textWidth, word, words } from './strokes.js';

interface Theme {
  readonly ground: string;
  readonly panel: string;
  readonly ink: string;
  readonly faint: string;
  readonly accent: string;
}

/** Light or dark, and one colour. */
export function themeOf(random: Random): Theme {
  const accent = `hsl(${whole(random, 0, 359)},70%,${whole(random, 40, 55)}%)`;
  return random() < 0.65
    ? { ground: '#fff', panel: oneOf(random, ['#f2f3f5', '#fff', '#e9edf0']), ink: '#17181a', faint: '#6c7178', accent }
    : {
        ground: oneOf(random, ['#000', '#15181c', '#1e1f24']),
        panel: '#26292f',
        ink: '#eceef0',
        faint: '#8b9098',
        accent,
      };
}

export const box = (x: number, y: number, width: number, height: number, fill: string, radius = 0) =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${fill}" rx="${radius.toFixed(1)}"/>`;
export const disc = (x: number, y: number, radius: number, fill: string) =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius.toFixed(1)}" fill="${fill}"/>`;

/** Signs of buttons in a square of side 1: heart, bubble, arrow, flag. */
const BUTTONS = [
  'M.5 .9C-.2 .4 .1 .05 .3 .1Q.45 .12 .5 .3Q.55 .12 .7 .1C.9 .05 1.2 .4 .5 .9Z',
  'M.1 .15L.9 .15L.9 .7L.5 .7L.3 .9L.3 .7L.1 .7Z',
  'M.1 .9L.9 .1M.9 .1L.4 .1M.9 .1L.9 .6',
  'M.2 .05L.8 .05L.8 .95L.5 .7L.2 .95Z',
];

const button = (at: number, x: number, y: number, side: number, colour: string) =>
  `<path transform="translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${side.toFixed(1)})" d="${BUTTONS[at % BUTTONS.length]}" fill="none" stroke="${colour}" stroke-width=".09" stroke-linejoin="round"/>`;

/** Time, and the signs of reception and battery. */
export function statusBar(random: Random, width: number, height: number, ink: string): string {
  const size = height * 0.34;
  const y = (height - size) / 2;
  const bars = [0, 1, 2, 3].map((bar) => {
    const tall = size * (0.4 + bar * 0.2);
    return box(width * 0.78 + bar * size * 0.45, y + size - tall, size * 0.3, tall, ink);
  });
  const left = width * 0.78 + size * 3;
  const charge = between(random, 0.15, 1);
  return `${textSvg(`${whole(random, 1, 23)}:${digits(random, 2)}`, width * 0.06, y, size, { colour: ink, weight: 0.16 })}${bars.join('')}<rect x="${left}" y="${y}" width="${size * 2}" height="${size}" rx="${size * 0.2}" fill="none" stroke="${ink}"/>${box(left + 2, y + 2, (size * 2 - 4) * charge, size - 4, ink)}`;
}

interface Layout {
  readonly canvas: Size;
  readonly body: string;
  readonly left: number;
  readonly top: number;
  readonly image: Raster;
  readonly parameters: string;
}

async function composed({ canvas, body, left, top, image, parameters }: Layout): Promise<Edited> {
  const raster = await drawn(canvas, body);
  paste(raster, image, left, top);
  return { raster, truth: cornersOf({ left, top, width: image.width, height: image.height }, raster), parameters };
}

const PHONE = { width: 540, aspects: [16 / 9, 19.5 / 9, 20 / 9] };

async function phone(source: Raster, random: Random): Promise<Edited> {
  const theme = themeOf(random);
  const { width } = PHONE;
  const height = Math.round(width * oneOf(random, PHONE.aspects));
  const [status, head, nav, text] = [height * 0.035, height * 0.06, height * 0.06, width * 0.026];
  const image = await within(source, { width, height: Math.round(height * 0.66) });
  const isViewer = random() < 0.4;
  const room = height - status - head - nav - image.height;
  // A viewer shows the image in the middle, an application below the head of a post.
  const top = Math.round(status + head + (isViewer ? room / 2 : Math.min(room * 0.2, height * 0.07)));
  const left = Math.round((width - image.width) / 2);
  let body = box(0, 0, width, height, theme.ground) + statusBar(random, width, status, theme.ink);
  body += box(0, status, width, head, theme.panel);
  body += `<path d="M${width * 0.07} ${status + head * 0.3}L${width * 0.04} ${status + head / 2}L${width * 0.07} ${status + head * 0.7}" fill="none" stroke="${theme.ink}" stroke-width="2"/>`;
  body += textSvg(personName(random), width * 0.13, status + head * 0.38, text * 1.1, {
    colour: theme.ink,
    weight: 0.17,
  });
  const below = top + image.height;
  if (!isViewer) {
    if (top - status - head > text * 3) {
      body += disc(width * 0.07, top - text * 2, text * 1.4, theme.accent);
      body += textSvg(word(random) + digits(random, 2), width * 0.13, top - text * 2.4, text, { colour: theme.ink });
    }
    for (let at = 0; at < 3; at++)
      body += button(at, width * (0.04 + at * 0.1), below + text, width * 0.055, theme.ink);
    const lines = Math.max(
      1,
      Math.min(whole(random, 1, 6), Math.floor((height - nav - below - text * 6) / (text * 2))),
    );
    const column = { x: width * 0.04, y: below + text * 4.6, width: width * 0.9, lines, size: text };
    body += paragraphSvg(random, column, { colour: theme.ink });
  }
  body += box(0, height - nav, width, nav, theme.panel);
  for (let at = 0; at < 4; at++)
    body += button(
      at + 1,
      width * (0.11 + at * 0.235),
      height - nav * 0.72,
      nav * 0.42,
      at === 0 ? theme.accent : theme.faint,
    );
  const parameters = `${isViewer ? 'viewer' : 'post'}, ${width} × ${height}`;
  return composed({ canvas: { width, height }, body, left, top, image, parameters });
}

async function card(source: Raster, random: Random): Promise<Edited> {
  const theme = themeOf(random);
  const width = whole(random, 560, 680);
  const text = width * between(random, 0.018, 0.023);
  const [margin, indent] = [width * 0.04, random() < 0.5 ? width * 0.14 : width * 0.04];
  const inner = Math.round(width - indent - margin);
  const image = await within(source, { width: inner, height: Math.round(width * 1.2) });
  const lines = whole(random, 1, 4);
  const [name, avatar] = [personName(random), width * 0.045];
  const top = Math.round(margin + avatar * 2.3 + lines * text * 2);
  const height = Math.round(top + image.height + text * 6);
  let body = box(0, 0, width, height, theme.ground) + disc(margin + avatar, margin + avatar, avatar, theme.accent);
  body += disc(margin + avatar, margin + avatar * 0.8, avatar * 0.35, theme.ground);
  body += box(margin + avatar * 0.5, margin + avatar * 1.25, avatar, avatar * 0.5, theme.ground, avatar * 0.25);
  const nameAt = margin + avatar * 2.5;
  body += textSvg(name, nameAt, margin + avatar * 0.4, text, { colour: theme.ink, weight: 0.18 });
  const handle = `@${word(random)}${digits(random, 2)} . ${whole(random, 1, 23)}h`;
  body += textSvg(handle, nameAt + textWidth(name, text) + text, margin + avatar * 0.4, text * 0.9, {
    colour: theme.faint,
  });
  const column = { x: indent, y: margin + avatar * 2.2, width: inner, lines, size: text };
  body += paragraphSvg(random, column, { colour: theme.ink });
  const below = top + image.height + text * 1.8;
  for (let at = 0; at < 4; at++) {
    const x = indent + (at * inner) / 4;
    body += button(at, x, below, text * 1.8, theme.faint);
    body += textSvg(digits(random, whole(random, 1, 4)), x + text * 2.6, below + text * 0.5, text * 0.85, {
      colour: theme.faint,
    });
  }
  const left = Math.round(indent);
  return composed({ canvas: { width, height }, body, left, top, image, parameters: `${lines} lines, ${width} wide` });
}

async function webPage(source: Raster, random: Random): Promise<Edited> {
  const theme = themeOf(random);
  const [width, height] = [whole(random, 900, 1_100), whole(random, 640, 800)];
  const [head, text, margin] = [height * between(random, 0.07, 0.11), width * 0.0105, width * 0.04];
  const side = random() < 0.75 ? width * between(random, 0.2, 0.28) : 0;
  const isSideLeft = random() < 0.3;
  const main = width - side - margin * 2;
  const image = await within(source, {
    width: Math.round(main * between(random, 0.6, 1)),
    height: Math.round(height * 0.62),
  });
  const start = isSideLeft ? side + margin : margin;
  let body =
    box(0, 0, width, height, theme.ground) + box(0, 0, width, head, random() < 0.5 ? theme.accent : theme.panel);
  body += textSvg(word(random).toUpperCase() + word(random), margin, head * 0.35, head * 0.3, {
    colour: theme.ink,
    weight: 0.2,
  });
  for (let at = 0; at < 5; at++)
    body += textSvg(words(random, 1), width * (0.42 + at * 0.11), head * 0.42, text * 1.1, { colour: theme.ink });
  const title = head + height * 0.05;
  body += textSvg(words(random, 5), start, title, text * 2.2, { colour: theme.ink, weight: 0.16 });
  const above = whole(random, 0, 3);
  const column = { x: start, width: main, size: text };
  body += paragraphSvg(random, { ...column, y: title + text * 5, lines: above }, { colour: theme.ink });
  const top = Math.round(title + text * 5.5 + above * text * 2);
  const below = top + image.height + text * 1.5;
  const lines = Math.max(0, Math.ceil((height - below) / (text * 2)));
  body += paragraphSvg(random, { ...column, y: below, lines }, { colour: theme.ink });
  if (side > 0) {
    const x = isSideLeft ? margin * 0.5 : width - side + margin * 0.3;
    body += box(x, head + margin * 0.5, side - margin, height, theme.panel);
    for (let y = head + margin; y < height; y += height * 0.21) {
      body += box(x + text, y, side - margin - text * 2, height * 0.09, theme.accent);
      const note = { x: x + text, y: y + height * 0.1, width: side - margin - text * 2, lines: 3, size: text * 0.9 };
      body += paragraphSvg(random, note, { colour: theme.faint });
    }
  }
  const left = Math.round(start);
  return composed({
    canvas: { width, height },
    body,
    left,
    top,
    image,
    parameters: `${width} × ${height}, image ${image.width} wide`,
  });
}

/** The image of a screen is seldom larger than this; a smaller one is enlarged. */
const screenshot = (name: string, make: (source: Raster, random: Random) => Promise<Edited>): Edit => ({
  name: `screenshot, ${name}`,
  group: 'screenshot',
  make,
});

export const SCREENSHOTS: readonly Edit[] = [
  screenshot('phone', phone),
  screenshot('card', card),
  screenshot('web page', webPage),
];
