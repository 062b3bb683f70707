/** Every value that is searched reaches the watch and the quota, whatever else the same file or item carries. */
import { describe, expect, test } from 'vitest';
import type { HashQuery } from '../../src/check/candidate.js';
import type { HashItem, HashItemAnswer } from '../../src/check/check-hashes.js';
import type { HashBatch } from '../../src/check/hash-batch.js';
import type { Match } from '../../src/check/policy.js';
import { Probing } from '../../src/tenants/probing/probing.js';
import { TenantGate } from '../../src/tenants/tenant-gate.js';
import { watchedBatch, watchImage } from '../../src/tenants/watched.js';
import { randomBytes, seeded } from '../support/random.js';
import { UNLIMITED } from '../support/unlimited.js';

const RADIUS = 31;
const random = seeded(11);
const hash = () => randomBytes(random, 32);
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');
function flipped(value: Uint8Array, bit: number): Uint8Array {
  const copy = value.slice();
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

function watched() {
  const clock = { nowMs: () => Date.parse('2026-09-14T12:00:00Z'), monotonicMs: () => 5_000 };
  const alarms: string[] = [];
  const probing = new Probing({ clock, nearMisses: () => [], onAlarm: (_tenant, kind) => alarms.push(kind) });
  const defaults = { ...UNLIMITED, distinctHashesPerDay: 1_000_000 };
  const about = { clock, defaults, seed: 1, alarmedPerSecond: 0, partOf: () => ({ checks: 1, requests: 1 }) };
  const usage = { checks: 0, bytes: 0, distinct: null };
  const gate = new TenantGate('a', about, { info: null, day: '2026-09-14', usage });
  return { probing, gate, alarms };
}

const query = (hash256: Uint8Array, more: Partial<HashQuery> = {}): HashQuery => ({
  algorithm: 'pdq',
  hash256,
  orientation: 'original',
  family: 'resized',
  lowQuality: false,
  window: null,
  frame: 0,
  background: null,
  part: null,
  ...more,
});
/** A match just inside the radius. */
const matchOf = ({
  algorithm,
  orientation,
  family,
  frame,
  background,
  part,
}: Omit<HashQuery, 'hash256' | 'window'>): Match => ({
  window: null,
  derived: null,
  list: 'l',
  entryId: 'e',
  matchType: 'near',
  distance: RADIUS,
  radius: RADIUS,
  category: null,
  severity: null,
  source: null,
  suppressed: false,
  quarantined: false,
  algorithm,
  orientation,
  family,
  frame,
  background,
  part,
});

describe('an image', () => {
  test.each<[string, Partial<HashQuery>]>([
    ['the other family', { family: 'full' }],
    ['a blockhash', { algorithm: 'blockhash', family: null }],
    ['another frame', { frame: 3 }],
    ['the white background', { background: 'white' }],
    ['another part', { part: 'uncropped' }],
    ['a turned hash', { orientation: 'rotate90' }],
  ])('%s that searches beside a constant hash raises an alarm', (_says, more) => {
    const { probing, gate, alarms } = watched();
    const decoy = query(hash());
    const edge = hash();
    for (let bit = 0; bit < 100; bit++) {
      const asked = query(flipped(edge, bit), more);
      watchImage({ digests: { sha256: hex(hash()) }, matches: [matchOf(asked)] }, [decoy, asked], gate, probing);
    }
    expect(new Set(alarms)).toEqual(new Set(['edge', 'ball']));
  });

  test('its file counts once, and each further hash that is not a turned one', () => {
    const { probing, gate } = watched();
    const decoy = query(hash());
    for (let n = 0; n < 50; n++) {
      const others = [query(hash(), { family: 'full' }), query(hash(), { orientation: 'flipX' })];
      watchImage({ digests: { sha256: 'a'.repeat(64) }, matches: [] }, [decoy, ...others], gate, probing);
    }
    expect(gate.usage.distinctHashes).toBe(51);
  });
});

test('an item books a match on the value that matched, by its provenance', async () => {
  const { probing, gate } = watched();
  const booked: string[][] = [];
  const notes: Probing['note'] = (_tenant, _algorithm, values, decisions) => {
    booked.push([...decisions.keys()].map((at) => hex(values.subarray(at * 32, at * 32 + 32))));
  };
  const listening = Object.assign(Object.create(probing) as Probing, { note: notes });
  const origins = [
    { family: 'full', orientation: 'original', frame: null, background: null, part: null },
    { family: null, orientation: 'rotate90', frame: null, background: null, part: null },
    { family: null, orientation: 'original', frame: 2, background: null, part: null },
    { family: null, orientation: 'original', frame: null, background: 'white', part: null },
    { family: null, orientation: 'original', frame: null, background: null, part: 'canvas' },
  ] as const;
  for (const origin of origins) {
    const decoy = hash();
    const probe = flipped(decoy, 3);
    const item: HashItem = {
      hashes: [
        { algorithm: 'pdq', value: hex(decoy) },
        { algorithm: 'pdq', value: hex(probe), ...origin },
      ],
    };
    const matches = [matchOf({ algorithm: 'pdq', lowQuality: false, ...origin })];
    const answer: HashItemAnswer = {
      id: null,
      verdict: 'match',
      lowQuality: false,
      exact: true,
      matches,
      matchCount: 1,
      truncated: false,
    };
    const batch = { checkItems: async () => [answer] } as Partial<HashBatch> as HashBatch;
    await watchedBatch(batch, gate, listening).checkItems([item]);
    expect(booked.pop()).toEqual([hex(probe)]);
  }
});

describe('PhotoDNA values', () => {
  const PHOTODNA_RADIUS = 2_000;
  /** Ask for different values; all match, at this distance. */
  async function ask(count: number, distance: number) {
    const { probing, gate, alarms } = watched();
    const origin = { algorithm: 'pdq', orientation: null, family: null, lowQuality: false, frame: null } as const;
    const match: Match = {
      ...matchOf({ ...origin, background: null, part: null }),
      algorithm: 'photodna',
      distance,
      radius: PHOTODNA_RADIUS,
    };
    const answer: HashItemAnswer = {
      id: null,
      verdict: 'match',
      lowQuality: false,
      exact: true,
      matches: [match],
      matchCount: 1,
      truncated: false,
    };
    const batch = { checkItems: async () => [answer] } as Partial<HashBatch> as HashBatch;
    for (let n = 0; n < count; n++) {
      const value = Buffer.from(randomBytes(random, 144));
      const photodna = value.toString(n % 2 === 0 ? 'hex' : 'base64');
      await watchedBatch(batch, gate, probing).checkItems([{ photodna }]);
    }
    return { alarms, distinct: gate.usage.distinctHashes };
  }

  test('each counts, in hex and base64', async () => {
    expect((await ask(60, 0)).distinct).toBeGreaterThan(55);
  });

  test.each([
    [19, 0.8, []],
    [20, 0.8, ['edge']],
    [63, 0.7, []],
    [64, 0.7, ['ball']],
  ])('%i of them at %f of the radius: %j', async (count, share, expected) => {
    expect((await ask(count, share * PHOTODNA_RADIUS)).alarms).toEqual(expected);
  });
});
