/** An inventory of pictures that never were: hashes as photographs have them, in a number that no test corpus has. */
import { createHash } from 'node:crypto';
import { HASH256_BYTES } from '../src/core/hash256.js';
import { FAMILIES, ORIENTATIONS } from '../src/core/vocabulary.js';
import { turnPdqBits } from '../src/kernels/pdq-signs.js';
import { transposeBits } from '../src/kernels/turned-hashes.js';
import { packFacts } from '../src/service/scan/file-facts.js';
import { NO_FACTS } from '../src/service/scan/pictures.js';
import { openSqliteInventory } from '../src/store/sqlite/sqlite-inventory.js';
import { nearCopy, pdqLike, seeded } from './pdq-like.js';

/** Bits by which a really turned picture differs from the sign rule, and one family from the other; medians of photographs. */
const TURN_BITS = 16;
const FAMILY_BITS = 7;
const PER_FOLDER = 500;

function turnedSet(original: Uint8Array, random: () => number): Uint8Array[] {
  const set = ORIENTATIONS.map((orientation) =>
    orientation === 'original' ? original : nearCopy(turnPdqBits(original, orientation), TURN_BITS, random),
  );
  // Transposes are exact: rotate90, rotate270, flipPlus1, flipMinus1 of flipY, flipX, original, rotate180.
  for (const [to, from] of [
    [1, 5],
    [3, 4],
    [6, 0],
    [7, 2],
  ] as const)
    set[to] = transposeBits(set[from]!);
  return set;
}

/** `listed`: hashes of which every thousandth picture is a copy, some bits off. Returns bytes of all names. */
export async function fillInventory(
  folder: string,
  count: number,
  { families, listed }: { families: 1 | 2; listed: Uint8Array },
): Promise<number> {
  const inventory = await openSqliteInventory(folder);
  const random = seeded(11);
  const originals = pdqLike(count, 12);
  await inventory.beginScan('bench', ['/bench']);
  let nameBytes = 0;
  for (let from = 0; from < count; from += PER_FOLDER) {
    const { id } = await inventory.folderAt(`/bench/${from}`);
    const base = await inventory.baseSpot(id);
    const names = inventory.inOrder(
      Array.from({ length: Math.min(PER_FOLDER, count - from) }, (_, at) => `picture-${from + at}.jpg`),
    );
    const places = await inventory.find(base, names);
    const files = places.map(({ spot }, at) => {
      const number = from + at;
      nameBytes += names[at]!.length;
      const known = (number % (listed.length / HASH256_BYTES)) * HASH256_BYTES;
      const original =
        number % 1_000 === 0
          ? nearCopy(listed.subarray(known, known + HASH256_BYTES), 9, random)
          : originals.slice(number * HASH256_BYTES, (number + 1) * HASH256_BYTES);
      const first = turnedSet(original, random);
      const second = first.map((hash) => nearCopy(hash, FAMILY_BITS, random));
      for (const [to, source] of [
        [1, 5],
        [3, 4],
        [6, 0],
        [7, 2],
      ] as const)
        second[to] = transposeBits(second[source]!);
      const sets = families === 1 ? [first] : [first, second];
      const digest = (name: string) => createHash(name).update(String(number)).digest('hex');
      const facts = packFacts({
        ...NO_FACTS,
        size: 80_000 + number,
        mtimeNs: 1_764_000_000_000_000_000n + BigInt(number) * 1_000_003n,
        inode: 10_000_000n + BigInt(number),
        scan: 1,
        generation: 1,
        verdict: 'no_match',
        digests: { md5: digest('md5'), sha1: digest('sha1'), sha256: digest('sha256') },
        image: { format: 'jpeg', width: families === 1 ? 500 : 1_600, height: families === 1 ? 375 : 1_200 },
        views: [
          {
            frame: 0,
            background: null,
            blockhash: null,
            families: sets.map((hashes, at) => ({ family: FAMILIES[at]!, quality: 100, degenerate: false, hashes })),
          },
        ],
      });
      return { spot, name: names[at]!, facts };
    });
    await inventory.apply({ files, foldersDone: [{ id, counts: { symlinks: 0, special: 0, excluded: 0 } }] });
  }
  await inventory.finishScan({ files: count, matchedAt: null });
  await inventory.close();
  return nameBytes;
}
