/** Harmless images of one form: against photographs, and against a list of others of their class. */
import { CLASS_NAMES, classOf } from '../edits/benign/classes.js';
import { Strangers } from './compare.js';
import { listedHash, type Queries, queriesOf, WORDS } from './queries.js';

export interface ClassResult {
  readonly name: string;
  readonly againstPhotographs: Strangers;
  readonly againstOwn: Strangers;
}

interface BenignOptions {
  readonly seed: number;
  readonly smoke: boolean;
  /** Entries of photographs. Shape: N × 8. */
  readonly listed: Uint32Array;
}

/** Compare the images of a class with photographs, and each with the entries of all others. */
async function measureClass(name: string, { seed, smoke, listed }: BenignOptions): Promise<ClassResult> {
  const { make, full, smoke: few } = classOf(name);
  const images: { readonly queries: Queries; readonly hash: Uint32Array | null }[] = [];
  for (let n = 0; n < (smoke ? few : full); n++) {
    const raster = await make(seed, n);
    images.push({ queries: queriesOf(raster), hash: listedHash(raster) });
  }
  const entries = images.filter(({ hash }) => hash !== null);
  const own = new Uint32Array(entries.length * WORDS);
  for (const [at, { hash }] of entries.entries()) own.set(hash!, at * WORDS);
  const [againstPhotographs, againstOwn] = [new Strangers(), new Strangers()];
  for (const image of images) {
    againstPhotographs.add(image.queries, listed, null);
    const number = entries.indexOf(image);
    againstOwn.add(image.queries, own, number === -1 ? null : number);
  }
  return { name, againstPhotographs, againstOwn };
}

/** Classes of the smoke size. */
const SMOKE_CLASSES = 3;

export async function measureBenign(options: BenignOptions): Promise<ClassResult[]> {
  const results: ClassResult[] = [];
  for (const name of CLASS_NAMES.slice(0, options.smoke ? SMOKE_CLASSES : undefined))
    results.push(await measureClass(name, options));
  return results;
}
