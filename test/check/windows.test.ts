/** Edited copies over HTTP, in every form of a query: which windows match, and where the rule of their certain bits ends. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { isSure } from '../../src/check/policy.js';
import { RESAMPLED } from '../../src/core/window.js';
import { importList } from '../../src/lists/import/import-list.js';
import { PHOTOGRAPHS, type Running, startService } from '../support/running.js';

const folder = tempFolder('windows');
let running: Running;
let photograph: Buffer;
let width = 0;
let height = 0;

const check = async (image: Buffer, query = '') => {
  const headers = { 'content-type': 'image/png' };
  const answer = await fetch(`${running.url}/v1/check${query}`, {
    method: 'POST',
    headers,
    body: new Uint8Array(image),
  });
  return (await answer.json()) as {
    verdict: string;
    matches: {
      list: string;
      distance: number;
      orientation: string;
      window: { kind: string; rectangle: Record<string, number>; degrees: number; certainBitsWrong: number } | null;
    }[];
  };
};
const ownOf = ({ matches }: Awaited<ReturnType<typeof check>>) => matches.find(({ list }) => list === 'own');

const bordered = () =>
  sharp(photograph).extend({ top: 40, bottom: 90, left: 60, right: 60, background: '#fff' }).png().toBuffer();
const cut = () => {
  const [left, top] = [Math.round(width * 0.03), Math.round(height * 0.03)];
  const region = { left, top, width: width - 2 * left, height: height - 2 * top };
  return sharp(photograph).extract(region).png().toBuffer();
};

beforeAll(async () => {
  running = await startService();
  const name = readdirSync(PHOTOGRAPHS).find((file) => file.endsWith('.jpg'))!;
  photograph = await sharp(join(PHOTOGRAPHS, name)).resize(480).removeAlpha().png().toBuffer();
  ({ width, height } = await sharp(photograph).metadata());
  const { pdq } = await running.service.hashImage(
    { bytes: photograph },
    { digests: [], orientations: 'none', families: 'both', algorithms: ['pdq'], frames: 1, detail: 'plain' },
  );
  const path = join(folder, 'own.csv');
  writeFileSync(path, `algorithm,value\npdq,${pdq!.hash}\n`);
  const request = { paths: [path], format: 'csv' as const, list: 'own', kind: 'match' as const, radiusBits: 31 };
  await importList(running.service.store, { ...request, approved: true });
  await running.service.reload();
});
afterAll(() => running.stop());

describe('an image over HTTP', () => {
  test('a border hides a listed image from the plain detail alone', async () => {
    const image = await bordered();
    expect(ownOf(await check(image))).toBeUndefined();
    expect(ownOf(await check(image, '?detail=plain'))).toBeUndefined();
    for (const detail of ['standard', 'deep']) {
      const found = ownOf(await check(image, `?detail=${detail}`))!;
      expect(found.orientation).toBe('original');
      expect(found.window).toMatchObject({ degrees: 0 });
      const { rectangle, certainBitsWrong } = found.window!;
      expect(certainBitsWrong).toBeLessThanOrEqual(6);
      const [wide, high] = [width + 120, height + 130];
      for (const [side, edge] of Object.entries({
        left: 60 / wide,
        right: (60 + width) / wide,
        top: 40 / high,
        bottom: (40 + height) / high,
      }))
        expect(Math.abs(rectangle[side]! - edge), side).toBeLessThan(0.01);
    }
  });

  test('its mirrored copy is found too, and says so', async () => {
    const image = await sharp(await bordered())
      .flop()
      .png()
      .toBuffer();
    expect(ownOf(await check(image, '?detail=standard'))).toMatchObject({ orientation: 'flipY', window: {} });
    expect(ownOf(await check(image, '?detail=standard&orientations=none'))).toBeUndefined();
  });

  test('a crop and a rotation are undone by the deep detail alone', async () => {
    const turned = await sharp(photograph).rotate(3, { background: '#000' }).png().toBuffer();
    for (const [image, kind] of [
      [await cut(), 'crop'],
      [turned, 'rotation'],
    ] as const) {
      expect(ownOf(await check(image, '?detail=standard')), kind).toBeUndefined();
      const { window } = ownOf(await check(image, '?detail=deep'))!;
      expect(window!.kind).toBe(kind);
    }
  });

  test('the image itself has no window, in any detail', async () => {
    for (const detail of ['plain', 'standard', 'deep'])
      expect(ownOf(await check(photograph, `?detail=${detail}`))).toMatchObject({ distance: 0, window: null });
  });

  test('an unknown detail is refused', async () => {
    const answer = await fetch(`${running.url}/v1/check?detail=all`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: 'x',
    });
    expect(await answer.json()).toMatchObject({ code: 'REQUEST_INVALID', details: { field: 'detail' } });
  });

  test('an image far smaller than a window has no windows', async () => {
    const tiny = await sharp(photograph).resize(40, 30, { fit: 'fill' }).png().toBuffer();
    expect(await check(tiny, '?detail=deep')).toMatchObject({ verdict: expect.any(String) });
  });
});

describe('hashes of a file', () => {
  const flipped = (hex: string, bits: readonly number[]) => {
    const bytes = Buffer.from(hex, 'hex');
    for (const bit of bits) bytes[bit >> 3]! ^= 1 << (bit & 7);
    return bytes.toString('hex');
  };
  const range = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + at);

  /** The first 128 bits are said to be certain. */
  const CERTAIN = 'ff'.repeat(16) + '00'.repeat(16);
  const { rectangle } = RESAMPLED;
  const item = (value: string) => ({
    hashes: [
      {
        algorithm: 'pdq',
        value,
        family: 'symmetric',
        window: { kind: 'part', rectangle, degrees: 0, proportion: 1.5, certain: CERTAIN },
      },
    ],
  });

  test.each([
    [6, 25, 'match'],
    [7, 24, 'no_match'],
    [0, 31, 'match'],
    [0, 32, 'no_match'],
    [6, 26, 'no_match'],
  ])('with %i certain and %i other bits wrong: %s, as JSON and as NDJSON', async (certain, others, verdict) => {
    const { pdq } = await running.service.hashImage(
      { bytes: photograph },
      { digests: [], orientations: 'none', families: 'both', algorithms: ['pdq'], frames: 1, detail: 'plain' },
    );
    const value = flipped(pdq!.hash, [...range(0, certain), ...range(128, others)]);
    const post = async (type: string, body: string) =>
      (
        await fetch(`${running.url}/v1/check/hashes${type.includes('ndjson') ? '?detail=standard' : ''}`, {
          method: 'POST',
          headers: { 'content-type': type },
          body,
        })
      ).text();
    const body = { lists: ['own'], detail: 'deep', items: [item(value)] };
    const [asked] = (JSON.parse(await post('application/json', JSON.stringify(body))) as { results: unknown[] })
      .results;
    const line: unknown = JSON.parse(await post('application/x-ndjson', JSON.stringify(item(value))));
    for (const answer of [asked, line]) {
      expect(answer).toMatchObject({ verdict });
      if (verdict === 'match')
        expect(answer).toMatchObject({
          matches: [{ window: { kind: 'part', rectangle, proportion: 1.5, certainBitsWrong: certain } }],
        });
    }
  });

  test('a window in a wrong place, without certain bits, or with too few digits is that item’s error', async () => {
    const good = item('0'.repeat(64)).hashes[0]!;
    for (const window of [
      { ...good.window, rectangle: { ...rectangle, left: -5 } },
      { ...good.window, certain: undefined },
      { ...good.window, certain: 'ff' },
      { ...good.window, kind: 'frame' },
    ]) {
      const body = JSON.stringify({ items: [{ hashes: [{ ...good, window }] }] });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${running.url}/v1/check/hashes`, { method: 'POST', headers, body });
      expect(await answer.json()).toMatchObject({
        results: [{ error: { code: 'VALUE_INVALID', field: expect.stringMatching(/^hashes\/0\/window/) } }],
      });
    }
  });
});

test('the rule has two edges', () => {
  const rule = { radiusBits: 31, wrongBitsMax: 6 };
  expect(isSure({ distanceBits: 31, certainBitsWrong: 6 }, rule)).toBe(true);
  expect(isSure({ distanceBits: 32, certainBitsWrong: 0 }, rule)).toBe(false);
  expect(isSure({ distanceBits: 0, certainBitsWrong: 7 }, rule)).toBe(false);
});
