/** A provider's own entries: hashes of images that it confirmed itself. */
import { stat } from 'node:fs/promises';
import { oneByOne } from '../core/batches.js';
import { derivedOf, derivedTag } from '../core/derived.js';
import { AppError, type ErrorCode } from '../core/errors.js';
import { parseHash256 } from '../core/hash256.js';
import { newId } from '../core/new-id.js';
import type { ParsedRow } from '../core/parsed-row.js';
import { isLowQuality } from '../core/pdq-quality.js';
import { isOneDimensionalPdq } from '../core/pdq-shape.js';
import { DIGEST_ALGORITHMS, type DigestAlgorithm, type Entry, type NotCheckedReason } from '../core/vocabulary.js';
import type { Detail } from '../core/window.js';
import type { HashWants } from '../engine/image-engine.js';
import type { WindowHash } from '../kernels/windows/hash-windows.js';
import { openReview } from '../lists/import/import-review.js';
import { knownIds } from '../lists/known-ids.js';
import type { HeldEntry, ImportReport, ListStore } from '../store/lists-contract.js';
import { placeText, type Variant, variantsOf } from './variants.js';

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
  readonly code: ErrorCode | null;
  readonly degenerate: boolean;
  /** Its variants, where they were asked for. */
  readonly parts: readonly WindowHash[];
}

interface AddParts {
  readonly hashParts: (input: ImageToAdd, wants: HashWants) => Promise<HashedImage>;
  /** Waits until the decoder accepts another image. */
  readonly whenRoom: () => Promise<void>;
  /** The radius and the detail of a new list. */
  readonly radiusBits: number;
  readonly detail: Detail;
}

/** A file, or the bytes of one. */
export type ImageToAdd = { readonly path: string } | { readonly bytes: Uint8Array };

interface AddRequest {
  readonly list: string;
  /** The store, audited with the caller as the actor. */
  readonly lists: ListStore;
  readonly images: readonly ImageToAdd[];
  readonly about: Partial<Pick<Entry, 'category' | 'severity' | 'source'>>;
  /** Store variants too: hashes of parts of each image, by which edited copies of it are found. */
  readonly variants: boolean;
}

/** The result for one image: the id of its entries, or the reason for having none. */
interface AddedImage {
  /** Null for bytes. */
  readonly path: string | null;
  readonly entryId: string | null;
  readonly reason: NotCheckedReason | null;
  readonly code: ErrorCode | null;
  /** The hash has too little detail, or is one-dimensional: only the digests are on the list. */
  readonly lowQuality: boolean;
  readonly variants: number;
  /** The list's entry is disabled or in quarantine: it gets no variant that it did not have, since that would match. */
  readonly inactive: boolean;
}

/** An image and what its entry becomes. */
interface Prepared {
  readonly image: AddedImage;
  readonly hashed: HashedImage;
  /** Hashes of the image itself that are stored. */
  readonly own: readonly string[];
  readonly variants: readonly Variant[];
}

/** Return whether unrelated images share the hash: it is not stored. */
const isUnfit = ({ hash, quality }: PdqFacts, degenerate: boolean) =>
  isLowQuality(quality, degenerate) || isOneDimensionalPdq(parseHash256(hash));

/** Return the PDQ hashes of an image that a list may have: of both families, none that unrelated images share. */
export const ownHashes = ({
  pdq,
  pdqFull,
  degenerate,
}: Pick<HashedImage, 'pdq' | 'pdqFull' | 'degenerate'>): string[] =>
  [pdq, pdqFull].flatMap((facts) => (facts === null || isUnfit(facts, degenerate) ? [] : [facts.hash]));

/** Return the rows of an image; none without an id. */
function rowsOf({ image, hashed, own, variants }: Prepared, line: number, about: AddRequest['about']): ParsedRow[] {
  const { entryId } = image;
  if (entryId === null) return [];
  const nothing = { category: null, severity: null, source: null, mediaType: null, tags: [], notes: {} };
  const common = { ...nothing, ...about, entryId, status: 'active' as const, updatedAt: new Date().toISOString() };
  const entries: Omit<Entry, 'list'>[] = [
    ...DIGEST_ALGORITHMS.map((algorithm) => ({ ...common, algorithm, value: hashed.digests[algorithm]! })),
    ...own.map((value) => ({ ...common, algorithm: 'pdq' as const, value })),
    ...variants.map(({ hash: value, kind, place }) => ({
      ...common,
      algorithm: 'pdq' as const,
      value,
      tags: [derivedTag(kind)],
      notes: { place: placeText(place) },
    })),
  ];
  return entries.map((entry) => ({ ok: true, line, entry }));
}

/** Decide what is stored of an image. `held`: what the list has by its id. */
function prepared(
  path: string | null,
  hashed: HashedImage,
  { entryId, held }: { readonly entryId: string | null; readonly held: readonly HeldEntry[] },
): Prepared {
  const { reason, code, pdq, degenerate } = hashed;
  const own = ownHashes(hashed);
  const inactive = held.some(({ disabled, quarantined }) => disabled || quarantined);
  const known = new Set(held.map(({ value }) => value));
  const all = entryId === null ? [] : variantsOf(hashed.parts, own);
  const variants = inactive ? all.filter(({ hash }) => known.has(hash)) : all;
  const lowQuality = pdq !== null && isUnfit(pdq, degenerate);
  const image = { path, entryId, reason, code, lowQuality, variants: variants.length, inactive };
  return { image, hashed, own, variants };
}

/** Hash the images, each once the decoder accepts it. Errors FILE_UNREADABLE; QUEUE_FULL, SHUTTING_DOWN. */
async function hashAll({ hashParts, whenRoom }: AddParts, images: readonly ImageToAdd[], variants: boolean) {
  const all: { readonly path: string | null; readonly hashed: HashedImage }[] = [];
  for (const image of images) {
    const path = 'path' in image ? image.path : null;
    if (path !== null && !(await stat(path).catch(() => null))?.isFile())
      throw new AppError('FILE_UNREADABLE', { path });
    await whenRoom();
    all.push({ path, hashed: await hashParts(image, { ...WANTS, detail: variants ? 'variants' : 'plain' }) });
  }
  return all;
}

/**
 * Add the digests and the PDQ hashes (both families) of images to a list, and their variants where asked for; nothing else of the images is stored. A review
 * holds the version back where they match canaries.
 * Errors  FILE_UNREADABLE; QUEUE_FULL, SHUTTING_DOWN; REQUEST_INVALID: a suppression list; STORE_FAILED.
 */
export async function addImages(
  parts: AddParts,
  { list, lists, images: given, about, variants }: AddRequest,
): Promise<{ images: readonly AddedImage[]; report: ImportReport | null }> {
  const { radiusBits, detail } = parts;
  const existing = await lists.list(list);
  // A confirmed image on a suppression list would hide what it is there to find.
  if (existing?.kind === 'suppression') throw new AppError('REQUEST_INVALID', { list, expected: 'a match list' });
  const hashed = await hashAll(parts, given, variants);
  const sha256s = hashed.flatMap(({ hashed: { reason, digests } }) => (reason === null ? [digests.sha256!] : []));
  // An image that the list has already keeps its id, in this answer too.
  const known = existing ? await knownIds(lists, existing, 'sha256', new Set(sha256s)) : new Map<string, string>();
  const ids = new Map(known);
  for (const sha256 of sha256s) if (!ids.has(sha256)) ids.set(sha256, newId());
  const all: Prepared[] = [];
  for (const { path, hashed: image } of hashed) {
    const { reason, digests } = image;
    const entryId = reason === null ? ids.get(digests.sha256!)! : null;
    const isKnown = entryId !== null && known.has(digests.sha256!);
    all.push(prepared(path, image, { entryId, held: isKnown ? await lists.entry(list, entryId) : [] }));
  }
  const images = all.map(({ image }) => image);
  const rows = all.flatMap((one, at) => rowsOf(one, at + 1, about));
  if (rows.length === 0) return { images, report: null };
  const create = existing ? {} : { create: { kind: 'match', radiusBits, detail } as const };
  const { watch, review } = await openReview(lists, existing?.radiusBits ?? radiusBits, {
    tenant: existing?.tenant ?? null,
    // An image has dozens, and they resemble each other.
    isAside: (entry) => derivedOf(entry) !== null,
  });
  async function* source() {
    yield rows;
  }
  // Read again where they are held.
  const watched = { [Symbol.asyncIterator]: () => oneByOne(watch(source())) };
  return { images, report: await lists.addEntries(list, watched, { origin: 'own images', review, ...create }) };
}
