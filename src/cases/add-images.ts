/** A provider's own entries: hashes of images that it confirmed itself. */
import { stat } from 'node:fs/promises';
import { AppError } from '../core/errors.js';
import { parseHash256 } from '../core/hash256.js';
import { newId } from '../core/new-id.js';
import type { ParsedRow } from '../core/parsed-row.js';
import { isLowQuality } from '../core/pdq-quality.js';
import { isOneDimensionalPdq } from '../core/pdq-shape.js';
import { DIGEST_ALGORITHMS, type DigestAlgorithm, type Entry, type NotCheckedReason } from '../core/vocabulary.js';
import type { Detail } from '../core/window.js';
import type { HashWants } from '../engine/image-engine.js';
import { openReview } from '../lists/import/import-review.js';
import { knownIds } from '../lists/known-ids.js';
import type { ImportReport, ListStore } from '../store/lists-contract.js';

const WANTS: HashWants = {
  digests: DIGEST_ALGORITHMS,
  orientations: 'none',
  families: 'both',
  algorithms: ['pdq'],
  frames: 1,
  detail: 'plain',
};

interface PdqFacts {
  readonly hash: string;
  readonly quality: number;
}

/** The facts of a hashed image that its entries need. */
interface HashedImage {
  readonly digests: Readonly<Partial<Record<DigestAlgorithm, string>>>;
  readonly pdq: PdqFacts | null;
  readonly pdqFull: PdqFacts | null;
  readonly reason: NotCheckedReason | null;
  readonly degenerate: boolean;
}

interface AddParts {
  readonly hashImage: (input: { readonly path: string }, wants: HashWants) => Promise<HashedImage>;
  /** Waits until the decoder accepts another image. */
  readonly whenRoom: () => Promise<void>;
  /** The radius and the detail of a new list. */
  readonly radiusBits: number;
  readonly detail: Detail;
}

interface AddRequest {
  readonly list: string;
  /** The store, audited with the caller as the actor. */
  readonly lists: ListStore;
  readonly paths: readonly string[];
  readonly about: Partial<Pick<Entry, 'category' | 'severity' | 'source'>>;
}

/** The result for one image: the id of its entries, or the reason for having none. */
interface AddedImage {
  readonly path: string;
  readonly entryId: string | null;
  readonly reason: NotCheckedReason | null;
  /** The hash has too little detail, or is one-dimensional: only the digests are on the list. */
  readonly lowQuality: boolean;
}

/** Return whether unrelated images share the hash: it is not stored. */
const isUnfit = ({ hash, quality }: PdqFacts, degenerate: boolean) =>
  isLowQuality(quality, degenerate) || isOneDimensionalPdq(parseHash256(hash));

/** Return the rows of an image; none without an id. */
function rowsOf(
  { digests, pdq, pdqFull, degenerate }: HashedImage,
  entryId: string | null,
  line: number,
  about: AddRequest['about'],
): ParsedRow[] {
  if (entryId === null) return [];
  const nothing = { category: null, severity: null, source: null, mediaType: null, tags: [], notes: {} };
  const common = { ...nothing, ...about, entryId, status: 'active' as const, updatedAt: new Date().toISOString() };
  const hashes = [pdq, pdqFull].filter((facts) => facts !== null && !isUnfit(facts, degenerate));
  const values: [Entry['algorithm'], string][] = [
    ...DIGEST_ALGORITHMS.map((algorithm): [Entry['algorithm'], string] => [algorithm, digests[algorithm]!]),
    ...hashes.map((facts): [Entry['algorithm'], string] => ['pdq', facts!.hash]),
  ];
  return values.map(([algorithm, value]) => ({
    ok: true,
    line,
    entry: { ...common, algorithm, value },
  }));
}

/**
 * Add the digests and the PDQ hashes (both families) of images to a list; nothing else of the images is stored. A review
 * holds the version back where they match canaries.
 * Errors  FILE_UNREADABLE; QUEUE_FULL, SHUTTING_DOWN; REQUEST_INVALID: a suppression list; STORE_FAILED.
 */
export async function addImages(
  { hashImage, whenRoom, radiusBits, detail }: AddParts,
  { list, lists, paths, about }: AddRequest,
): Promise<{ images: readonly AddedImage[]; report: ImportReport | null }> {
  const existing = await lists.list(list);
  // A confirmed image on a suppression list would hide what it is there to find.
  if (existing?.kind === 'suppression') throw new AppError('REQUEST_INVALID', { list, expected: 'a match list' });
  const hashed: (HashedImage & { readonly path: string })[] = [];
  for (const path of paths) {
    if (!(await stat(path).catch(() => null))?.isFile()) throw new AppError('FILE_UNREADABLE', { path });
    await whenRoom();
    hashed.push({ path, ...(await hashImage({ path }, WANTS)) });
  }
  const sha256s = hashed.flatMap(({ reason, digests }) => (reason === null ? [digests.sha256!] : []));
  // An image that the list has already keeps its id, in this answer too.
  const ids = new Map(existing ? await knownIds(lists, existing, 'sha256', new Set(sha256s)) : []);
  for (const sha256 of sha256s) if (!ids.has(sha256)) ids.set(sha256, newId());
  const images = hashed.map(
    ({ path, reason, digests, pdq, degenerate }): AddedImage => ({
      path,
      entryId: reason === null ? ids.get(digests.sha256!)! : null,
      reason,
      lowQuality: pdq !== null && isUnfit(pdq, degenerate),
    }),
  );
  const rows = hashed.flatMap((image, at) => rowsOf(image, images[at]!.entryId, at + 1, about));
  if (rows.length === 0) return { images, report: null };
  const create = existing ? {} : { create: { kind: 'match', radiusBits, detail } as const };
  const { watch, review } = await openReview(lists, existing?.radiusBits ?? radiusBits);
  async function* source() {
    yield* rows;
  }
  // Read again where they are held.
  const watched = { [Symbol.asyncIterator]: () => watch(source()) };
  return { images, report: await lists.addEntries(list, watched, { origin: 'own images', review, ...create }) };
}
