/**
 * Hashes images, each only once: replies are cached by the SHA-256 of the file, and concurrent requests for one file
 * share one run. The decision is cached with the reply, for the generation that made it.
 *
 * Files that the decoder process reads itself are cached there, since only that process knows their bytes.
 */
import type { Config } from '../config/knobs.js';
import { pathBytesOf } from '../core/path-bytes.js';
import type { Digests } from '../core/vocabulary.js';
import type { HashReply, HashWants, ImageEngine } from '../engine/image-engine.js';
import { packReply, unpackReply } from '../engine/protocol.js';
import { createReplyCache, isCacheable, replyKey } from '../engine/reply-cache.js';
import { computeDigests } from '../kernels/digests.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Decision } from './policy.js';

/** Bytes that arrived, a file that the decoder process reads itself, or one over the size limit that was only digested. */
export type ImageInput =
  | { readonly bytes: Uint8Array }
  | { readonly path: string }
  | { readonly tooLarge: { readonly bytes: number; readonly digests: Digests } };

function tooLargeReply(bytes: number, digests: Digests, { digests: wanted }: HashWants): HashReply {
  const found = Object.entries(digests).filter(([algorithm]) => wanted.some((name) => name === algorithm));
  return {
    ok: false,
    digests: Object.fromEntries(found),
    bytes,
    reason: 'too_large',
    code: 'IMAGE_TOO_LARGE',
    format: null,
    width: null,
    height: null,
  };
}

interface Cached {
  readonly packed: Buffer;
  readonly decided: { readonly cacheKey: string; readonly decision: Decision } | null;
}
/** Memory of one match with its strings, in V8, without its tags and notes. */
const MATCH_BYTES = 600;
/** Memory of a tag or a note beside its characters, of two bytes each. */
const WORD_BYTES = 64;

/** Return about what a decision takes in memory. */
function decisionBytes({ matches }: Decision): number {
  let bytes = matches.length * MATCH_BYTES;
  for (const { tags = [], notes = {} } of matches) {
    for (const text of [...tags, ...Object.entries(notes).flat()]) bytes += WORD_BYTES + text.length * 2;
  }
  return bytes;
}

interface HashedImage {
  readonly reply: HashReply;
  /** Return the cached decision for this key, or null. A key includes its generation, so a decision is never stale. */
  decisionFor(cacheKey: string): Decision | null;
  cacheDecision(cacheKey: string, decision: Decision): void;
}

export interface ImageHasher {
  /** Errors QUEUE_FULL, SHUTTING_DOWN. */
  hash(engine: ImageEngine, input: ImageInput, wants: HashWants): Promise<HashedImage>;
}

export function createImageHasher({ cacheBytesMax }: Pick<Config, 'cacheBytesMax'>, metrics: Metrics): ImageHasher {
  const cache = createReplyCache<Cached>(
    cacheBytesMax,
    ({ packed, decided }) => packed.length + (decided === null ? 0 : decisionBytes(decided.decision)),
  );
  const inFlight = new Map<string, Promise<HashReply>>();
  const uncached = (reply: HashReply): HashedImage => ({ reply, decisionFor: () => null, cacheDecision: () => {} });

  function asCached(key: string, reply: HashReply, known: Cached | undefined): HashedImage {
    if (!cache || !isCacheable(reply)) return uncached(reply);
    return {
      reply,
      decisionFor: (cacheKey) => (known?.decided?.cacheKey === cacheKey ? known.decided.decision : null),
      cacheDecision: (cacheKey, decision) => {
        cache.set(key, { packed: known?.packed ?? packReply(reply), decided: { cacheKey, decision } });
      },
    };
  }

  async function hashBytes(engine: ImageEngine, bytes: Uint8Array, wants: HashWants): Promise<HashedImage> {
    const { sha256 } = computeDigests(bytes, ['sha256']);
    const key = replyKey(sha256!, wants);
    const known = cache?.get(key);
    if (known) {
      metrics.add('zeef_image_cache_total', { outcome: 'hit' });
      return asCached(key, unpackReply(known.packed), known);
    }
    const running = inFlight.get(key);
    metrics.add('zeef_image_cache_total', { outcome: running ? 'joined' : 'miss' });
    if (running) return asCached(key, await running, undefined);
    const others = wants.digests.filter((algorithm) => algorithm !== 'sha256');
    const reply = engine.hashBytes(bytes, { ...wants, digests: others }, sha256).then((hashed): HashReply => {
      const digests = { ...hashed.digests, sha256: sha256! };
      return { ...hashed, digests };
    });
    inFlight.set(key, reply);
    try {
      return asCached(key, await reply, undefined);
    } finally {
      inFlight.delete(key);
    }
  }

  return {
    hash: async (engine, input, wants) => {
      if ('tooLarge' in input) return uncached(tooLargeReply(input.tooLarge.bytes, input.tooLarge.digests, wants));
      return 'bytes' in input
        ? hashBytes(engine, input.bytes, wants)
        : uncached(await engine.hashPath(pathBytesOf(input.path), wants));
    },
  };
}
