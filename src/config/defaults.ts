/** Bounds that an operator can change: defaults of knobs, each with its reason. */

/** One megabyte of PNG can unpack to a gigabyte. 50 megapixels covers most cameras and costs 50 MB of luma. */
export const IMAGE_PIXELS_MAX = 50_000_000;
/** Larger files are videos, raw camera data or bombs; 25 MB is a 50-megapixel JPEG at a high quality. */
export const IMAGE_BYTES_MAX = 25_000_000;
/** A 50-megapixel progressive JPEG takes about half a second of a processor, HEIC of ten bits with alpha eight: more is a bomb. */
export const IMAGE_DECODE_MS_MAX = 20_000;
/**
 * RSS for one image, with the process and its cache: 50 megapixels in the form that takes most, HEIC of ten bits with alpha, take 1.7 GB of it,
 * a JPEG 0.4 GB.
 */
export const IMAGE_MEMORY_BYTES_MAX = 2_147_483_648;
/** Hashes of about 90,000 images seen before: repeats arrive within hours, not months. */
export const IMAGE_CACHE_BYTES_MAX = 134_217_728;
/** Different files an hour that one entry may be near: listed images recur in a few copies, stock images in thousands. */
export const FLOOD_FILES_MAX = 100;
/** Four images waiting per worker. Beyond this we answer QUEUE_FULL: a fast refusal is better than a slow answer. */
export const QUEUE_IMAGES_PER_WORKER_MAX = 4;
/** A batch of hashes in one request: about 12 MB of JSON, under two seconds of searching on one core. */
export const BATCH_ITEMS_MAX = 100_000;
/** The starting point that the PDQ authors publish: match at a distance of 31 or less. */
export const RADIUS_BITS_DEFAULT = 31;
/** One tenant's requests in flight: beyond this its slow uploads would block other tenants. */
export const TENANT_CONCURRENT_REQUESTS_MAX = 256;
/** Twenty images of the largest size at once, or two full JSON batches: half of a small machine of one gigabyte. */
export const BODY_BYTES_IN_FLIGHT_MAX = 536_870_912;
