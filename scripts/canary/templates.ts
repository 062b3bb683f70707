/**
 * The templates of canaries. A layout is what images of one template share; the content is what differs between them. Where
 * the content changes the hash beyond the radius, images of one template do not match each other, and a few samples do.
 */
import type { Canvas, Random } from './canvas.js';
import { barChart, lineChart, pieChart } from './charts.js';
import { calendar, form, page, slide, table } from './documents.js';
import { meme } from './memes.js';
import { applicationWindow, chat, dialog, placeholder } from './screens.js';
import { barcode, face, flag, matrixCode } from './signs.js';

export interface Template {
  readonly draw: (layout: Random, content: Random) => Canvas;
  /** Layouts, and images of each. */
  readonly layouts: number;
  readonly contents: number;
}

const SAMPLES = { layouts: 12, contents: 3 };

export const TEMPLATES: Readonly<Record<string, Template>> = {
  calendar: { draw: calendar, layouts: 40, contents: 14 },
  pieChart: { draw: pieChart, layouts: 24, contents: 30 },
  dialog: { draw: dialog, layouts: 400, contents: 1 },
  placeholder: { draw: placeholder, layouts: 500, contents: 1 },
  flag: { draw: flag, layouts: 800, contents: 1 },
  face: { draw: face, layouts: 600, contents: 1 },
  meme: { draw: meme, layouts: 40, contents: 8 },
  barcode: { draw: barcode, ...SAMPLES },
  matrixCode: { draw: matrixCode, ...SAMPLES },
  slide: { draw: slide, ...SAMPLES },
  form: { draw: form, ...SAMPLES },
  table: { draw: table, ...SAMPLES },
  page: { draw: page, ...SAMPLES },
  barChart: { draw: barChart, ...SAMPLES },
  lineChart: { draw: lineChart, ...SAMPLES },
  applicationWindow: { draw: applicationWindow, ...SAMPLES },
  chat: { draw: chat, ...SAMPLES },
};
