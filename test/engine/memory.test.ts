/** The memory of the engine: replies by their cache key, and files that end decoders. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BACKGROUNDS, PARTS } from '../../src/core/vocabulary.js';
import { WINDOW_KINDS } from '../../src/core/window.js';
import { Crashers } from '../../src/engine/crashers.js';
import { type HashReply, type HashWants, packReply, unpackReply } from '../../src/engine/protocol.js';
import { createReplyCache, isCacheable, replyKey } from '../../src/engine/reply-cache.js';

const WANTS: HashWants = {
  digests: ['sha256'],
  orientations: 'all',
  families: 'both',
  algorithms: ['pdq'],
  frames: 1,
  detail: 'plain',
};
const sha = (digit: string) => digit.repeat(64);

describe('files that end decoders', () => {
  test('a crash is remembered at once, a timeout the second time', () => {
    const crashers = new Crashers();
    expect(crashers.list()).toEqual([]);
    crashers.note(sha('a'), 'decoder_crash');
    crashers.note(sha('b'), 'timeout');
    expect(crashers.reasonFor(sha('a'))).toBe('decoder_crash');
    expect(crashers.reasonFor(sha('b'))).toBeNull();
    expect(crashers.list()).toEqual([sha('a')]);
    crashers.note(sha('b'), 'timeout');
    expect(crashers.reasonFor(sha('b'))).toBe('timeout');
    expect(new Set(crashers.list())).toEqual(new Set([sha('a'), sha('b')]));
  });

  test('they expire', async () => {
    const crashers = new Crashers(500);
    crashers.note(sha('a'), 'decoder_crash');
    expect(crashers.list()).toEqual([sha('a')]);
    await expect.poll(() => crashers.reasonFor(sha('a'))).toBeNull();
    expect(crashers.list()).toEqual([]);
  });

  test('256 are kept; the oldest is dropped first', () => {
    const crashers = new Crashers();
    for (let at = 0; at < 300; at++) crashers.note(at.toString(16).padStart(64, '0'), 'decoder_crash');
    expect(crashers.list()).toHaveLength(256);
    expect(crashers.reasonFor('0'.padStart(64, '0'))).toBeNull();
    expect(crashers.reasonFor((299).toString(16).padStart(64, '0'))).toBe('decoder_crash');
  });
});

describe('replies', () => {
  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const share = fc.double({ min: -1, max: 2, noNaN: true });
  const anyWindow = fc.record({
    window: fc.record({
      kind: fc.constantFrom(...WINDOW_KINDS),
      rectangle: fc.record({ left: share, top: share, right: share, bottom: share }),
      degrees: fc.double({ min: -180, max: 180, noNaN: true }),
      proportion: fc.double({ min: 0.01, max: 100, noNaN: true }),
    }),
    quality: fc.nat(100),
    hashes: fc.array(bytes32, { minLength: 1, maxLength: 2 }),
    certain: bytes32,
  });
  const reply: fc.Arbitrary<HashReply> = fc.oneof(
    fc.record({
      ok: fc.constant(false as const),
      digests: fc.constant({ sha256: sha('c') }),
      bytes: fc.nat(),
      reason: fc.constantFrom('truncated' as const, 'timeout' as const),
      code: fc.constant('IMAGE_TRUNCATED' as const),
      format: fc.constantFrom('jpeg' as const, null),
      width: fc.option(fc.nat()),
      height: fc.option(fc.nat()),
    }),
    fc.record({
      ok: fc.constant(true as const),
      digests: fc.constant({ md5: 'd'.repeat(32) }),
      bytes: fc.nat(),
      format: fc.constant('gif' as const),
      width: fc.nat(),
      height: fc.nat(),
      damage: fc.option(
        fc.constantFrom(
          { reason: 'truncated', code: 'IMAGE_TRUNCATED', isGrave: true } as const,
          { reason: 'corrupt', code: 'IMAGE_CORRUPT', isGrave: false } as const,
        ),
      ),
      views: fc.array(
        fc.record({
          frame: fc.nat(20),
          background: fc.constantFrom(...BACKGROUNDS, null),
          part: fc.constantFrom(...PARTS, null),
          families: fc.array(
            fc.record({
              family: fc.constantFrom('resized' as const, 'full' as const),
              quality: fc.nat(100),
              degenerate: fc.boolean(),
              hashes: fc.array(bytes32, { maxLength: 8 }),
            }),
            { maxLength: 2 },
          ),
          blockhash: fc.option(bytes32),
          windows: fc.array(anyWindow, { maxLength: 3 }),
        }),
        { maxLength: 4 },
      ),
    }),
  );

  test('a packed reply unpacks to itself', () => {
    fc.assert(
      fc.property(reply, (one) => {
        expect(unpackReply(packReply(one))).toEqual(one);
      }),
    );
  });

  test('the cache key differs by all that could change the reply', () => {
    const keys = [
      replyKey(sha('a'), WANTS),
      replyKey(sha('b'), WANTS),
      replyKey(sha('a'), { ...WANTS, digests: ['md5', 'sha256'] }),
      replyKey(sha('a'), { ...WANTS, orientations: 'none' }),
      replyKey(sha('a'), { ...WANTS, families: 'resized' }),
      replyKey(sha('a'), { ...WANTS, algorithms: ['pdq', 'blockhash'] }),
      replyKey(sha('a'), { ...WANTS, frames: 2 }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('a temporary failure is not cached', () => {
    const failure = (reason: 'timeout' | 'decoder_crash' | 'unreadable' | 'corrupt'): HashReply => {
      return {
        ok: false,
        digests: {},
        bytes: 1,
        reason,
        code: 'IMAGE_CORRUPT',
        format: null,
        width: null,
        height: null,
      };
    };
    expect(
      (['timeout', 'decoder_crash', 'unreadable', 'corrupt'] as const).map((r) => isCacheable(failure(r))),
    ).toEqual([false, false, false, true]);
  });

  test('the cache is bounded in bytes and drops the least recently used reply; 0 means no cache', () => {
    expect(createReplyCache(0, () => 1)).toBeNull();
    const cache = createReplyCache<Buffer>(10_000, ({ length }) => length)!;
    for (let at = 0; at < 50; at++) {
      cache.set(String(at), Buffer.alloc(600));
      cache.get('0');
    }
    expect(cache.calculatedSize).toBeLessThanOrEqual(10_000);
    expect(cache.size).toBe(10);
    expect(cache.has('0')).toBe(true);
    expect(cache.has('40')).toBe(false);
  });
});
