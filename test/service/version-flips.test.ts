/**
 * Versions flip under query load. Two versions hold disjoint sentinels, so every answer shows which of them gave it, and
 * must agree with the generation that it names.
 */
import { expect, test } from 'vitest';
import { listRows } from '../../bench/list-rows.js';
import { pdqLike } from '../../bench/pdq-like.js';
import { rollBack } from '../../src/service/list-versions.js';
import { startService } from '../support/running.js';

const SENTINELS = 200;
const FLIPS = 12;

test('no answer disagrees with the generation that it names', async () => {
  const running = await startService({ floodFiles: '0' });
  const { service } = running;
  const { lists } = service.store;
  const values = pdqLike(SENTINELS * 2, 4);
  const half = values.length / 2;
  await lists.createList({ list: 'flip', kind: 'match', radiusBits: 0 });
  const odd = new Set<number>();
  const even = new Set<number>();
  const inForce = async (into: Set<number>) => {
    await service.reload();
    into.add(service.readiness().generation);
  };
  await lists.replaceEntries('flip', listRows('pdq', values.subarray(0, half)));
  await inForce(odd);
  await lists.replaceEntries('flip', listRows('pdq', values.subarray(half)));
  await inForce(even);
  let isDone = false;
  let asked = 0;
  const seen = new Set<number>();
  const options = {
    orientations: 'none',
    lists: new Set(['flip']),
    askedRadiusBits: 0,
    reference: null,
    tenant: 'flips',
  } as const;
  /** What each answered, judged at the end: a generation is known to be whose only once the flip has returned. */
  const answers: { generation: number; first: boolean; second: boolean }[] = [];
  const client = async (from: number) => {
    for (let at = from; !isDone; at = (at + 7) % SENTINELS) {
      const hex = (offset: number) =>
        Buffer.from(values.subarray(offset + at * 32, offset + at * 32 + 32)).toString('hex');
      const batch = service.openBatch(options);
      const [first, second] = await batch.checkItems([{ pdq: hex(0) }, { pdq: hex(half) }]);
      const matched = (answer: typeof first) => 'verdict' in answer! && answer.verdict === 'match';
      answers.push({ generation: batch.generation, first: matched(first), second: matched(second) });
      asked++;
      seen.add(batch.generation);
      await new Promise(setImmediate);
    }
  };
  const clients = Promise.all([0, 1, 2, 3].map(client));
  try {
    for (let flip = 0; flip < FLIPS; flip++) {
      await rollBack(lists, 'flip', flip + 1);
      await inForce(flip % 2 === 0 ? odd : even);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    isDone = true;
    await clients;
    await running.stop();
  }
  expect(asked).toBeGreaterThan(200);
  expect(seen.size).toBeGreaterThan(FLIPS / 2);
  for (const { generation, first, second } of answers) {
    expect([first, second], `generation ${generation}`).toEqual([odd.has(generation), even.has(generation)]);
  }
});
