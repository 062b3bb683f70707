/** An entry that suddenly matches many different files is quarantined and reported. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { plainCheck } from '../../bench/check-options.js';
import { FloodGuard } from '../../src/check/flood-guard.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const HOUR_MS = 3_600_000;

describe('the guard', () => {
  function made(filesMax: number) {
    let nowMs = 1_000_000;
    const floods: string[] = [];
    const guard = new FloodGuard(
      filesMax,
      { nowMs: () => nowMs, monotonicMs: () => nowMs },
      ({ list, entryId }, files) => floods.push(`${list}/${entryId} ${files}`),
    );
    return { guard, floods, wait: (ms: number) => (nowMs += ms) };
  }
  const entry = { list: 'a', entryId: 'e' };

  test('reports an entry at one file over the limit, and counts each file once', () => {
    const { guard, floods } = made(3);
    for (const file of ['1', '2', '3', '3', '2', '1']) guard.note(entry, file);
    guard.note({ list: 'b', entryId: 'e' }, '4');
    guard.note({ list: 'a', entryId: 'f' }, '4');
    expect(floods).toEqual([]);
    guard.note(entry, '4');
    expect(floods).toEqual(['a/e 4']);
  });

  test('counts a file for an hour after its last match', () => {
    const { guard, floods, wait } = made(2);
    guard.note(entry, '1');
    wait(HOUR_MS / 2);
    guard.note(entry, '2');
    guard.note(entry, '1');
    wait(HOUR_MS - 1);
    guard.note(entry, '3');
    expect(floods).toEqual(['a/e 3']);
    guard.note(entry, '1');
    guard.note(entry, '2');
    wait(HOUR_MS);
    guard.note(entry, '3');
    expect(floods).toHaveLength(1);
  });

  test('is off with a limit of 0', () => {
    const { guard, floods } = made(0);
    for (let file = 0; file < 1_000; file++) guard.note(entry, String(file));
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
  const picture = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));
  /** The same image as another file: with bytes after its end. */
  const copy = (n: number) => Buffer.concat([picture, Buffer.from([n, n >> 8])]);

  test('files after a flood are suppressed as quarantined, until the entry is released', async () => {
    running = await startService({ floodFiles: '5' });
    const { service } = running;
    const verdicts: string[] = [];
    for (let n = 0; n < 12; n++) {
      verdicts.push((await service.checkImage({ bytes: copy(n) }, options)).verdict);
      // A flood is handled after the response.
      if (n === 5)
        while ((await service.store.lists.quarantined()).length < 2) await new Promise((r) => setTimeout(r, 5));
    }
    expect(verdicts).toEqual([...Array(6).fill('match'), ...Array(6).fill('suppressed')]);
    await service.reload();
    const { verdict, matches } = await service.checkImage({ bytes: copy(1) }, options);
    expect(verdict, 'seen before as a match').toBe('suppressed');
    expect(new Set(matches.map(({ quarantined, suppressed }) => quarantined && suppressed))).toEqual(new Set([true]));
    expect(await service.ledger.stats({})).toMatchObject({ checked: 13, matched: 6, suppressed: 7 });
    expect((await service.renderMetrics()).body).toMatch(/^zeef_quarantined_total [1-9]/m);
    for (const { list, entryId } of await service.store.lists.quarantined()) {
      await service.store.lists.changeEntries(list, { entryId }, 'release');
    }
    await service.reload();
    expect((await service.checkImage({ bytes: copy(1) }, options)).verdict).toBe('match');
  });

  test('one file checked repeatedly is no flood', async () => {
    running = await startService({ floodFiles: '5' });
    for (let n = 0; n < 20; n++) {
      expect((await running.service.checkImage({ bytes: copy(1) }, options)).verdict).toBe('match');
    }
    expect(await running.service.store.lists.quarantined()).toEqual([]);
  });
});
