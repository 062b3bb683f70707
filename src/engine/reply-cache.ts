/** Cache of replies, by the file's SHA-256 and the requested hashes. Bounded in bytes. */
import { LRUCache } from 'lru-cache';
import type { HashReply, HashWants } from './protocol.js';

/** Memory of a Map entry and its key, without the value. */
const ENTRY_BYTES = 400;

export function replyKey(sha256: string, wants: HashWants): string {
  const { digests, orientations, families, algorithms, frames, detail } = wants;
  return `${sha256} ${digests.join()} ${orientations} ${families} ${algorithms.join()} ${frames} ${detail}`;
}

/** Return whether a reply depends only on the file: a timeout, a crash or a read error may be temporary. */
export function isCacheable(reply: HashReply): boolean {
  return reply.ok || !['timeout', 'decoder_crash', 'unreadable'].includes(reply.reason);
}

/** Create a cache; null if `bytesMax` is 0. `bytesOf`: size of a value; keys and bookkeeping are added. */
export function createReplyCache<V extends object>(
  bytesMax: number,
  bytesOf: (value: V) => number,
): LRUCache<string, V> | null {
  if (bytesMax === 0) return null;
  return new LRUCache<string, V>({ maxSize: bytesMax, sizeCalculation: (value) => bytesOf(value) + ENTRY_BYTES });
}
