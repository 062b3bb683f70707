/** A tenant that probes a list over HTTP raises an alarm; one that uploads its images in many variants does not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reorientPdq } from '../../src/kernels/pdq-signs.js';
import type { Scope } from '../../src/store/keys-contract.js';
import { PHOTOGRAPHS, PICTURES, type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService({ alarmedChecksPerSecond: '1' });
});
afterAll(() => running.stop());

const entryHex = readFileSync('hashlists/sample/sample.csv', 'utf8')
  .split('\n')
  .find((line) => line.includes(',pdq,'))!
  .split(',')[2]!;
const entry = Buffer.from(entryHex, 'hex');

function flip(hash: Uint8Array, bits: readonly number[]): Buffer {
  const flipped = Buffer.from(hash);
  for (const bit of bits) flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

async function tenantNamed(tenant: string, scopes: readonly Scope[] = ['check', 'check:hashes']) {
  const { key } = await running.service.store.keys.createKey({ tenant, scopes, expiresAt: null });
  return {
    ask: (path: string, body: BodyInit, type: string) =>
      fetch(running.url + path, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${key}`, 'content-type': type },
      }),
    seen: async () => (await running.service.store.tenants.tenant(tenant))!,
  };
}

/** A hash at the edge of the radius, and its variants by one bit. */
const edge = flip(
  entry,
  Array.from({ length: 31 }, (_, n) => n * 8),
);
const walk = Array.from({ length: 256 }, (_, bit) => flip(edge, [bit]));
/** Matches nothing, and is near enough to all of the walk to be the same image. */
const decoy = flip(
  edge,
  Array.from({ length: 40 }, (_, n) => n * 6 + 1),
);

test.each<[string, (ask: Awaited<ReturnType<typeof tenantNamed>>['ask']) => Promise<void>]>([
  [
    'one-by-one',
    async (ask) => {
      for (const hash of walk.slice(0, 150)) {
        const body = JSON.stringify({ items: [{ pdq: hash.toString('hex') }] });
        await (await ask('/v1/check/hashes', body, 'application/json')).text();
      }
    },
  ],
  [
    'json',
    async (ask) => {
      const items = walk.map((hash) => ({ pdq: hash.toString('hex') }));
      await (await ask('/v1/check/hashes', JSON.stringify({ items }), 'application/json')).text();
    },
  ],
  [
    'hashes-of-files',
    async (ask) => {
      for (const hash of walk.slice(0, 150)) {
        const hashes = [{ algorithm: 'pdq', value: hash.toString('hex') }];
        await (await ask('/v1/check/hashes', JSON.stringify({ items: [{ hashes }] }), 'application/json')).text();
      }
    },
  ],
  [
    'many-hashes-of-one-file',
    async (ask) => {
      const hashes = walk.map((hash) => ({ algorithm: 'pdq', value: hash.toString('hex') }));
      await (await ask('/v1/check/hashes', JSON.stringify({ items: [{ hashes }] }), 'application/json')).text();
    },
  ],
  [
    'behind-a-decoy-of-another-family',
    async (ask) => {
      for (const hash of walk.slice(0, 150)) {
        const hashes = [
          { algorithm: 'pdq', value: decoy.toString('hex') },
          { algorithm: 'pdq', value: hash.toString('hex'), family: 'full' },
        ];
        await (await ask('/v1/check/hashes', JSON.stringify({ items: [{ hashes }] }), 'application/json')).text();
      }
    },
  ],
  [
    'behind-a-decoy-that-it-is-said-to-turn',
    async (ask) => {
      const upright = Buffer.from(reorientPdq(decoy, 'flipX')).toString('hex');
      for (const hash of walk.slice(0, 150)) {
        const hashes = [
          { algorithm: 'pdq', value: upright },
          { algorithm: 'pdq', value: hash.toString('hex'), orientation: 'flipX' },
        ];
        await (await ask('/v1/check/hashes', JSON.stringify({ items: [{ hashes }] }), 'application/json')).text();
      }
    },
  ],
  [
    'lines',
    async (ask) => {
      const lines = walk.map((hash) => `${JSON.stringify({ id: 'a', pdq: hash.toString('hex') })}\n`).join('');
      await (await ask('/v1/check/hashes', lines, 'application/x-ndjson')).text();
    },
  ],
  [
    'raw',
    async (ask) => {
      await (
        await ask('/v1/check/hashes?algorithm=pdq', new Uint8Array(Buffer.concat(walk)), 'application/octet-stream')
      ).text();
    },
  ],
])('%s: probing is on the tenant, in the audit log and in the metrics, and is rate limited', async (tenant, search) => {
  const { ask, seen } = await tenantNamed(tenant);
  await search(ask);
  await expect.poll(async () => (await seen()).alarm).toMatchObject({ kind: expect.stringMatching(/edge|ball/) });
  const rows = await running.service.store.audit.page({ tenant, before: null, limit: 10 });
  expect(rows[0]).toMatchObject({ actor: 'zeef', action: 'tenant.alarm', target: tenant });
  expect(JSON.stringify(rows)).not.toContain(entryHex.slice(0, 8));
  const metrics = await (await fetch(`${running.url}/metrics`)).text();
  expect(metrics).toMatch(/^zeef_probing_alarms_total\{kind="(edge|ball)"\} [1-9]/m);
  // One a second, ten at once: a batch of twenty is too large, and none is left where the ten are used up.
  const items = walk.slice(0, 20).map((hash) => ({ pdq: hash.toString('hex') }));
  const refused = await ask('/v1/check/hashes', JSON.stringify({ items }), 'application/json');
  expect([413, 429]).toContain(refused.status);
});

test('recompressed and resized copies of listed and other images raise no alarm', async () => {
  const { ask, seen } = await tenantNamed('gallery', ['check', 'details']);
  const distances: number[] = [];
  const files = [
    join(PICTURES, 'mate-freshflower.jpg'),
    join(PICTURES, 'lxqt-after-the-rain.jpg'),
    join(PHOTOGRAPHS, 'mate-dune.jpg'),
  ];
  for (const file of files) {
    const base = await sharp(readFileSync(file)).resize(700).png({ compressionLevel: 1 }).toBuffer();
    for (const width of [700, 620, 540, 460, 380, 320]) {
      for (const quality of [20, 35, 50, 65, 80, 92]) {
        const copy = await sharp(base).resize(width).jpeg({ quality }).toBuffer();
        const { matches } = (await (await ask('/v1/check', new Uint8Array(copy), 'image/jpeg')).json()) as {
          matches: { matchType: string; distance: number }[];
        };
        distances.push(...matches.filter(({ matchType }) => matchType === 'near').map(({ distance }) => distance));
      }
    }
  }
  // The copies of the two listed images match, so that a false alarm is possible.
  expect(distances.length).toBeGreaterThanOrEqual(72);
  expect(Math.max(...distances)).toBeLessThanOrEqual(23);
  expect((await seen()).alarm).toBeNull();
});
