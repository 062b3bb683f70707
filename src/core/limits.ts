/** Bounds that several rooms share, the same in every installation, each with its reason. */

/** Frames of one animation, or pages of one file: each costs as much as an image, and a late one also all before it. */
export const FRAMES_MAX = 16;
/** Frames that are checked where a request has no number: behind a blank or tiny first one a file hides nothing from all of them. */
export const FRAMES_DEFAULT = 4;
/** Views of one file of which windows are hashed: as many as frames are checked by default. */
export const WINDOW_VIEWS_MAX = 4;
/** JSON bodies: 100,000 items of about 130 bytes, with room for ids. */
export const BATCH_BYTES_MAX = 32_000_000;
/** Widest radius that an index must support; unrelated images are at 128 ± 8, nearest seen 80. */
export const RADIUS_BITS_MAX = 256;
/** Below this PDQ quality an image has too little detail for a meaningful hash (PDQ's authors: ignore ≤ 49). */
export const PDQ_QUALITY_MIN = 50;
/** An uploaded list: the longest that are shared have some ten million entries, a few gigabytes as XML. */
export const IMPORT_BYTES_MAX = 17_179_869_184;
/** Terms of one mapping: classifications have a handful of categories, regional ones some hundred. */
export const LIST_WORDS_MAX = 1_000;
/** A century: a longer term is no limit. */
export const LIST_ENTRY_DAYS_MAX = 36_500;
/** Time that a rotated key stays valid: a working week and the days around it, to deploy the new key. */
export const KEY_GRACE_HOURS_DEFAULT = 168;
/** A grace longer than a month is a second key, not a rotation. */
export const KEY_GRACE_HOURS_MAX = 744;
/** A note on a case or a suppression: two pages of text. */
export const NOTE_CHARACTERS_MAX = 4_096;
/** Names of lists and tenants, which are used in addresses, file names and log lines. */
export const NAME_CHARACTERS_MAX = 64;
/** The name of a key: one line of text. */
export const KEY_NAME_CHARACTERS_MAX = 200;
/** A name of a person or of a team. */
export const ASSIGNEE_CHARACTERS_MAX = 200;
/** An address of a webhook: longer ones fail in many servers. */
export const URL_CHARACTERS_MAX = 2_048;

/** Keys of entries: the index has 32 bits for one. Only an added entry takes a key: a million a day for eleven years. */
export const ENTRY_KEY_MAX = 2 ** 32 - 1;
/** Keys of lists: the index has 16 bits for one. */
export const LIST_KEY_MAX = 2 ** 16 - 1;
