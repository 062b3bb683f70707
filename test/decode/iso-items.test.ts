/** Crops of AVIF and HEIC, and their further images, against the same files without crops. Containers are written by the test. */
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import {
  alphaType,
  avifItems,
  type CodedPicture,
  type Crop,
  clap,
  codedPicture,
  gridPicture,
  type ItemsOptions,
  imir,
  irot,
} from '../../bench/picture-writers.js';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import type { Raster } from '../../src/core/vocabulary.js';
import type { Damage } from '../../src/decode/damage.js';
import { createDecoder } from '../../src/decode/decode.js';
import { sceneRaster } from '../support/random.js';

const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
const [WIDTH, HEIGHT] = [320, 240];

interface Shown {
  readonly frame: number;
  readonly part: string | null;
  readonly raster: Raster;
}

async function show(bytes: Uint8Array, frames = 4): Promise<{ views: Shown[]; damage: Damage | null }> {
  const decoded = await decoder.decode(bytes, frames);
  let { damage } = decoded;
  const views: Shown[] = [];
  for await (const { frame, part, background, raster } of decoded.views((further) => (damage ??= further)))
    if (background === null) views.push({ frame, part, raster: { ...raster, data: Uint8Array.from(raster.data) } });
  return { views, damage };
}
const names = ({ views }: { views: Shown[] }) =>
  views.map(({ frame, part, raster: { width, height } }) => [frame, part, width, height]);

const heic = codedPicture(readFileSync('test/fixtures/heic/scene.heic'));
const avifOf = async (seed: number): Promise<CodedPicture> => {
  const { data } = sceneRaster(seed, WIDTH, HEIGHT, 3);
  const coded = sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
  return codedPicture(await coded.avif({ quality: 90, effort: 0, chromaSubsampling: '4:4:4' }).toBuffer());
};
const avif = await avifOf(7);
const FORMATS = [
  ['heic', heic],
  ['avif', avif],
] as const;

type Step = { readonly crop: Rect } | { readonly turns: number } | { readonly axis: number };
interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}
/** A picture of marks: 1 for a pixel that is still shown. */
type Marks = readonly (readonly number[])[];

/** One pixel at a time: what the steps make of a picture, where a crop keeps the size and takes marks away. */
function marksAfter(steps: readonly Step[]): Marks {
  let marks: Marks = Array.from({ length: HEIGHT }, () => Array<number>(WIDTH).fill(1));
  for (const step of steps) {
    const [width, height] = [marks[0]!.length, marks.length];
    const make = (columns: number, rows: number, at: (x: number, y: number) => number) =>
      Array.from({ length: rows }, (_, y) => Array.from({ length: columns }, (_, x) => at(x, y)));
    const before = marks;
    if ('crop' in step) {
      const { left, top, width: w, height: h } = step.crop;
      const shown = boundsOf(before);
      const inside = (x: number, y: number) =>
        x >= shown.left + left && x < shown.left + left + w && y >= shown.top + top && y < shown.top + top + h;
      marks = make(width, height, (x, y) => (inside(x, y) ? before[y]![x]! : 0));
    } else if ('axis' in step) {
      marks = make(width, height, (x, y) =>
        step.axis === 1 ? before[y]![width - 1 - x]! : before[height - 1 - y]![x]!,
      );
    } else
      for (let turn = 0; turn < step.turns; turn++) {
        const from = marks;
        marks = make(from.length, from[0]!.length, (x, y) => from[x]![from[0]!.length - 1 - y]!);
      }
  }
  return marks;
}

function boundsOf(marks: Marks): Rect {
  const rows = marks.flatMap((row, y) => (row.includes(1) ? [y] : []));
  const [top, bottom] = [rows[0]!, rows.at(-1)!];
  const [left, right] = [marks[top]!.indexOf(1), marks[top]!.lastIndexOf(1)];
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Return a part of an image, pixel by pixel. */
function partOf({ width, channels, data }: Raster, part: Rect): Raster {
  const pixels: number[] = [];
  for (let y = 0; y < part.height; y++)
    for (let x = 0; x < part.width; x++)
      for (let c = 0; c < channels; c++) pixels.push(data[((part.top + y) * width + part.left + x) * channels + c]!);
  return { width: part.width, height: part.height, channels, data: Uint8Array.from(pixels) };
}

const boxOf = (step: Step, crop: Crop) =>
  'crop' in step ? clap(crop) : 'axis' in step ? imir(step.axis) : irot(step.turns);

/** Crops of an image of 320 by 240, in the file and where they lie. */
const CROPS: readonly (readonly [string, Crop, Rect])[] = [
  ['large', { width: 300, height: 200, x: -4, y: 10 }, { left: 6, top: 30, width: 300, height: 200 }],
  ['small', { width: 40, height: 30, x: 100, y: -60 }, { left: 240, top: 45, width: 40, height: 30 }],
  ['odd', { width: 101, height: 75, x: [3, 2], y: [-5, 2] }, { left: 111, top: 80, width: 101, height: 75 }],
  ['thin', { width: 7, height: 240, x: [-313, 2], y: 0 }, { left: 0, top: 0, width: 7, height: 240 }],
];

const sizeOf = ({ width, height, channels }: Raster) => [width, height, channels];
const isSame = (one: Raster, other: Raster) =>
  String(sizeOf(one)) === String(sizeOf(other)) && Buffer.compare(one.data, other.data) === 0;

describe.each(FORMATS)('a crop of %s', (brand, coded) => {
  const write = (steps: readonly Step[], crop: Crop) =>
    avifItems([coded], { brand, more: () => steps.map((step) => boxOf(step, crop)) });
  const wholes = new Map<string, Promise<Raster>>();
  const wholeOf = (steps: readonly Step[]): Promise<Raster> => {
    const key = JSON.stringify(steps);
    const known = wholes.get(key) ?? show(write(steps, CROPS[0]![1])).then(({ views }) => views[0]!.raster);
    wholes.set(key, known);
    return known;
  };

  const cases = CROPS.flatMap(([says, crop, rect]) =>
    [0, 1, 2, 3].map((turns) => [`${says}, turned ${turns} times`, crop, rect, turns] as const),
  );
  test.each(cases)('%s, is cut out of the whole, mirrored or not', async (_says, crop, rect, turns) => {
    const cut = { crop: rect };
    // Behind a turn by 90 degrees the crop would be another one.
    const orders: Step[][] = [[cut, { turns }], ...(turns % 2 === 0 ? [[{ turns }, cut]] : [])];
    for (const axis of [0, 1]) orders.push([cut, { turns }, { axis }], [{ axis }, cut, { turns }]);
    for (const order of orders) {
      const whole = await wholeOf(order.filter((step) => step !== cut));
      const { views, damage } = await show(write(order, crop));
      expect(damage).toBeNull();
      expect(views.map(({ frame, part }) => [frame, part])).toEqual([
        [0, null],
        [0, 'uncropped'],
      ]);
      const expected = partOf(whole, boundsOf(marksAfter(order)));
      expect(sizeOf(views[0]!.raster)).toEqual(sizeOf(expected));
      expect(isSame(views[0]!.raster, expected), JSON.stringify(order)).toBe(true);
      expect(isSame(views[1]!.raster, whole), JSON.stringify(order)).toBe(true);
    }
  });

  const at = (crop: Crop, extra: Partial<ItemsOptions> = {}) => show(avifItems([coded], { brand, crop, ...extra }));

  test('that leaves the image is cut off at its edge; one outside of it, or of no size, is none', async () => {
    const over = await at({ width: 100, height: 400, x: 150, y: 0 });
    expect(names(over)).toEqual([
      [0, null, 60, HEIGHT],
      [0, 'uncropped', WIDTH, HEIGHT],
    ]);
    const whole = over.views[1]!.raster;
    expect(isSame(over.views[0]!.raster, partOf(whole, { left: 260, top: 0, width: 60, height: HEIGHT }))).toBe(true);
    const none: Crop[] = [
      { width: 100, height: 100, x: 1_000, y: 0 },
      { width: 100, height: 100, x: 0, y: -1_000 },
      { width: 0, height: 100, x: 0, y: 0 },
      { width: 100, height: 100, x: [1, 0], y: 0 },
      { width: WIDTH, height: HEIGHT, x: 0, y: 0 },
    ];
    for (const crop of none) {
      const shown = await at(crop);
      expect(names(shown), JSON.stringify(crop)).toEqual([[0, null, WIDTH, HEIGHT]]);
      expect(shown.damage).toBeNull();
    }
  });

  test('of a crop is a crop of what it leaves', async () => {
    const [first, second] = [
      { width: 200, height: 100, x: 0, y: 0 },
      { width: 50, height: 40, x: 20, y: -10 },
    ];
    const shown = await show(avifItems([coded], { brand, more: () => [clap(first), irot(1), clap(second)] }));
    const steps: Step[] = [
      { crop: { left: 60, top: 70, width: 200, height: 100 } },
      { turns: 1 },
      { crop: { left: 45, top: 70, width: 50, height: 40 } },
    ];
    const part = boundsOf(marksAfter(steps));
    expect(isSame(shown.views[0]!.raster, partOf(shown.views[1]!.raster, part))).toBe(true);
  });
});

test('crops are those of libheif, with its rounding, where it refuses none', async () => {
  const crops: Crop[] = [
    ...CROPS.map(([, crop]) => crop),
    // Halves: to the left, but down; sizes to the nearest.
    { width: 101, height: 75, x: 0, y: 0 },
    { width: [201, 2], height: [401, 4], x: [1, 3], y: [-7, 5] },
    { width: [1_000, 7], height: [500, 9], x: [-500, 11], y: [200, 13] },
  ];
  for (const crop of crops) {
    for (const turns of [0, 1]) {
      const file = avifItems([avif], { more: () => [clap(crop), irot(turns), imir(1)] });
      const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
      const { width, height, channels } = info;
      const theirs: Raster = { width, height, channels: channels as 3, data };
      const ours = (await show(file)).views[0]!.raster;
      expect(sizeOf(ours), JSON.stringify(crop)).toEqual(sizeOf(theirs));
      expect(isSame(ours, theirs), JSON.stringify(crop)).toBe(true);
    }
  }
});

describe.each(FORMATS)('a grid of %s', (brand, tile) => {
  const grid = gridPicture(2, 2 * WIDTH, HEIGHT);
  const write = (more: ItemsOptions['more'] = () => []) =>
    avifItems([tile, tile, grid], { brand, primary: 2, hidden: [0, 1], references: [['dimg', 2, [0, 1]]], more });

  test('is shown as one image, and so is a small crop of it', async () => {
    const whole = await show(write());
    expect(names(whole)).toEqual([[0, null, 2 * WIDTH, HEIGHT]]);
    // Across the edge between its tiles.
    const crop = clap({ width: 60, height: 40, x: 10, y: 20 });
    const shown = await show(write((at) => (at === 2 ? [crop, irot(2)] : [])));
    expect(names(shown)).toEqual([
      [0, null, 60, 40],
      [0, 'uncropped', 2 * WIDTH, HEIGHT],
    ]);
    expect(shown.damage).toBeNull();
    const part = { left: 2 * WIDTH - 300 - 60, top: HEIGHT - 120 - 40, width: 60, height: 40 };
    expect(isSame(shown.views[0]!.raster, partOf(shown.views[1]!.raster, part))).toBe(true);
    const left = { left: 0, top: 0, width: WIDTH, height: HEIGHT };
    const one = (await show(avifItems([tile], { brand }))).views[0]!.raster;
    expect(isSame(partOf(whole.views[0]!.raster, left), one)).toBe(true);
  });
});

describe.each(FORMATS)('an image of %s', (brand, first) => {
  test('that is another one, cropped, keeps the crop of that one, and has one of its own', async () => {
    const iden: CodedPicture = { width: 280, height: 200, codec: 'iden', config: null, data: Buffer.alloc(0) };
    const crops = [
      { width: 280, height: 200, x: 0, y: 0 },
      { width: 100, height: 50, x: 0, y: 0 },
    ];
    const file = avifItems([first, iden], {
      ...{ brand, primary: 1, references: [['dimg', 1, [0]]] },
      more: (at) => [clap(crops[at]!)],
    });
    const shown = await show(file);
    expect(names(shown)).toEqual([
      [0, null, 100, 50],
      [0, 'uncropped', 280, 200],
      [1, null, 280, 200],
      [1, 'uncropped', WIDTH, HEIGHT],
    ]);
    expect(shown.damage).toBeNull();
    const [small, middle, same, whole] = shown.views.map(({ raster }) => raster) as [Raster, Raster, Raster, Raster];
    expect(isSame(same, partOf(whole, { left: 20, top: 20, width: 280, height: 200 }))).toBe(true);
    expect(isSame(small, partOf(middle, { left: 90, top: 75, width: 100, height: 50 }))).toBe(true);
    expect(isSame(middle, same)).toBe(true);
    // The crop of the first is taken off for its own view, and is back for the second.
    const other = await show(
      avifItems([first, iden], { brand, references: [['dimg', 1, [0]]], more: (at) => [clap(crops[at]!)] }),
    );
    expect(names(other)).toEqual([
      [0, null, 280, 200],
      [0, 'uncropped', WIDTH, HEIGHT],
      [1, null, 100, 50],
      [1, 'uncropped', 280, 200],
    ]);
    expect(isSame(other.views[2]!.raster, small)).toBe(true);
  });
});

describe.each(FORMATS)('further images of %s', (brand, first) => {
  test('follow the primary one, each as it is cropped and as a whole', async () => {
    const cropped = [clap({ width: 64, height: 48, x: 0, y: 0 }), irot(1)];
    const more = (at: number) => (at === 0 ? cropped : []);
    const file = avifItems([first, first, first], { brand, primary: 1, firstId: 300, more });
    const shown = await show(file);
    expect(names(shown)).toEqual([
      [0, null, WIDTH, HEIGHT],
      [1, null, 48, 64],
      [1, 'uncropped', HEIGHT, WIDTH],
      [2, null, WIDTH, HEIGHT],
    ]);
    expect(shown.damage).toBeNull();
    const part = { left: 96, top: 128, width: 48, height: 64 };
    expect(isSame(shown.views[1]!.raster, partOf(shown.views[2]!.raster, part))).toBe(true);
    expect(names(await show(file, 1))).toEqual([[0, null, WIDTH, HEIGHT]]);
    // Crop and whole of a further image count as two.
    expect(names(await show(file, 2)).map(([frame, part]) => [frame, part])).toEqual([
      [0, null],
      [2, null],
    ]);
  });

  test('are not its thumbnails, auxiliary and hidden ones', async () => {
    const references = [
      ['thmb', 1, [0]],
      ['auxl', 2, [0]],
    ] as const;
    const more = (at: number) => (at === 2 ? [alphaType()] : []);
    const shown = await show(avifItems([first, first, first, first, first], { brand, hidden: [3], references, more }));
    expect(names(shown).map(([frame]) => frame)).toEqual([0, 1]);
    expect(shown.views[0]!.raster.channels).toBe(4);
  });

  test('and an alpha are cropped alike', async () => {
    const crop = clap({ width: 64, height: 48, x: 30, y: 20 });
    const more = (at: number) => [...(at === 1 ? [alphaType()] : []), crop];
    const shown = await show(avifItems([first, first], { brand, references: [['auxl', 1, [0]]], more }));
    expect(names(shown)).toEqual([
      [0, null, 64, 48],
      [0, 'uncropped', WIDTH, HEIGHT],
    ]);
    const part = { left: 158, top: 116, width: 64, height: 48 };
    expect(isSame(shown.views[0]!.raster, partOf(shown.views[1]!.raster, part))).toBe(true);
  });
});

test('further images of another content are found', async () => {
  const others = await Promise.all([8, 9].map(avifOf));
  const shown = await show(avifItems([avif, ...others], { primary: 2 }));
  const alone = await Promise.all([others[1]!, avif, others[0]!].map((one) => show(avifItems([one]))));
  expect(shown.views.map(({ raster }, at) => isSame(raster, alone[at]!.views[0]!.raster))).toEqual([true, true, true]);
});
