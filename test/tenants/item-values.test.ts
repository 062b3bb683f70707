/** What an item costs: one check for one image, however it is described, and one for each further image. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { HashItem } from '../../src/check/check-hashes.js';
import { ORIENTATIONS } from '../../src/core/vocabulary.js';
import { reorientPdq } from '../../src/kernels/pdq-signs.js';
import { checksOf, imagesOf, ONE_IMAGE_BITS, valuesOf } from '../../src/tenants/item-values.js';
import { randomBytes, seeded } from '../support/random.js';
import { PHOTOGRAPHS, type Running, startService } from '../support/running.js';

const random = seeded(7);
const hash = () => randomBytes(random, 32);
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');
const costOf = (item: HashItem) => checksOf(imagesOf(valuesOf(item)));
function flipped(value: Uint8Array, count: number): Uint8Array {
  const copy = value.slice();
  for (let bit = 0; bit < count; bit++) copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

describe('made-up hashes of one item', () => {
  const pdq = (value: Uint8Array, more: object = {}) => ({ algorithm: 'pdq' as const, value: hex(value), ...more });

  test('each costs a check, as many as there are', () => {
    const hashes = Array.from({ length: 544 }, () => pdq(hash()));
    expect(costOf({ hashes })).toBe(544);
    expect(imagesOf(valuesOf({ hashes }))).toHaveLength(544);
  });

  test('also where they are near each other, as those of a search are', () => {
    const base = hash();
    expect(costOf({ hashes: Array.from({ length: 64 }, (_, n) => pdq(flipped(base, n))) })).toBe(64);
  });

  test('also where they are said to be turned and are not', () => {
    const hashes = ORIENTATIONS.map((orientation) => pdq(hash(), { orientation }));
    expect(costOf({ hashes })).toBe(8);
  });

  test('one turned hash explains one value, not every one of its kind', () => {
    const base = hash();
    const turned = pdq(reorientPdq(base, 'rotate90'), { orientation: 'rotate90' });
    expect(costOf({ hashes: [pdq(base), turned] })).toBe(1);
    expect(costOf({ hashes: [pdq(base), ...Array.from({ length: 60 }, () => turned)] })).toBe(60);
  });

  test('two families that differ much are two images, each with its turns', () => {
    const hashes = [hash(), hash()].flatMap((base, at) =>
      ORIENTATIONS.map((orientation) =>
        pdq(reorientPdq(base, orientation), { orientation, family: at === 0 ? 'resized' : 'full' }),
      ),
    );
    expect(costOf({ hashes })).toBe(2);
  });

  test('each frame is an image; blockhashes and digests are counted too', () => {
    const base = hash();
    expect(costOf({ hashes: [0, 1, 2].map((frame) => pdq(base, { frame })) })).toBe(3);
    const turned = pdq(reorientPdq(base, 'rotate90'), { orientation: 'rotate90', frame: 1 });
    expect(costOf({ hashes: [pdq(base, { frame: 0 }), turned] })).toBe(2);
    expect(costOf({ hashes: [1, 2].map(() => ({ algorithm: 'blockhash' as const, value: hex(hash()) })) })).toBe(2);
    expect(costOf({ md5: hex(hash()).slice(32), pdq: hex(hash()) })).toBe(1);
    expect(costOf({ photodna: '1' })).toBe(1);
    expect(costOf({ pdq: 'no hash' })).toBe(1);
  });
});

test.each([
  [ONE_IMAGE_BITS, 1],
  [ONE_IMAGE_BITS + 1, 2],
])('a turned hash that is %i bits off costs %i', (bits, cost) => {
  const base = hash();
  for (const orientation of ORIENTATIONS.slice(1)) {
    const turned = flipped(reorientPdq(base, orientation), bits);
    const hashes = [
      { algorithm: 'pdq' as const, value: hex(base) },
      { algorithm: 'pdq' as const, value: hex(turned), orientation },
    ];
    expect([orientation, costOf({ hashes })]).toEqual([orientation, cost]);
  }
});

describe('over HTTP', () => {
  let running: Running;
  async function start(): Promise<Running> {
    running = await startService();
    return running;
  }

  test('values beside a constant one of their image are each counted, and refused at the limit', async () => {
    const { service, url, stop } = await start();
    try {
      const { key } = await service.store.keys.createKey({ tenant: 'b', scopes: ['check:hashes'], expiresAt: null });
      await service.store.tenants.setTenant('b', { limits: { distinctHashesPerDay: 10 } });
      const base = hash();
      const statuses: number[] = [];
      for (let bits = 1; bits <= 12; bits++) {
        const hashes = [
          { algorithm: 'pdq', value: hex(base) },
          { algorithm: 'pdq', value: hex(flipped(base, bits)), family: 'full' },
        ];
        const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
        const body = JSON.stringify({ items: [{ hashes }] });
        const answer = await fetch(`${url}/v1/check/hashes`, { method: 'POST', headers, body });
        await answer.text();
        statuses.push(answer.status);
      }
      expect(statuses.slice(0, 8)).toEqual(new Array(8).fill(200));
      expect(statuses.at(-1)).toBe(429);
      expect((await service.gates.of('b')).usage.checks).toBeLessThan(12);
    } finally {
      await stop();
    }
  });

  test('the hashes of a real photograph cost one check; made-up ones are booked, each', async () => {
    const { service, url, stop } = await start();
    try {
      const { key } = await service.store.keys.createKey({ tenant: 'a', scopes: ['check:hashes'], expiresAt: null });
      await service.store.tenants.setTenant('a', { limits: { checksPerDay: 300, distinctHashesPerDay: 10_000 } });
      const ask = async (items: readonly object[], type = 'application/json') => {
        const body =
          type === 'application/json'
            ? JSON.stringify({ items })
            : items.map((item) => JSON.stringify(item)).join('\n');
        const headers = { authorization: `Bearer ${key}`, 'content-type': type };
        const answer = await fetch(`${url}/v1/check/hashes`, { method: 'POST', headers, body });
        await answer.text();
        return answer.status;
      };
      const usage = async () => (await service.gates.of('a')).usage;
      const reply = await service.hashReply(
        { bytes: readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg')) },
        { digests: ['sha256'], orientations: 'all', families: 'both', algorithms: ['pdq'], frames: 1, detail: 'plain' },
      );
      if (!reply.ok) throw new Error(reply.code);
      const hashes = reply.views[0]!.families.flatMap(({ family, hashes: turned }) =>
        turned.map((value, at) => ({ algorithm: 'pdq', value: hex(value), family, orientation: ORIENTATIONS[at]! })),
      );
      expect(hashes.length).toBeGreaterThanOrEqual(8);
      expect(await ask([{ hashes }])).toBe(200);
      // The price is that of one image; each value is searched, so each is counted.
      expect((await usage()).checks).toBe(1);
      // An estimate: two values may share a register.
      expect((await usage()).distinctHashes).toBeGreaterThanOrEqual(hashes.length - 3);
      const made = () => ({ hashes: Array.from({ length: 100 }, () => ({ algorithm: 'pdq', value: hex(hash()) })) });
      expect(await ask([made()])).toBe(200);
      expect((await usage()).checks).toBe(101);
      expect((await usage()).distinctHashes).toBeGreaterThan(95);
      expect(await ask([made()], 'application/x-ndjson')).toBe(200);
      expect((await usage()).checks).toBe(201);
      expect(await ask([made()])).toBe(429);
    } finally {
      await stop();
    }
  });
});
