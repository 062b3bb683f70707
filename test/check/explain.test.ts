/** Explanations of hashes and images: every entry within reach by list and distance, and each reason why one matches or not. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { Explanation } from '../../src/check/explain.js';
import { EXPLAINED_PER_LIST_MAX } from '../../src/check/explain-lists.js';
import { EXPLAINED_BEYOND_BITS } from '../../src/check/explain-reach.js';
import { importList } from '../../src/lists/import/import-list.js';
import { seeded } from '../support/random.js';
import { PHOTOGRAPHS, type Running, startService } from '../support/running.js';

const random = seeded(23);
const folder = tempFolder('explain');

/** A hash with as many bits set as not: one with few is on no list. */
function fresh(): string {
  const bits = Array.from({ length: 256 }, (_, at) => ({ bit: at % 2, order: random() }));
  bits.sort((a, b) => a.order - b.order);
  return BigInt(`0b${bits.map(({ bit }) => bit).join('')}`)
    .toString(16)
    .padStart(64, '0');
}

/** Return the hash with so many bits flipped, anywhere. */
function away(hex: string, bits: number): string {
  const bytes = Buffer.from(hex, 'hex');
  const places = new Set<number>();
  while (places.size < bits) places.add(Math.floor(random() * bytes.length * 8));
  for (const bit of places) bytes[bit >> 3]! ^= 1 << (bit & 7);
  return bytes.toString('hex');
}

/** The distance, digit by digit: no code of the service. */
const distanceOf = (a: string, b: string) =>
  [...(BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2)].filter((digit) => digit === '1').length;

interface Row {
  readonly id: string;
  readonly value: string;
  readonly algorithm?: string;
  readonly updatedAt?: string;
}
interface ListRows {
  readonly radiusBits?: number;
  readonly kind?: 'match' | 'suppression';
  readonly rows: readonly Row[];
}

async function bring({ service }: Running, list: string, { rows, radiusBits = 31, kind = 'match' }: ListRows) {
  const path = join(folder, `${list}.csv`);
  const line = ({ id, value, algorithm = 'pdq', updatedAt = '' }: Row) => [id, value, algorithm, updatedAt].join(',');
  writeFileSync(path, ['entryId,value,algorithm,updatedAt', ...rows.map(line)].join('\n'));
  await importList(service.store, { paths: [path], format: 'csv', list, kind, radiusBits, approved: true });
  await service.reload();
}

async function set({ service }: Running, list: string, change: object): Promise<void> {
  await service.store.lists.updateList(list, change);
  await service.reload();
}

const post = async ({ url }: Running, path: string, body: Uint8Array | object) => {
  const isBytes = body instanceof Uint8Array;
  const headers = { 'content-type': isBytes ? 'application/octet-stream' : 'application/json' };
  const sent = isBytes ? new Uint8Array(body) : JSON.stringify(body);
  return (await fetch(url + path, { method: 'POST', headers, body: sent })).json() as Promise<never>;
};
const explain = (running: Running, body: Uint8Array | object, query = ''): Promise<Explanation> =>
  post(running, `/v1/explain${query}`, body);

const listIn = ({ lists }: Explanation, name: string) => lists.find(({ list }) => list === name)!;
/** Outcome and reasons of one entry; undefined where it is not told. */
const toldOf = (explanation: Explanation, list: string, id: string) => {
  const entry = listIn(explanation, list)?.entries.find(({ entryId }) => entryId === id);
  return entry && [entry.outcome, ...entry.why];
};

let running: Running;
const BASE = fresh();
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());

describe('every entry within reach', () => {
  const rowsFrom = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, at) => ({ id: `${prefix}-${at}`, value: away(BASE, at * 2) }));
  const LISTS: Readonly<Record<string, ListRows & { readonly isOff?: true }>> = {
    wide: { rows: rowsFrom('wide', 34), radiusBits: 31 },
    narrow: { rows: rowsFrom('narrow', 34), radiusBits: 10 },
    zero: { rows: rowsFrom('zero', 34), radiusBits: 0 },
    off: { rows: rowsFrom('off', 34), radiusBits: 31, isOff: true },
    strangers: {
      rows: Array.from({ length: 200 }, (_, at) => ({ id: `s-${at}`, value: fresh() })),
    },
  };
  beforeAll(async () => {
    for (const [name, one] of Object.entries(LISTS)) {
      await bring(running, name, one);
      if (one.isOff) await set(running, name, { enabled: false });
    }
  });

  test.each(Array.from({ length: 12 }, (_, at) => at * 5))('of a hash %i bits from the entries', async (bits) => {
    const hash = away(BASE, bits);
    const explanation = await explain(running, { hash, algorithm: 'pdq' });
    for (const [name, { rows, radiusBits = 31, isOff = false }] of Object.entries(LISTS)) {
      const reached = rows
        .map(({ id, value }) => ({ entryId: id, distance: distanceOf(hash, value) }))
        .filter(({ distance }) => distance <= radiusBits + EXPLAINED_BEYOND_BITS);
      const isMatch = ({ distance }: { distance: number }) => !isOff && distance <= radiusBits;
      const expected = reached.map((one) => ({ ...one, outcome: isMatch(one) ? 'match' : 'no_match' }));
      const byId = (a: { entryId: string | null }, b: { entryId: string | null }) =>
        String(a.entryId).localeCompare(String(b.entryId));
      const told = listIn(explanation, name);
      const shown = told.entries.map(({ entryId, distance, outcome }) => ({ entryId, distance, outcome }));
      expect([...shown].sort(byId), name).toEqual(expected.sort(byId));
      expect(told, name).toMatchObject({
        enabled: !isOff,
        radiusBits,
        inForce: !isOff,
        reached: reached.length,
        admitted: reached.filter(isMatch).length,
        truncated: false,
      });
      // Those that match first, then by distance.
      const order = told.entries.map(({ outcome, distance }) => distance + (outcome === 'match' ? 0 : 1_000));
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
  });

  test('the verdict is that of a check, and something matches exactly where it says so', async () => {
    for (let bits = 0; bits < 60; bits += 3) {
      const hash = away(BASE, bits);
      const explanation = await explain(running, { hash, algorithm: 'pdq' });
      const { results } = (await post(running, '/v1/check/hashes', { items: [{ pdq: hash }] })) as {
        results: { verdict: string; matchCount: number }[];
      };
      expect(explanation).toMatchObject({ verdict: results[0]!.verdict, matchCount: results[0]!.matchCount });
      const matching = explanation.lists.flatMap(({ entries }) => entries).filter(({ outcome }) => outcome === 'match');
      expect(matching.length).toBe(explanation.matchCount);
      expect(explanation.verdict).toBe(matching.length > 0 ? 'match' : 'no_match');
    }
  });

  test('of a crowd the nearest are told, and all are counted', async () => {
    const centre = fresh();
    const crowd = Array.from({ length: EXPLAINED_PER_LIST_MAX + 9 }, (_, at) => ({
      id: `c-${at}`,
      value: away(centre, 1 + Math.floor(at / 4)),
    }));
    await bring(running, 'crowd', { rows: crowd });
    const told = listIn(await explain(running, { hash: centre, algorithm: 'pdq' }), 'crowd');
    expect(told).toMatchObject({ reached: crowd.length, admitted: crowd.length, truncated: true });
    const nearest = crowd.map(({ value }) => distanceOf(centre, value)).sort((a, b) => a - b);
    expect(told.entries.map(({ distance }) => distance)).toEqual(nearest.slice(0, EXPLAINED_PER_LIST_MAX));
    await running.service.store.lists.removeList('crowd');
    await running.service.reload();
  });
});

describe('why', () => {
  const one = fresh();
  beforeAll(() => bring(running, 'why', { rows: [{ id: 'e', value: one }] }));
  const why = async (hash: string, more: object = {}) =>
    toldOf(await explain(running, { hash, algorithm: 'pdq', ...more }), 'why', 'e');
  const change = async (what: 'quarantine' | 'flood' | 'release') => {
    await running.service.store.lists.changeEntries('why', { entryId: 'e' }, what);
    await running.service.reload();
  };

  test.each([
    [0, ['match']],
    [31, ['match']],
    [32, ['no_match', 'beyond_radius']],
    [31 + EXPLAINED_BEYOND_BITS, ['no_match', 'beyond_radius']],
    [32 + EXPLAINED_BEYOND_BITS, undefined],
  ])('at %i bits: %s', async (bits, expected) => expect(await why(away(one, bits))).toEqual(expected));

  test.each([
    [50, false, ['match']],
    [49, false, ['no_match', 'low_quality']],
    [49, true, ['match']],
  ])('quality %i, on a list that takes low quality %s: %s', async (quality, matchLowQuality, expected) => {
    await set(running, 'why', { matchLowQuality });
    expect(await why(one, { quality })).toEqual(expected);
    await set(running, 'why', { matchLowQuality: false });
  });

  test('several reasons are all said', async () => {
    await set(running, 'why', { enabled: false });
    expect(await why(one)).toEqual(['no_match', 'list_disabled']);
    expect(await why(away(one, 33), { quality: 3 })).toEqual([
      'no_match',
      'list_disabled',
      'beyond_radius',
      'low_quality',
    ]);
    await set(running, 'why', { enabled: true });
    expect(await why(one)).toEqual(['match']);
  });

  test('an entry in quarantine is suppressed, and one that a flood marked counts', async () => {
    await change('flood');
    const flooded = await explain(running, { hash: one, algorithm: 'pdq' });
    expect(flooded.verdict).toBe('match');
    expect(listIn(flooded, 'why').entries[0]).toMatchObject({ outcome: 'match', flooded: true, quarantined: false });
    await change('quarantine');
    const explanation = await explain(running, { hash: one, algorithm: 'pdq' });
    expect(explanation.verdict).toBe('suppressed');
    expect(toldOf(explanation, 'why', 'e')).toEqual(['suppressed', 'quarantined']);
    expect(await why(away(one, 32))).toEqual(['no_match', 'beyond_radius']);
    await change('release');
    expect(await why(one)).toEqual(['match']);
  });

  test('a known-good value suppresses the entry with that value alone, and only within its own radius', async () => {
    const neighbour = away(one, 3);
    await bring(running, 'good', { kind: 'suppression', radiusBits: 5, rows: [{ id: 'g', value: one }] });
    await bring(running, 'beside', { rows: [{ id: 'n', value: neighbour }] });
    const explanation = await explain(running, { hash: one, algorithm: 'pdq' });
    expect(toldOf(explanation, 'good', 'g')).toEqual(['suppressed', 'known_good_list']);
    expect(toldOf(explanation, 'why', 'e')).toEqual(['suppressed', 'known_good_value']);
    expect(toldOf(explanation, 'beside', 'n')).toEqual(['match']);
    expect(explanation.verdict).toBe('match');
    expect(await why(away(one, 5))).toEqual(['suppressed', 'known_good_value']);
    const farther = await explain(running, { hash: away(one, 6), algorithm: 'pdq' });
    expect(toldOf(farther, 'good', 'g')).toEqual(['no_match', 'beyond_radius']);
    expect(toldOf(farther, 'why', 'e')).toEqual(['match']);
    await set(running, 'good', { enabled: false });
    expect(await why(one)).toEqual(['match']);
    for (const list of ['good', 'beside']) await running.service.store.lists.removeList(list);
    await running.service.reload();
  });

  test.each([
    [29, ['match']],
    [31, ['no_match', 'expired']],
  ])('an entry updated %i days ago, on a list whose entries match for 30 days: %s', async (days, expected) => {
    const updatedAt = new Date(Date.now() - days * 86_400_000).toISOString();
    const value = fresh();
    await bring(running, 'dated', { rows: [{ id: 'd', value, updatedAt }] });
    await set(running, 'dated', { entryDaysMax: 30 });
    expect(toldOf(await explain(running, { hash: value, algorithm: 'pdq' }), 'dated', 'd')).toEqual(expected);
  });

  test('a blockhash with too little detail matches nothing', async () => {
    const weighing = (bits: number) => {
      const bytes = Buffer.alloc(32);
      for (let bit = 0; bit < bits; bit++) bytes[bit >> 3]! |= 1 << (bit & 7);
      return bytes.toString('hex');
    };
    // The entry is near both, and has detail enough itself.
    await bring(running, 'block', { rows: [{ id: 'b', value: weighing(100), algorithm: 'blockhash' }] });
    for (const [bits, expected] of [
      [96, ['match']],
      [95, ['no_match', 'low_quality', 'no_detail']],
    ] as const) {
      const explanation = await explain(running, { hash: weighing(bits), algorithm: 'blockhash' });
      expect(toldOf(explanation, 'block', 'b'), String(bits)).toEqual(expected);
    }
  });

  test('a digest is exact, whatever the radius; on a known-good list it clears the whole file', async () => {
    const md5 = 'ab'.repeat(16);
    await bring(running, 'digests', { rows: [{ id: 'm', value: md5, algorithm: 'md5' }] });
    const listed = await explain(running, { hash: md5.toUpperCase() });
    expect(listed).toMatchObject({ verdict: 'match', algorithm: 'md5', digests: { md5 } });
    expect(listIn(listed, 'digests').entries[0]).toMatchObject({ matchType: 'exact', distance: 0, outcome: 'match' });
    await bring(running, 'clear', { kind: 'suppression', rows: [{ id: 'k', value: md5, algorithm: 'md5' }] });
    const cleared = await explain(running, { hash: md5 });
    expect(cleared.verdict).toBe('suppressed');
    expect(toldOf(cleared, 'digests', 'm')).toEqual(['suppressed', 'known_good_file']);
    expect(toldOf(cleared, 'clear', 'k')).toEqual(['suppressed', 'known_good_list']);
    expect(await explain(running, { hash: `ac${md5.slice(2)}` })).toMatchObject({ verdict: 'no_match', matchCount: 0 });
    await running.service.store.lists.removeList('clear');
    await running.service.reload();
  });
});

describe('an image', () => {
  let photograph: Buffer;
  let hash: string;
  const bordered = () =>
    sharp(photograph).extend({ top: 40, bottom: 90, left: 60, right: 60, background: '#fff' }).png().toBuffer();
  beforeAll(async () => {
    photograph = await sharp(join(PHOTOGRAPHS, 'mate-elephants.jpg')).resize(700).removeAlpha().png().toBuffer();
    const { pdq } = await explain(running, photograph);
    hash = pdq!.hash;
    await bring(running, 'photos', { rows: [{ id: 'p', value: hash }] });
    await set(running, 'photos', { detail: 'standard' });
  });

  test('is told with its format, size, digests, hashes of both families and what was searched', async () => {
    const checked = (await post(running, '/v1/check?digests=md5,sha1,sha256', photograph)) as Record<string, unknown>;
    const explanation = await explain(running, photograph);
    for (const field of ['verdict', 'reason', 'digests', 'image', 'pdq', 'pdqFull', 'lowQuality', 'matchCount'])
      expect((explanation as unknown as Record<string, unknown>)[field], field).toEqual(checked[field]);
    expect(explanation).toMatchObject({
      verdict: 'match',
      image: { format: 'png', width: 700 },
      bytes: photograph.length,
      pdqFull: { hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      searched: { views: 1, digests: 3, detail: 'standard' },
    });
    // Two families in eight orientations, and blockhash.
    expect(explanation.searched.hashes).toBe(17);
    expect(toldOf(explanation, 'photos', 'p')).toEqual(['match']);
  });

  test('a border hides it from a list that looks at the whole image alone, and says so', async () => {
    const image = await bordered();
    const found = await explain(running, image);
    expect(found.searched.windows.border).toBeGreaterThan(0);
    expect(found.searched.windows.crop).toBe(0);
    expect(toldOf(found, 'photos', 'p')).toEqual(['match']);
    expect(listIn(found, 'photos').entries[0]!.window).toMatchObject({ kind: expect.any(String), degrees: 0 });
    await set(running, 'photos', { detail: 'plain' });
    const hidden = await explain(running, image, '?detail=standard');
    expect(toldOf(hidden, 'photos', 'p')).toEqual(['no_match', 'window_not_looked_at']);
    expect(hidden.verdict).toBe(((await post(running, '/v1/check', image)) as { verdict: string }).verdict);
    expect(listIn(hidden, 'photos')).toMatchObject({ reached: 1, admitted: 0 });
    await set(running, 'photos', { detail: 'standard' });
  });

  test('a file that is no image says what it is, and its digest is still looked up', async () => {
    const bytes = Buffer.from('no image at all');
    const { digests, ...rest } = await explain(running, bytes);
    expect(rest).toMatchObject({
      verdict: 'not_checked',
      reason: 'not_an_image',
      code: 'IMAGE_NOT_AN_IMAGE',
      says: expect.any(String),
      image: null,
      pdq: null,
      searched: { hashes: 0, views: 0 },
    });
    await bring(running, 'texts', { rows: [{ id: 't', value: digests.md5!, algorithm: 'md5' }] });
    const listed = await explain(running, bytes);
    expect(listed).toMatchObject({ verdict: 'match', code: 'IMAGE_NOT_AN_IMAGE' });
    expect(toldOf(listed, 'texts', 't')).toEqual(['match']);
  });

  test('a flat image has no hash that is searched', async () => {
    const flat = await sharp({ create: { width: 200, height: 200, channels: 3, background: '#888' } })
      .png()
      .toBuffer();
    expect(await explain(running, flat)).toMatchObject({ degenerate: true, lowQuality: true, searched: { hashes: 0 } });
  });

  test('the answer has no value of a list', async () => {
    const near = away(hash, 20);
    await bring(running, 'secret', { rows: [{ id: 'x', value: near }] });
    const text = JSON.stringify(await explain(running, { hash, algorithm: 'pdq' }));
    expect(text).toContain('"entryId":"x"');
    for (const value of [near, hash]) expect(text).not.toContain(value);
  });
});

test('without a list in force nothing is checked, and entries of a disabled list are told', async () => {
  const alone = await startService();
  const hash = fresh();
  await bring(alone, 'off', { rows: [{ id: 'o', value: hash }] });
  for (const list of ['off', 'sample']) await set(alone, list, { enabled: false });
  const explanation = await explain(alone, { hash, algorithm: 'pdq' });
  expect(explanation).toMatchObject({ verdict: 'not_checked', reason: 'no_list', matchCount: 0 });
  expect(toldOf(explanation, 'off', 'o')).toEqual(['no_match', 'list_disabled']);
  expect(explanation.lists.map(({ inForce }) => inForce)).toEqual([false, false]);
  await alone.stop();
});
