/** The results of repeated images come from the cache, and are never stale when lists change. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import { plainCheck } from '../../bench/check-options.js';
import type { ImageCheckOptions } from '../../src/check/check-image.js';
import { sceneRaster } from '../support/random.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const OPTIONS = plainCheck('test');
const raster = sceneRaster(31, 200, 160, 3);
const unknown = await sharp(raster.data, { raw: { width: 200, height: 160, channels: 3 } })
  .png()
  .toBuffer();
const known = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));

let running: Running | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function outcomes(): Promise<Record<string, number>> {
  const { body } = await running!.service.renderMetrics();
  const lines = body.matchAll(/^zeef_image_cache_total\{outcome="(\w+)"\} (\d+)$/gm);
  const counts = [...lines].map(([, outcome, count]) => [outcome!, Number(count)] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

describe('a repeated image', () => {
  test.each([
    ['a match', known, 'match'],
    ['no match', unknown, 'no_match'],
    ['not an image', Buffer.from('not a picture'), 'not_checked'],
  ])('%s: the same result, counted again, without decoding', async (_says, bytes, verdict) => {
    running = await startService();
    const { service } = running;
    const { checkId, ...first } = await service.checkImage({ bytes }, OPTIONS);
    const { checkId: secondId, ...second } = await service.checkImage({ bytes }, OPTIONS);
    expect(first.verdict).toBe(verdict);
    expect(second).toEqual(first);
    expect(secondId).not.toBe(checkId);
    expect(await outcomes()).toEqual({ miss: 1, hit: 1 });
    expect((await service.ledger.stats({})).checked).toBe(2);
  });

  test('with other options it is hashed or matched again', async () => {
    running = await startService();
    const { service } = running;
    const ask = (more: Partial<ImageCheckOptions>) => service.checkImage({ bytes: known }, { ...OPTIONS, ...more });
    const all = await ask({});
    expect(all.digests.md5).toBe((await ask({ digests: ['md5'] })).digests.md5);
    const { matches: exact } = await ask({ requestedRadiusBits: 0 });
    expect(new Set(exact.map(({ distance }) => distance))).toEqual(new Set([0]));
    expect((await ask({})).matches).toEqual(all.matches);
    await expect(ask({ lists: new Set(['nowhere']) })).rejects.toMatchObject({ code: 'LIST_NOT_FOUND' });
    expect((await ask({ lists: new Set(['sample']) })).verdict).toBe('match');
  });

  test('ten concurrent checks decode it once', async () => {
    running = await startService();
    const { service } = running;
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => service.checkImage({ bytes: Buffer.from(unknown) }, OPTIONS)),
    );
    expect(new Set(answers.map(({ pdq }) => pdq!.hash)).size).toBe(1);
    expect(new Set(answers.map(({ checkId }) => checkId)).size).toBe(10);
    expect(await outcomes()).toEqual({ miss: 1, joined: 9 });
  });

  test('its verdict follows the list: entry added, replaced and added again', async () => {
    running = await startService();
    const { service } = running;
    const { lists } = service.store;
    const ask = async () => {
      await service.reload();
      const { verdict, generation, pdq } = await service.checkImage({ bytes: unknown }, OPTIONS);
      expect(generation).toBe(service.readiness().generation);
      return { verdict, hash: pdq!.hash };
    };
    const { verdict, hash } = await ask();
    expect(verdict).toBe('no_match');
    await lists.createList({ list: 'own', kind: 'match', radiusBits: 31 });
    const row = (value: string) => {
      const nothing = { category: null, severity: null, source: null, mediaType: null, updatedAt: null, tags: [] };
      return {
        ok: true as const,
        entry: { entryId: 'e', algorithm: 'pdq' as const, value, status: 'active' as const, ...nothing },
      };
    };
    async function* rows(value: string) {
      yield row(value) as never;
    }
    await lists.replaceEntries('own', rows(hash));
    expect((await ask()).verdict).toBe('match');
    expect((await ask()).verdict).toBe('match');
    await lists.replaceEntries('own', rows('f0'.repeat(32)));
    expect((await ask()).verdict).toBe('no_match');
    await lists.replaceEntries('own', rows(hash));
    expect((await ask()).verdict).toBe('match');
    expect((await outcomes()).miss).toBe(1);
  });

  test('a cache size of 0 switches the cache off', async () => {
    running = await startService({ cacheBytesMax: '0' });
    const { service } = running;
    for (let time = 0; time < 3; time++) await service.checkImage({ bytes: unknown }, OPTIONS);
    expect(await outcomes()).toEqual({ miss: 3 });
  });
});
