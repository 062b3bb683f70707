/** Ids that sort by their time: ULIDs. Source: the specification of ULID. */
import { randomFillSync } from 'node:crypto';
import { monotonicFactory, type PRNG, ulid } from 'ulid';

/** Random bytes that are taken at once: a call for each of the sixteen of an id takes as long as the rest of a small request. */
const POOL_BYTES = 4_096;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** Return the next of 256 equal steps from 0 to 1; a character of an id takes 5 of its 8 bits. */
const random: PRNG = () => {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  return pool[used++]! / 256;
};

/** Return an id of this time, in milliseconds since 1970; now by default. */
export const newId = (atMs?: number): string => ulid(atMs, random);

/** Return a maker of ids that are in order also within one millisecond. */
export const orderedIds = (): ((atMs?: number) => string) => monotonicFactory(random);
