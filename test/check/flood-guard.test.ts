/** An entry that suddenly matches at many places is marked and reported; it counts until a person decides. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { plainCheck } from '../../bench/check-options.js';
import { FloodGuard } from '../../src/check/flood-guard.js';
import { garbageCollector } from '../support/collect-garbage.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const HOUR_MS = 3_600_000;

describe('the guard', () => {
  function made(filesMax: number) {
    let nowMs = 1_000_000;
    const floods: string[] = [];
    const guard = new FloodGuard(
      filesMax,
      { nowMs: () => nowMs, monotonicMs: () => nowMs },
      ({ list, entryId }, tenant, places) => floods.push(`${tenant} ${list}/${entryId} ${places}`),
    );
    return { guard, floods, wait: (ms: number) => (nowMs += ms) };
  }
  const entry = { list: 'a', entryId: 'e' };

  test('counts the places of each tenant by themselves', () => {
    const { guard, floods } = made(2);
    for (const tenant of ['a', 'b', 'c', 'd']) for (const place of ['1', '2']) guard.note(entry, tenant, place);
    expect(floods).toEqual([]);
    guard.note(entry, 'c', '3');
    expect(floods).toEqual(['c a/e 3']);
  });

  test('reports a place to other processes again in time, also of one that matches ever again', () => {
    let nowMs = 1_000_000;
    const counted: number[] = [];
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
    const guard = new FloodGuard(
      100,
      clock,
      () => {},
      () => counted.push(nowMs),
    );
    for (let minute = 0; minute < 60; minute += 4, nowMs += 4 * 60_000) guard.note(entry, 't', 'place');
    const pauses = counted.slice(1).map((ms, at) => ms - counted[at]!);
    expect(Math.max(...pauses)).toBe(8 * 60_000);
    expect(counted).toHaveLength(8);
  });

  test('reports an entry at one file over the limit, and counts each file once', () => {
    const { guard, floods } = made(3);
    for (const file of ['1', '2', '3', '3', '2', '1']) guard.note(entry, 't', file);
    guard.note({ list: 'b', entryId: 'e' }, 't', '4');
    guard.note({ list: 'a', entryId: 'f' }, 't', '4');
    expect(floods).toEqual([]);
    guard.note(entry, 't', '4');
    expect(floods).toEqual(['t a/e 4']);
  });

  test('keeps what has one size of a place, however long its name is', () => {
    const collect = garbageCollector();
    const { guard, floods } = made(5_000);
    const name = (at: number) => `${at}-${randomBytes(5_000).toString('hex')}`;
    guard.note(entry, 't', name(0));
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let at = 1; at < 5_000; at++) guard.note(entry, 't', name(at));
    collect();
    // The names are 50 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
    guard.note(entry, 't', 'one more');
    expect(floods).toEqual(['t a/e 5001']);
  });

  test('counts a file for an hour after its last match', () => {
    const { guard, floods, wait } = made(2);
    guard.note(entry, 't', '1');
    wait(HOUR_MS / 2);
    guard.note(entry, 't', '2');
    guard.note(entry, 't', '1');
    wait(HOUR_MS - 1);
    guard.note(entry, 't', '3');
    expect(floods).toEqual(['t a/e 3']);
    guard.note(entry, 't', '1');
    guard.note(entry, 't', '2');
    wait(HOUR_MS);
    guard.note(entry, 't', '3');
    expect(floods).toHaveLength(1);
  });

  test('is off with a limit of 0', () => {
    const { guard, floods } = made(0);
    for (let file = 0; file < 1_000; file++) guard.note(entry, 't', String(file));
    expect(floods).toEqual([]);
  });
});

describe('in a service', () => {
  let running: Running | undefined;
  afterEach(async () => {
    await running?.stop();
    running = undefined;
  });
  const options = plainCheck('test');
  const wants = {
    digests: ['md5', 'sha256'],
    orientations: 'none',
    families: 'both',
    algorithms: ['pdq'],
    frames: 1,
    detail: 'plain',
  } as const;
  const picture = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));
  /** The same image as another file: with bytes after its end. */
  const copy = (n: number) => Buffer.concat([picture, Buffer.from([n, n >> 8])]);

  const flooded = async (service: Running['service'], count: number) =>
    expect.poll(async () => (await service.store.lists.quarantined()).length, { timeout: 10_000 }).toBe(count);

  test('files after a flood still match, marked for every tenant, until a person decides', async () => {
    running = await startService({ floodFiles: '5' });
    const { service } = running;
    for (let n = 0; n < 6; n++) expect((await service.checkImage({ bytes: copy(n) }, options)).verdict).toBe('match');
    // A flood is handled after the response.
    await flooded(service, 2);
    await service.reload();
    for (const tenant of ['test', 'other']) {
      const { verdict, matches } = await service.checkImage({ bytes: copy(1) }, { ...options, tenant });
      expect(verdict).toBe('match');
      expect(new Set(matches.map(({ quarantined, suppressed }) => `${quarantined} ${suppressed}`))).toEqual(
        new Set(['true false']),
      );
    }
    expect(await service.ledger.stats({})).toMatchObject({ checked: 8, matched: 8, suppressed: 0 });
    expect((await service.renderMetrics()).body).toMatch(/^zeef_floods_total [1-9]/m);
    const entries = await service.store.lists.quarantined();
    expect(entries.every((one) => one.flooded)).toBe(true);
    for (const { list, entryId } of entries) await service.store.lists.changeEntries(list, { entryId }, 'quarantine');
    await service.reload();
    expect((await service.checkImage({ bytes: copy(1) }, options)).verdict, 'a person’s quarantine').toBe('suppressed');
    for (const { list, entryId } of entries) await service.store.lists.changeEntries(list, { entryId }, 'release');
    await service.reload();
    const { verdict, matches } = await service.checkImage({ bytes: copy(1) }, options);
    expect([verdict, matches.some(({ quarantined }) => quarantined)]).toEqual(['match', false]);
  });

  test('a client’s made-up digests silence no tenant, neither near matches nor exact ones', async () => {
    running = await startService({ floodFiles: '5' });
    const { service } = running;
    const hashed = await service.hashImage({ bytes: picture }, wants);
    const pdq = hashed.pdq!.hash;
    const items = Array.from({ length: 105 }, (_, n) => ({ pdq, sha256: n.toString(16).padStart(64, 'a') }));
    await service.openBatch({ ...options, tenant: 'attacker' }, { isStream: false }).checkItems(items);
    await flooded(service, 2);
    await service.reload();
    const asked = [{ pdq }, { sha256: hashed.digests.sha256! }, { md5: hashed.digests.md5! }];
    const answers = await service.openBatch(options, { isStream: false }).checkItems(asked);
    const verdicts = answers.map((answer) => 'verdict' in answer && answer.verdict);
    expect(verdicts[0]).toBe('match');
    expect(verdicts).not.toContain('suppressed');
  });

  test('one file at many places is a flood; one that is checked again at one place is none', async () => {
    running = await startService({ floodFiles: '5' });
    const { service } = running;
    const check = (reference: string) => service.checkImage({ bytes: copy(1) }, { ...options, reference });
    for (let n = 0; n < 20; n++) expect((await check('here')).verdict).toBe('match');
    expect(await service.store.lists.quarantined()).toEqual([]);
    for (let n = 0; n < 6; n++) expect((await check(`place ${n}`)).verdict).toBe('match');
    await flooded(service, 2);
  });
});
