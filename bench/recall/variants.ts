/**
 * Variants of listed images: how many edited copies a plain check finds by them, who is wrongly accused, and what they cost. Photographs by which
 * the places were chosen are only strangers.
 */
import { variantsOf } from '../../src/cases/variants.js';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { formatHash256, parseHash256 } from '../../src/core/hash256.js';
import { isLowQuality } from '../../src/core/pdq-quality.js';
import { isOneDimensionalPdq } from '../../src/core/pdq-shape.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { createDecoder } from '../../src/decode/decode.js';
import { popcount32 } from '../../src/kernels/hamming.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { hashWindows } from '../../src/kernels/windows/hash-windows.js';
import { CLASS_NAMES, classOf } from '../edits/benign/classes.js';
import { createEdits, WIDE_EDITS } from '../edits/edits.js';
import { openPhotographs, type Photograph, photographNames } from '../edits/photographs.js';
import { randomOf } from '../edits/random.js';
import { toSharp } from '../edits/rasters.js';
import { medianOf, startClock } from '../processor.js';
import type { BenchOptions, BenchTable } from '../report.js';
import { Strangers } from './compare.js';
import { countsOf, plainQueriesOf, type Queries, queriesOf, WORDS } from './queries.js';

const SEED = 2_027;
/** The places were chosen by copies of these photographs. */
const CHOSEN_BY = { seed: 77, photographs: 120 };
const RADIUS_BITS = 31;

const FULL = { measured: 100, all: 10_000, copies: 3, classes: 1_000, rounds: 7 };
const SMOKE = { measured: 2, all: 12, copies: 1, classes: 1, rounds: 1 };
/** Photographs beside others in collages, which are no class here. */
const NO_COLLAGES: readonly Raster[] = [];

const hasher = loadPdqHasher();

/** Values of a list as columns, and whose each is. */
interface Listed {
  /** Shape: N × 8. */
  readonly words: Uint32Array;
  readonly owners: Int32Array;
  /** 1 for a variant. */
  readonly derived: Uint8Array;
}

interface Values {
  readonly own: readonly string[];
  readonly variants: readonly string[];
}

/** Hash an image as `zeef lists add --variants` does. */
function valuesOf(raster: Raster): Values {
  const { families } = hasher.hash(raster, { orientations: 'none', families: 'both' });
  const own = families
    .filter(({ family, quality, degenerate }) => family !== 'symmetric' && !isLowQuality(quality, degenerate))
    .flatMap(({ hashes }) => hashes.filter((hash256) => !isOneDimensionalPdq(hash256)).map(formatHash256));
  const parts = hashWindows(hasher.surface(), 'variants', false);
  return { own, variants: variantsOf(parts, own).map(({ hash }) => hash) };
}

function listOf(all: readonly Values[]): Listed {
  const rows = all.flatMap(({ own, variants }, owner) => [
    ...own.map((hash) => ({ hash, owner, derived: 0 })),
    ...variants.map((hash) => ({ hash, owner, derived: 1 })),
  ]);
  const words = new Uint32Array(rows.length * WORDS);
  for (const [at, { hash }] of rows.entries())
    words.set(new Uint32Array(parseHash256(hash).slice().buffer), at * WORDS);
  const owners = Int32Array.from(rows, ({ owner }) => owner);
  return { words, owners, derived: Uint8Array.from(rows, ({ derived }) => derived) };
}

/** The nearest values to an image: of the one that it is a copy of, and of strangers; `with` variants, and `plain` without. Unit: bits. */
interface Nearest {
  readonly own: { readonly plain: number; readonly with: number };
  readonly strangers: { readonly plain: number; readonly with: number };
}

/** `owner`: the listed image that it is a copy of; -1 for none. */
function nearestOf(queries: Uint32Array, { words, owners, derived }: Listed, owner: number): Nearest {
  const own = { plain: 256, with: 256 };
  const strangers = { plain: 256, with: 256 };
  for (let query = 0; query < queries.length; query += WORDS) {
    for (const [row, of] of owners.entries()) {
      let bits = 0;
      for (let n = 0; n < WORDS; n++) bits += popcount32(queries[query + n]! ^ words[row * WORDS + n]!);
      const side = of === owner ? own : strangers;
      if (bits < side.with) side.with = bits;
      if (derived[row] === 0 && bits < side.plain) side.plain = bits;
    }
  }
  return { own, strangers };
}

/** Images against listed ones that are none of theirs. */
class Accused {
  images = 0;
  plain = 0;
  with = 0;
  nearest = { plain: 256, with: 256 };

  add({ strangers }: Nearest): void {
    this.images++;
    this.plain += Number(strangers.plain <= RADIUS_BITS);
    this.with += Number(strangers.with <= RADIUS_BITS);
    this.nearest.plain = Math.min(this.nearest.plain, strangers.plain);
    this.nearest.with = Math.min(this.nearest.with, strangers.with);
  }
  row(name: string): (string | number)[] {
    return [name, this.images, this.nearest.plain, this.nearest.with, this.plain, this.with];
  }
}

const percentOf = (copies: readonly Nearest[], isFound: (one: Nearest) => boolean): string =>
  ((100 * copies.filter(isFound).length) / Math.max(1, copies.length)).toFixed(1);

interface CopyOptions {
  readonly photographs: readonly { readonly photograph: Photograph; readonly owner: number }[];
  readonly list: Listed;
  readonly copies: number;
  readonly accused: Accused;
}

/** Rows of table one: an edit each. */
async function recallRows({ photographs, list, copies, accused }: CopyOptions): Promise<(string | number)[][]> {
  const others = createEdits(NO_COLLAGES).filter(({ group }) => group === 'crop' || group === 'rotation');
  const rows: (string | number)[][] = [];
  for (const edit of [...WIDE_EDITS, ...others]) {
    const found: Nearest[] = [];
    for (const { photograph, owner } of photographs) {
      for (let n = 0; n < copies; n++) {
        const { raster } = await edit.make(photograph.raster, randomOf(SEED, edit.name, photograph.name, n));
        const nearest = nearestOf(plainQueriesOf(raster), list, owner);
        found.push(nearest);
        accused.add(nearest);
      }
    }
    rows.push([
      edit.name,
      found.length,
      percentOf(found, ({ own }) => own.plain <= RADIUS_BITS),
      percentOf(found, ({ own }) => own.with <= RADIUS_BITS),
      medianOf(found.map(({ own }) => own.plain)),
      medianOf(found.map(({ own }) => own.with)),
    ]);
  }
  return rows;
}

/** Harmless images of one form: against the photographs, and each against all others of its class, listed with variants. */
async function measureClasses(count: number, smoke: boolean, list: Listed) {
  const againstPhotographs = new Accused();
  const byClass: { readonly name: string; readonly accused: Accused }[] = [];
  for (const name of CLASS_NAMES.slice(0, count)) {
    const { make, full, smoke: few } = classOf(name);
    const rasters: Raster[] = [];
    for (let n = 0; n < (smoke ? few : full); n++) rasters.push(await make(SEED, n));
    const own = listOf(rasters.map(valuesOf));
    const accused = new Accused();
    for (const [owner, raster] of rasters.entries()) {
      const queries = plainQueriesOf(raster);
      againstPhotographs.add(nearestOf(queries, list, -1));
      accused.add(nearestOf(queries, own, owner));
    }
    byClass.push({ name, accused });
  }
  return { againstPhotographs, byClass };
}

/** Return the values of all images but one, without variants or with them. Shape: N × 8. */
function othersOf({ words, owners, derived }: Listed, owner: number, withVariants: boolean): Uint32Array {
  const rows = [...owners.keys()].filter((row) => owners[row] !== owner && (withVariants || derived[row] === 0));
  const others = new Uint32Array(rows.length * WORDS);
  for (const [to, row] of rows.entries()) others.set(words.subarray(row * WORDS, (row + 1) * WORDS), to * WORDS);
  return others;
}

/** Row of table two: photographs with all their windows. `all`: by owner. */
function deepRow(all: readonly Queries[], list: Listed): (string | number)[] {
  const [without, withVariants] = [false, true].map((isWith) => {
    const strangers = new Strangers();
    for (const [owner, queries] of all.entries()) strangers.add(queries, othersOf(list, owner, isWith), null);
    return strangers;
  }) as [Strangers, Strangers];
  const matched = (strangers: Strangers) => strangers.matched.get('deep')!;
  return [
    'photographs by deep, photographs',
    all.length,
    without.nearest,
    withVariants.nearest,
    matched(without),
    matched(withVariants),
  ];
}

const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX }, (bytes) =>
  hasher.takePlane(bytes),
);

/** Processor time of an image's decoding and hashing without and with variants, in turn. Unit: milliseconds. */
async function costOf(rasters: readonly Raster[], rounds: number): Promise<readonly [number, number]> {
  const files = await Promise.all(rasters.map((raster) => toSharp(raster).jpeg({ quality: 90 }).toBuffer()));
  const spent: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    for (const at of [0, 1] as const) {
      const stop = startClock();
      for (const file of files) {
        hasher.hash((await decoder.decode(file)).raster, { orientations: 'none', families: 'both' });
        if (at === 1) hashWindows(hasher.surface(), 'variants', false);
      }
      // The first round warms up.
      if (round > 0) spent[at].push((stop().processorSeconds * 1000) / files.length);
    }
  }
  return [medianOf(spent[0]), medianOf(spent[1])];
}

const sumOf = (rows: readonly (readonly (string | number)[])[]) =>
  String(rows.flat().reduce((sum: number, cell) => sum + (Number(cell) || 0), 0));

const tableOf = (
  table: Omit<BenchTable, 'checksum' | 'notes'> & { readonly notes?: readonly string[] },
): BenchTable => ({
  notes: [],
  ...table,
  checksum: sumOf(table.rows),
});

export async function variants({ smoke, sizes }: BenchOptions): Promise<readonly BenchTable[]> {
  const plan = { ...(smoke ? SMOKE : FULL), ...(sizes?.[0] === undefined ? {} : { measured: sizes[0] }) };
  const chosen = new Set(photographNames(CHOSEN_BY.photographs, CHOSEN_BY.seed));
  const photographs: { readonly photograph: Photograph; readonly owner: number }[] = [];
  const values: Values[] = [];
  const amongThemselves: Queries[] = [];
  for await (const photograph of openPhotographs(plan.all, SEED, process.env.ZEEF_CORPUS, chosen)) {
    const one = valuesOf(photograph.raster);
    if (one.own.length === 0) continue;
    if (photographs.length < plan.measured) photographs.push({ photograph, owner: values.length });
    values.push(one);
    amongThemselves.push(queriesOf(photograph.raster));
  }
  const list = listOf(values);
  const [ofPhotographs, ofCopies] = [new Accused(), new Accused()];
  for (const [owner, queries] of amongThemselves.entries()) {
    const plain = queries.words.subarray(0, countsOf(queries)[0]! * WORDS);
    ofPhotographs.add(nearestOf(plain, list, owner));
  }
  const recall = await recallRows({ photographs, list, copies: plan.copies, accused: ofCopies });
  const { againstPhotographs, byClass } = await measureClasses(plan.classes, smoke, list);
  const counts = values.map(({ variants: { length } }) => length);
  const [plain, withVariants] = await costOf(
    photographs.map(({ photograph: { raster } }) => raster),
    plan.rounds,
  );
  const chosenBy = photographs.filter(({ photograph: { name } }) => chosen.has(name)).length;
  return [
    tableOf({
      title: 'Variants 1: edited copies found by a plain check, %; median bits of the nearest value',
      notes: [
        `seed ${SEED}, ${photographs.length} photographs (${chosenBy} of them the places were chosen by), ${values.length} listed with ${list.owners.length} PDQ values`,
      ],
      columns: ['edit', 'copies', 'without', 'with variants', 'bits', 'with variants'],
      rows: recall,
    }),
    tableOf({
      title: `Variants 2: images with a match that is none, of a plain check unless said, at ${RADIUS_BITS} bits`,
      columns: ['images, and the list', 'images', 'least', 'with variants', 'matched', 'with variants'],
      rows: [
        ofPhotographs.row('photographs, photographs'),
        deepRow(amongThemselves, list),
        ofCopies.row('edited copies, photographs'),
        againstPhotographs.row('all classes, photographs'),
        ...byClass.map(({ name, accused }) => accused.row(name)),
      ],
    }),
    tableOf({
      title: 'Variants 3: cost, one thread; medians of rounds in which both alternate',
      notes: ['Decoding and hashing of a JPEG in one orientation and both families, without digests'],
      columns: ['of an image', 'least', 'mean', 'most'],
      rows: [
        [
          'variants',
          Math.min(...counts),
          counts.reduce((sum, count) => sum + count, 0) / counts.length,
          Math.max(...counts),
        ],
        ['processor ms without', '', plain, ''],
        ['processor ms with variants', '', withVariants, ''],
      ],
    }),
  ];
}
