/**
 * Terms shared by all rooms, in the exact spelling of the HTTP interface.
 * Leaves all behaviour to the rooms above.
 */

import type { Detail } from './window.js';

/** Rotation or reflection of the query that matched; names and order of the PDQ reference. */
export const ORIENTATIONS = [
  'original',
  'rotate90',
  'rotate180',
  'rotate270',
  'flipX',
  'flipY',
  'flipPlus1',
  'flipMinus1',
] as const;
export type Orientation = (typeof ORIENTATIONS)[number];
export type OrientationChoice = 'all' | 'none';

/**
 * PDQ variants. `resized` and `full` are in use for images over 512 pixels: hashed after the nearest-neighbour resize to 512×512
 * (the C++ reference), or from the full-size luma (the Java port, the usual Python binding). Of smaller images the two are one,
 * called `resized`. `symmetric`: a query of Zeef's own for them, by centred windows: nearer to the hash of the same image
 * at another size. No list has it.
 */
export const FAMILIES = ['resized', 'full', 'symmetric'] as const;
export type Family = (typeof FAMILIES)[number];

export const DIGEST_ALGORITHMS = ['md5', 'sha1', 'sha256'] as const;
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];
export const HASH_ALGORITHMS = ['pdq', 'blockhash', 'photodna'] as const;
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];
export const ALGORITHMS = [...DIGEST_ALGORITHMS, ...HASH_ALGORITHMS] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Length of a value in bytes, per algorithm. PDQ and blockhash: 256 bits; PhotoDNA: 144 numbers of one byte. */
export const VALUE_BYTES: Readonly<Record<Algorithm, number>> = {
  md5: 16,
  sha1: 20,
  sha256: 32,
  pdq: 32,
  blockhash: 32,
  photodna: 144,
};

/** List publishers whose pages Zeef can fetch. */
export const SOURCE_TYPES = ['ncmec', 'stopncii', 'tech-against-terrorism', 'threatexchange'] as const;
export type SourceType = (typeof SOURCE_TYPES)[number];

/** Secrets that publishers give to their members, by their publishers' names. */
export const SECRET_ROLES = ['password', 'functionKey', 'subscriptionKey', 'accessToken', 'feedbackKey'] as const;
export type SecretRole = (typeof SECRET_ROLES)[number];

/** The secrets that a source takes; the first is the one that an unnamed secret is for. */
export const SOURCE_SECRETS: Readonly<Record<SourceType, readonly [SecretRole, ...SecretRole[]]>> = {
  ncmec: ['password'],
  // StopNCII has a function key for each endpoint.
  stopncii: ['functionKey', 'subscriptionKey', 'feedbackKey'],
  'tech-against-terrorism': ['password'],
  threatexchange: ['accessToken'],
};

export const VERDICTS = ['match', 'no_match', 'suppressed', 'not_checked'] as const;
export type Verdict = (typeof VERDICTS)[number];

export const NOT_CHECKED_REASONS = [
  'unsupported_format',
  'not_an_image',
  'truncated',
  'corrupt',
  'too_large',
  'too_many_pixels',
  'too_small',
  'timeout',
  'decoder_crash',
  'unreadable',
  'no_list',
] as const;
export type NotCheckedReason = (typeof NOT_CHECKED_REASONS)[number];

/** Status of a hit: found, sent to the party that must act, confirmed by a person, taken down, or not a hit. */
export const HIT_STATUSES = ['open', 'notified', 'confirmed', 'removed', 'false_positive', 'possible'] as const;
export type HitStatus = (typeof HIT_STATUSES)[number];
/** States that a person can give a case. */
export const DECISIONS = ['open', 'notified', 'confirmed', 'removed', 'false_positive'] as const satisfies HitStatus[];

export const IMAGE_FORMATS = [
  'jpeg',
  'png',
  'gif',
  'webp',
  'avif',
  'heic',
  'tiff',
  'bmp',
  'ico',
  'jp2',
  'jxl',
  'svg',
  'pdf',
  'raw',
] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];
/** Formats whose files can have several frames or pages: what is hashed of them depends on the frames that are requested. */
export const FRAMED_FORMATS: ReadonlySet<ImageFormat> = new Set(['gif', 'webp', 'tiff', 'png', 'avif', 'heic']);

/**
 * Background under transparent pixels when hashed: `white` or `black`; `alpha` is the alpha itself as a grey image, which can
 * carry a image where the colours have none. Null: the stored colours with the alpha ignored, as in the PDQ reference.
 */
export const BACKGROUNDS = ['white', 'black', 'alpha'] as const;
export type Background = (typeof BACKGROUNDS)[number] | null;

/**
 * What was hashed of a file, where viewers differ: `canvas`, the whole screen of a GIF whose first frame covers a part of it;
 * `uncropped`, an AVIF or HEIC without its crop; `default_image`, what a viewer without animations shows of an animated PNG.
 * Null: the frame itself, as most viewers show it.
 */
export const PARTS = ['canvas', 'uncropped', 'default_image'] as const;
export type Part = (typeof PARTS)[number] | null;

/**
 * Verdict of a damaged image of which the rest was searched, and matches nothing: `no_match`, marked as `degraded`, or
 * `not_checked`. Where much is missing it is `not_checked` in any case.
 */
export const DEGRADED_VERDICTS = ['no_match', 'not_checked'] as const;
export type DegradedVerdict = (typeof DEGRADED_VERDICTS)[number];

/** Which view of a file a hash is of. */
export interface ViewName {
  /** Frame or page, from 0; null where only a hash is known, and for a digest. */
  readonly frame: number | null;
  readonly background: Background;
  readonly part: Part;
}

/** No view: a bare hash, or a digest. */
export const NO_VIEW: ViewName = { frame: null, background: null, part: null };

/** Lower-case hex, by algorithm. */
export type Digests = Partial<Record<DigestAlgorithm, string>>;

/**
 * Decoded pixels, row by row, no padding: `data[(y * width + x) * channels + c]`, 0..255; channels are grey, grey and
 * alpha, R G B, or R G B and alpha. Hashing ignores the alpha, as in the PDQ reference.
 */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly data: Uint8Array;
}

/** One known hash or digest with its source, normalised from any list format. */
export interface Entry {
  readonly list: string;
  readonly entryId: string;
  readonly algorithm: Algorithm;
  /** Lower-case hex of `VALUE_BYTES[algorithm]` bytes. */
  readonly value: string;
  readonly category: string | null;
  readonly severity: string | null;
  readonly source: string | null;
  readonly mediaType: string | null;
  readonly status: 'active' | 'deleted';
  /** RFC 3339, UTC; null if the list does not give it. */
  readonly updatedAt: string | null;
  readonly tags: readonly string[];
  /** What the list says besides, by the list's own names. Sealed at rest. */
  readonly notes: Readonly<Record<string, string>>;
  /** RFC 3339: until then its matches are reported, and do not count; null: no time was set. */
  readonly inactiveUntil?: string | null;
}

/** Of an entry with nothing but its id and value. */
export const NO_ATTRIBUTES = {
  category: null,
  severity: null,
  source: null,
  mediaType: null,
  updatedAt: null,
  tags: [],
  notes: {},
} as const satisfies Partial<Entry>;

/** A provider's settings for a list. */
export interface ListTerms {
  /** The list's own category → the name in answers; unmapped categories are unchanged. */
  readonly categoryMap: Readonly<Record<string, string>>;
  /** The list's severity, or its category if an entry has no severity → the severity in answers. */
  readonly severityMap: Readonly<Record<string, string>>;
  /** RFC 3339: the list is disabled from this time, as when an agreement ends; null for never. */
  readonly expiresAt: string | null;
  /** Entries that the list updated longer ago no longer match; null: all match. Entries without a date never expire. */
  readonly entryDaysMax: number | null;
  /** The tenant whose checks alone search the list; null: those of all tenants. */
  readonly tenant: string | null;
  /** The list's name for clients of HMA's interface, unique among those that a tenant sees; null: they do not see it. */
  readonly bank: string | null;
  /** Share of the checks in which its matches count, 0..1; of the others they are on record as not sampled. */
  readonly sampleRatio: number;
}

export const NO_TERMS: ListTerms = {
  categoryMap: {},
  severityMap: {},
  expiresAt: null,
  entryDaysMax: null,
  tenant: null,
  bank: null,
  sampleRatio: 1,
};

/** A name that a list had, in answers of the generations before `until`. */
export interface FormerName {
  readonly name: string;
  readonly until: number;
}

/** One list as the store has it; counts are of the active version. */
export interface ListInfo extends ListTerms {
  readonly list: string;
  readonly kind: 'match' | 'suppression';
  readonly enabled: boolean;
  readonly radiusBits: number;
  /** Report near matches of images with quality below 50, and of one-dimensional hashes; by default they are left out. */
  readonly matchLowQuality: boolean;
  /** How far a query that does not say it looks for copies of the entries. */
  readonly detail: Detail;
  /** Rises by one with every import. */
  readonly version: number;
  readonly importedAt: string | null;
  readonly entryCount: number;
  readonly rejectedCount: number;
  readonly duplicateCount: number;
  readonly entriesByAlgorithm: Readonly<Partial<Record<Algorithm, number>>>;
  /** Oldest first. */
  readonly formerNames: readonly FormerName[];
}
