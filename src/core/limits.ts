/**
 * Bounds that are the same in every installation, each with its reason.
 * Bounds that an operator can change are knobs in `config/`; their defaults are here.
 */

/** One megabyte of PNG can unpack to a gigabyte. 50 megapixels covers most cameras and costs 50 MB of luma. */
export const IMAGE_PIXELS_MAX = 50_000_000;
/** Larger files are videos, raw camera data or bombs; 25 MB is a 50-megapixel JPEG at a high quality. */
export const IMAGE_BYTES_MAX = 25_000_000;
/** The reference hashes nothing below 5 pixels on a side: such images have no frequencies 1 to 16. */
export const IMAGE_SIDE_MIN = 5;
/** A 50-megapixel progressive JPEG takes about half a second; ten seconds is a bomb or a stuck machine. */
export const IMAGE_DECODE_MS_MAX = 10_000;
/** RSS for one image: a 50-megapixel image with alpha, or a progressive JPEG of that size, needs about 500 MB. */
export const IMAGE_MEMORY_BYTES_MAX = 1_073_741_824;
/** Hashes of about 90,000 images seen before: repeats arrive within hours, not months. */
export const IMAGE_CACHE_BYTES_MAX = 134_217_728;
/** Different files an hour that one entry may be near: listed images recur in a few copies, stock images in thousands. */
export const FLOOD_FILES_MAX = 100;
/** Frames of one animation, or pages of one file: each costs as much as an image, and a late one also all before it. */
export const FRAMES_MAX = 16;
/** Decoder restarts in a minute; more mean that a client is sending files that crash it. */
export const DECODER_RESTARTS_A_MINUTE_MAX = 5;
/** Four images waiting per worker. Beyond this we answer QUEUE_FULL: a fast refusal is better than a slow answer. */
export const QUEUE_IMAGES_PER_WORKER_MAX = 4;
/** A batch of hashes in one request: about 12 MB of JSON, under two seconds of searching on one core. */
export const BATCH_ITEMS_MAX = 100_000;
/** Hashes of one file: 16 frames, each as stored and over white, in two families of eight orientations, and blockhash. */
export const FILE_HASHES_MAX = 544;
/** JSON bodies: 100,000 items of about 130 bytes, with room for ids. */
export const BATCH_BYTES_MAX = 32_000_000;
/** Files in one multipart request: each is decoded on its own, and the request waits for the slowest. */
export const MULTIPART_FILES_MAX = 100;
/** Widest radius that an index must support; unrelated images are at 128 ± 8, nearest seen 80. */
export const RADIUS_BITS_MAX = 256;
/** The starting point that the PDQ authors publish: match at a distance of 31 or less. */
export const RADIUS_BITS_DEFAULT = 31;
/** Below this PDQ quality an image has too little detail for a meaningful hash (PDQ's authors: ignore ≤ 49). */
export const PDQ_QUALITY_MIN = 50;
/** Matches returned per image: a list of near-copies could otherwise fill the answer. The true count is returned too. */
export const MATCHES_PER_IMAGE_MAX = 100;
/** Entries of one list read from the store for one query, nearest first; further ones are only counted. */
export const ENTRIES_READ_PER_LIST_MAX = 1_000;
/** A line of NDJSON: an item of a batch is under 1 kB, and a longer one delays all items after it. */
export const ITEM_LINE_BYTES_MAX = 65_536;
/** A progressive JPEG has about ten scans; each is a pass over all coefficients, so thousands are a time bomb. */
export const JPEG_SCANS_MAX = 100;
/** A line of a hash list: an entry with all its fields is under 2 kB; longer is not a list, or is a bomb. */
export const HASHLIST_LINE_BYTES_MAX = 65_536;
/** One record of a JSON or XML list: an entry with all its fingerprints is under 20 kB; more is not a list, or is a bomb. */
export const HASHLIST_RECORD_BYTES_MAX = 16_777_216;
/** An uploaded list: the longest that are shared have some ten million entries, a few gigabytes as XML. */
export const IMPORT_BYTES_MAX = 17_179_869_184;
/** A list up to this size is imported during the request: under a second. */
export const IMPORT_AT_ONCE_BYTES_MAX = 1_048_576;
/** Queued imports; each keeps its bytes on disk meanwhile. */
export const IMPORTS_WAITING_MAX = 20;
/** Terms of one mapping: classifications have a handful of categories, regional ones some hundred. */
export const LIST_WORDS_MAX = 1_000;
/** A century: a longer term is no limit. */
export const LIST_ENTRY_DAYS_MAX = 36_500;
/** One page of a source: a thousand entries are under 2 MB. */
export const SOURCE_PAGE_BYTES_MAX = 67_108_864;
/** A hundred million entries; ends a sync of a source whose pages form a loop. */
export const SOURCE_PAGES_MAX = 100_000;
/** Set bits of a PDQ hash are 128 unless values tie; the reference's own images stay within a few of it. */
export const PDQ_WEIGHT_MIN = 112;
export const PDQ_WEIGHT_MAX = 144;
/** Live keys of one key line: the old one and its successor. */
export const KEYS_LIVE_PER_LINE_MAX = 2;
/** Time that a rotated key stays valid: a working week and the days around it, to deploy the new key. */
export const KEY_GRACE_HOURS_DEFAULT = 168;
/** A grace longer than a month is a second key, not a rotation. */
export const KEY_GRACE_HOURS_MAX = 744;
/** One tenant's requests in flight: beyond this its slow uploads would block other tenants. */
export const TENANT_CONCURRENT_REQUESTS_MAX = 256;
/** Days of usage that are kept: today's quota, and a week of history. */
export const USAGE_DAYS_KEPT = 8;
/** A path in a list of files: Linux accepts 4,096 bytes; a longer line is not a path. */
export const FILE_LIST_PATH_BYTES_MAX = 65_536;
/** Entries of one archive that a scan reads: a photo library has tens of thousands, a bomb has millions. */
export const ARCHIVE_ENTRIES_MAX = 100_000;
/** Unpacked bytes of one archive: a few minutes of work for one core. */
export const ARCHIVE_BYTES_MAX = 20_000_000_000;
/** Images hardly compress, text to a tenth; deflate compresses zeros to a thousandth, and such a file is a bomb. */
export const ARCHIVE_RATIO_MAX = 200;
/** A group of answers waits this long for more answers: an fsync takes about as long on an ordinary disk. */
export const LEDGER_GROUP_MS = 5;
/** Answers and hits of one commit, which share one fsync. */
export const LEDGER_GROUP_ROWS = 256;
/** Longest Idempotency-Key that is kept: a UUID has 36 characters. */
export const IDEMPOTENCY_KEY_CHARS_MAX = 255;
/** With an Idempotency-Key a streamed answer is held in memory until all of it is recorded. */
export const IDEMPOTENT_ANSWER_CHARS_MAX = 67_108_864;
/** Points of one series: a year of hours. */
export const STATS_POINTS_MAX = 8_800;
/** Hits on one page. */
export const HITS_PER_PAGE_MAX = 1_000;
