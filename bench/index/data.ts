/** Hashes and queries of the index bench: generated from seeds on all cores, or read from files of raw values. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import { AppError } from '../../src/core/errors.js';
import { artefact } from '../../src/core/package-root.js';
import { nearCopy, seeded } from '../pdq-like.js';

export interface PieceTask {
  readonly into: Uint8Array;
  readonly seed: number;
}

const PIECE = 50_000;
/** Each query has a planted neighbour, at an even distance up to the radius. */
const PLANTED_BITS_MAX = 30;

/** Generate hashes. Shape: count × 32 bytes in shared memory; piece k is `pdqLike` of seed k + 1. */
export async function hashesBySeed(count: number): Promise<Uint8Array> {
  const hashes = new Uint8Array(new SharedArrayBuffer(count * 32));
  const pool = new Piscina({
    filename: pathToFileURL(artefact('bench', 'index', 'data-worker.js')).href,
    minThreads: 1,
    maxThreads: availableParallelism(),
  });
  const pieces: Promise<unknown>[] = [];
  for (let from = 0; from < count; from += PIECE) {
    const into = hashes.subarray(from * 32, Math.min(count, from + PIECE) * 32);
    pieces.push(pool.run({ into, seed: from / PIECE + 1 } satisfies PieceTask) as Promise<unknown>);
  }
  await Promise.all(pieces);
  await pool.destroy();
  return hashes;
}

/** Make near-copies of entries: each has one planted neighbour. */
export function plantedQueries(hashes: Uint8Array, count: number): Uint8Array {
  const random = seeded(2);
  const queries = new Uint8Array(count * 32);
  for (let at = 0; at < count; at++) {
    const entry = Math.floor(random() * (hashes.length / 32)) * 32;
    const bits = 2 * Math.floor((random() * PLANTED_BITS_MAX) / 2 + 0.5);
    queries.set(nearCopy(hashes.subarray(entry, entry + 32), bits, random), at * 32);
  }
  return queries;
}

/** Read hashes. Errors FILE_UNREADABLE; REQUEST_INVALID: empty, or not a multiple of 32 bytes. */
export function hashesFromFile(path: string): Uint8Array {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', { path, why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
  if (bytes.length === 0 || bytes.length % 32 !== 0) {
    throw new AppError('REQUEST_INVALID', { path, bytes: bytes.length, expected: 'N x 32 bytes' });
  }
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
