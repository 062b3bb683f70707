/**
 * Edited copies by mode: how many are found, who is wrongly accused, and what it costs. Photographs against which the windows were chosen come last,
 * and are measured only where there are too few others.
 */
import { openPhotographs, type Photograph, photographNames } from '../edits/photographs.js';
import type { BenchOptions, BenchTable } from '../report.js';
import { type ClassResult, measureBenign } from './benign.js';
import { certaintyTable, chanceTable } from './chance.js';
import { Strangers, WAYS } from './compare.js';
import { bestWindows, copiesSum, type Listed, measureCopies, reachWords, recallRows } from './copies.js';
import { listedHash, queriesOf, WORDS } from './queries.js';
import { measureRates } from './rates.js';

const SEED = 2_026;
/** The windows at fixed places were chosen by copies of these photographs. */
const CHOSEN_BY = { seed: 77, photographs: 120 };

const FULL = { measured: 100, all: 10_000, everyEdit: 1, images: 64, rounds: 7, entries: [1_000_000, 10_000_000] };
const SMOKE = { measured: 2, all: 14, everyEdit: 8, images: 2, rounds: 1, entries: [2_000] };
/** Photographs beside others in collages; they are not listed. */
const COLLAGE_PARTS = 8;

interface Loaded {
  readonly measured: readonly Listed[];
  readonly collageParts: readonly Photograph[];
  readonly listed: Uint32Array;
  readonly amongThemselves: Strangers;
  /** Of the measured ones, by which the windows were chosen. */
  readonly chosenBy: number;
}

/** Load all photographs; the last are for collages, the first are edited, and all but those for collages are listed. */
async function load({ measured: count, all }: typeof FULL): Promise<Loaded> {
  const chosen = new Set(photographNames(CHOSEN_BY.photographs, CHOSEN_BY.seed));
  const available = photographNames(all, SEED).length;
  const hashes: Uint32Array[] = [];
  const queries: ReturnType<typeof queriesOf>[] = [];
  const measured: Listed[] = [];
  const collageParts: Photograph[] = [];
  let at = 0;
  for await (const photograph of openPhotographs(all, SEED, process.env.ZEEF_CORPUS, chosen)) {
    if (at++ >= available - COLLAGE_PARTS) {
      collageParts.push(photograph);
      continue;
    }
    const hash = listedHash(photograph.raster);
    if (hash === null) continue;
    if (measured.length < count) measured.push({ photograph, own: hashes.length });
    hashes.push(hash);
    queries.push(queriesOf(photograph.raster));
  }
  const listed = new Uint32Array(hashes.length * WORDS);
  for (const [n, hash] of hashes.entries()) listed.set(hash, n * WORDS);
  const amongThemselves = new Strangers();
  for (const [n, query] of queries.entries()) amongThemselves.add(query, listed, n);
  const chosenBy = measured.filter(({ photograph }) => chosen.has(photograph.name)).length;
  return { measured, collageParts, listed, amongThemselves, chosenBy };
}

const wrongRow = (name: string, strangers: Strangers): (string | number)[] => [
  name,
  strangers.images,
  strangers.pairs,
  strangers.nearest === 256 ? '' : strangers.nearest,
  ...WAYS.map((way) => strangers.matched.get(way)!),
];

function wrongTable(photographs: Strangers, copies: Strangers, classes: readonly ClassResult[]): BenchTable {
  const allClasses = new Strangers();
  for (const { againstPhotographs } of classes) allClasses.addAll(againstPhotographs);
  const ownClasses = new Strangers();
  for (const { againstOwn } of classes) ownClasses.addAll(againstOwn);
  const rows = [
    wrongRow('photographs, photographs', photographs),
    wrongRow('edited copies, photographs', copies),
    wrongRow('all classes, photographs', allClasses),
    wrongRow('all classes, of their own', ownClasses),
    ...classes.map(({ name, againstOwn }) => wrongRow(name, againstOwn)),
  ];
  return {
    title: 'Recall 2: images with a match that is none; classes, unless said, against a list of their own',
    notes: ['least: up to 96; 47/4 and 47/14: deep, up to 47 bits, at most 4 and 14 certain ones wrong'],
    columns: [
      'images, and the list',
      'images',
      'pairs',
      'least',
      'plain',
      'std',
      'deep',
      'no rule',
      '47/4',
      'std47',
      '47/14',
    ],
    rows,
    checksum: String(rows.flat().reduce((sum: number, cell) => sum + (typeof cell === 'number' ? cell : 0), 0)),
  };
}

export async function recall({ smoke, sizes }: BenchOptions): Promise<readonly BenchTable[]> {
  const plan = { ...(smoke ? SMOKE : FULL), ...(sizes?.[0] === undefined ? {} : { measured: sizes[0] }) };
  const { measured, collageParts, listed, amongThemselves, chosenBy } = await load(plan);
  const ofCopies = new Strangers();
  const { everyEdit } = plan;
  const common = { seed: SEED, photographs: measured, collageParts, listed };
  const copies = await measureCopies({ ...common, everyEdit, strangers: ofCopies });
  const classes = await measureBenign({ seed: SEED, smoke, listed });
  const strangers = new Strangers().addAll(amongThemselves).addAll(ofCopies);
  const rates = await measureRates(plan);
  return [
    {
      title: 'Recall 1: edited copies found, %; bits of the nearest window, certain ones wrong up to 31',
      notes: [
        `seed ${SEED}, ${measured.length} photographs (${chosenBy} of them the windows were chosen by), ${listed.length / WORDS} listed`,
        reachWords(copies),
      ],
      columns: ['edit', 'copies', 'plain', 'std', 'deep', 'no rule', '47/4', '47/14', 'bits', 'wrong'],
      rows: recallRows(copies),
      checksum: String(copiesSum(copies)),
    },
    wrongTable(amongThemselves, ofCopies, classes),
    certaintyTable(bestWindows(copies), strangers),
    chanceTable(strangers),
    {
      title: 'Recall 5: cost by mode, one thread; medians of rounds in which the modes alternate',
      notes: ['Decoding and hashing in all orientations and both families, without digests and searching'],
      columns: ['work', 'images/s', 'CPU ms/image', 'of plain'],
      rows: rates.rows,
      checksum: String(rates.sum),
    },
  ];
}
