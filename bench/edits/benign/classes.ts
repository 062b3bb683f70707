/**
 * Classes of harmless images with a structure of their own: those that match each other, or an entry, by their form alone.
 * Drawn in colour by other code than that of the canaries (`scripts/canary`), which would otherwise be measured on themselves.
 */
import { strict as assert } from 'node:assert';
import type { Raster } from '../../../src/core/vocabulary.js';
import { randomOf } from '../random.js';
import { drawn } from '../rasters.js';
import { barChart, figures, lineChart, noisePlot, pieChart } from './charts.js';
import {
  businessCard,
  calendar,
  certificate,
  crossword,
  receipt,
  sheetMusic,
  slide,
  spreadsheet,
  textPage,
  ticket,
} from './documents.js';
import type { Draw } from './drawing.js';
import {
  blackFrame,
  cartoon,
  comic,
  gradientGround,
  memeOver,
  memeStrip,
  product,
  starField,
  sunset,
} from './scenes.js';
import { chat, dialog, keyboard, map, sale, weather, webPage } from './screens.js';
import {
  avatar,
  barcode,
  chessboard,
  emoji,
  flag,
  icon,
  logo,
  matrixCode,
  placeholder,
  testCard,
  transitPlan,
} from './signs.js';

const CLASSES: Readonly<Record<string, Draw>> = {
  'meme, strip': memeStrip,
  'meme, over it': memeOver,
  comic,
  cartoon,
  slide,
  'pie chart': pieChart,
  'bar chart': barChart,
  'line chart': lineChart,
  'plot of noise': noisePlot,
  figures,
  calendar,
  spreadsheet,
  'text page': textPage,
  receipt,
  certificate,
  'business card': businessCard,
  ticket,
  crossword,
  'sheet music': sheetMusic,
  chat,
  'web page': webPage,
  map,
  'transit plan': transitPlan,
  weather,
  keyboard,
  dialog,
  sale,
  flag,
  barcode,
  'matrix code': matrixCode,
  logo,
  emoji,
  icon,
  placeholder,
  avatar,
  'test card': testCard,
  chessboard,
  product,
  sunset,
  gradient: gradientGround,
  'star field': starField,
  'black frame': blackFrame,
};

export const CLASS_NAMES: readonly string[] = Object.keys(CLASSES);

export interface BenignClass {
  readonly name: string;
  /** Images of the full size of a bench, and of its smoke size. */
  readonly full: number;
  readonly smoke: number;
  /** Draw the image with number `n` of the template that the seed decides. */
  make(seed: number, n: number): Promise<Raster>;
}

/** Return a class by its name in `CLASS_NAMES`. */
export function classOf(name: string): BenignClass {
  const draw = CLASSES[name];
  assert(draw, `no class ${name}`);
  return {
    name,
    full: 100,
    smoke: 3,
    make(seed, n) {
      const { body, ...size } = draw(randomOf(seed, name), randomOf(seed, name, n));
      return drawn(size, body);
    },
  };
}
