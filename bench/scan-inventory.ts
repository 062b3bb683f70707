/** A generated inventory: hashes distributed as those of photographs, more than any test corpus has. */
import { createHash } from 'node:crypto';
import { HASH256_BYTES } from '../src/core/hash256.js';
import { FAMILIES, ORIENTATIONS, type Orientation } from '../src/core/vocabulary.js';
import { type Detail, type Place, RESAMPLED } from '../src/core/window.js';
import { transposeBits } from '../src/kernels/oriented-hashes.js';
import { reorientPdq } from '../src/kernels/pdq-signs.js';
import { fixedWindows } from '../src/kernels/windows/fixed-windows.js';
import type { WindowHash } from '../src/kernels/windows/hash-windows.js';
import type { FileFacts } from '../src/scan/facts/file-facts.js';
import { fileRow } from '../src/scan/facts/file-row.js';
import { NO_FACTS } from '../src/scan/image-reader.js';
import { openSqliteInventory } from '../src/sqlite/inventory/inventory.js';
import { nearCopy, pdqLike, seeded } from './pdq-like.js';

/**
 * A coefficient near the median may be on either side of it in another orientation or family. `SOFT_SHARE`: share of
 * such bits; the noises: how far orientation and family move a coefficient, relative to its distance from the median.
 * Fitted to 201 photographs of more than 512 pixels: 16 bits between an oriented hash and the sign rule, 7 between the
 * families, at 31 positions in all (here 15, 7 and 32).
 */
const SOFT_SHARE = 0.19;
const TURN_NOISE = 0.8;
const FAMILY_NOISE = 0.45;
const PER_FOLDER = 500;

const KEPT: readonly Orientation[] = ['original', 'rotate180', 'flipX', 'flipY'];
/** Target and source of each transpose; transposes are exact. */
const TRANSPOSES: readonly (readonly [Orientation, Orientation])[] = [
  ['rotate90', 'flipY'],
  ['rotate270', 'flipX'],
  ['flipPlus1', 'original'],
  ['flipMinus1', 'rotate180'],
];
const placeOf = (orientation: Orientation) => ORIENTATIONS.indexOf(orientation);

/** Generate eight hashes a family, in the order of `ORIENTATIONS`; `original` is the first of the first family. */
function turnedSets(original: Uint8Array, families: 1 | 2, random: () => number): Uint8Array[][] {
  const bell = () => 2 * (random() + random() + random() - 1.5);
  const sets = Array.from({ length: families }, () =>
    ORIENTATIONS.map((orientation) =>
      orientation === 'original' ? original.slice() : reorientPdq(original, orientation),
    ),
  );
  for (let position = 0; position < 8 * HASH256_BYTES; position++) {
    if (random() >= SOFT_SHARE) continue;
    const margin = Math.abs(bell());
    let first: boolean | null = null;
    for (const orientation of KEPT) {
      const turned = margin + TURN_NOISE * bell();
      for (const set of sets) {
        const isOver = turned + FAMILY_NOISE * bell() < 0;
        first ??= isOver;
        if (isOver !== first) set[placeOf(orientation)]![position >> 3]! ^= 1 << (position & 7);
      }
    }
  }
  for (const set of sets) {
    for (const [to, source] of TRANSPOSES) set[placeOf(to)] = transposeBits(set[placeOf(source)]!);
  }
  return sets;
}

/** Windows that are found in a photograph, mean of 150. */
const FOUND_WINDOWS = 30;
/** Bits between a window's hash and the image's, and between its mirrored hash and what the sign rule makes of it: medians of the same. */
const WINDOW_BITS = 60;
const MIRROR_BITS = 6;

/** Generate the windows of an image of 4 by 3: found ones at places of one pixel, and all fixed ones. */
function windowsOf(original: Uint8Array, detail: Detail, random: () => number): WindowHash[] {
  if (detail === 'plain') return [];
  const edge = () => Math.floor(random() * 480) / 1_024;
  const found = Array.from({ length: FOUND_WINDOWS }, (_, at): Place => {
    const [left, top, right, bottom] = [edge(), edge(), 1 - edge(), 1 - edge()];
    // Half of the edges are those of the image.
    return {
      kind: 'part',
      rectangle: at % 2 === 0 ? { left, top, right: 1, bottom: 1 } : { left: 0, top: 0, right, bottom },
      degrees: 0,
    };
  });
  const places = [RESAMPLED, ...found, ...(detail === 'deep' ? fixedWindows(4, 3) : [])];
  return places.map((place) => {
    const hash = nearCopy(original, WINDOW_BITS, random);
    const mirrored = nearCopy(reorientPdq(hash, 'flipY'), MIRROR_BITS, random);
    return { window: { ...place, proportion: 4 / 3 }, quality: 100, hashes: [hash, mirrored], certain: null };
  });
}

/** Fill an inventory; every thousandth image is a near-copy of a hash in `listed`. Return the bytes of all names. */
export async function fillInventory(
  folder: string,
  count: number,
  { families, listed, detail = 'plain' }: { families: 1 | 2; listed: Uint8Array; detail?: Detail },
): Promise<number> {
  const inventory = await openSqliteInventory(folder);
  const random = seeded(11);
  const originals = pdqLike(count, 12);
  await inventory.beginScan('bench', ['/bench']);
  let nameBytes = 0;
  for (let from = 0; from < count; from += PER_FOLDER) {
    const { id } = await inventory.folderAt(`/bench/${from}`);
    const base = await inventory.firstKey(id);
    const names = inventory.inOrder(
      Array.from({ length: Math.min(PER_FOLDER, count - from) }, (_, at) => `picture-${from + at}.jpg`),
    );
    const places = await inventory.find(base, names);
    const files = places.map(({ fileKey }, at) => {
      const number = from + at;
      nameBytes += names[at]!.length;
      const known = (number % (listed.length / HASH256_BYTES)) * HASH256_BYTES;
      const original =
        number % 1_000 === 0
          ? nearCopy(listed.subarray(known, known + HASH256_BYTES), 9, random)
          : originals.slice(number * HASH256_BYTES, (number + 1) * HASH256_BYTES);
      const sets = turnedSets(original, families, random);
      const digest = (name: string) => createHash(name).update(String(number)).digest('hex');
      const facts: FileFacts = {
        ...NO_FACTS,
        size: 80_000 + number,
        mtimeNs: 1_764_000_000_000_000_000n + BigInt(number) * 1_000_003n,
        ctimeNs: 1_764_000_000_000_000_000n + BigInt(number) * 1_000_003n,
        inode: 10_000_000n + BigInt(number),
        device: 2049n,
        scan: 1,
        generation: 1,
        verdict: 'no_match',
        detail,
        digests: { md5: digest('md5'), sha1: digest('sha1'), sha256: digest('sha256') },
        image: { format: 'jpeg', width: families === 1 ? 500 : 1_600, height: families === 1 ? 375 : 1_200 },
        views: [
          {
            frame: 0,
            background: null,
            part: null,
            blockhash: null,
            windows: windowsOf(original, detail, random),
            families: sets.map((hashes, at) => ({ family: FAMILIES[at]!, quality: 100, degenerate: false, hashes })),
          },
        ],
      };
      return fileRow({ fileKey, name: names[at]!, isArchive: false }, facts);
    });
    await inventory.apply({ files, foldersDone: [{ id, counts: { symlinks: 0, special: 0, excluded: 0 } }] });
  }
  await inventory.finishScan({ files: count, matchedAt: null });
  await inventory.close();
  return nameBytes;
}
