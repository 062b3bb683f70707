/** Replies that are remembered by what they answer: SHA-256 of the file and what was wanted of it. Bounded in bytes. */
import { LRUCache } from 'lru-cache';
import type { HashReply, HashWants } from './protocol.js';

/** What a Map's entry and its key cost beside the value. */
const ENTRY_BYTES = 400;

export function replyKey(sha256: string, wants: HashWants): string {
  const { digests, orientations, families, algorithms, frames } = wants;
  return `${sha256} ${digests.join()} ${orientations} ${families} ${algorithms.join()} ${frames}`;
}

/** A reply that says something about the file, not about the moment: it would be the same tomorrow. */
export function isCacheable(reply: HashReply): boolean {
  return reply.ok || !['timeout', 'decoder_crash', 'unreadable'].includes(reply.reason);
}

/** `bytesOf`: of a value; keys and bookkeeping are added. Null where `bytesMax` is 0. */
export function createReplyCache<V extends object>(
  bytesMax: number,
  bytesOf: (value: V) => number,
): LRUCache<string, V> | null {
  if (bytesMax === 0) return null;
  return new LRUCache<string, V>({ maxSize: bytesMax, sizeCalculation: (value) => bytesOf(value) + ENTRY_BYTES });
}
