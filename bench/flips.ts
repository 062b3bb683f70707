/**
 * Switches between list versions under query load. Two versions hold disjoint entries, so every answer shows which one
 * it came from, and must agree with the generation that it names.
 */
import { rmSync } from 'node:fs';
import { readConfig } from '../src/config/read-config.js';
import { rollBack } from '../src/lists/list-versions.js';
import { createService, type Service } from '../src/service/service.js';
import { createLogger } from '../src/telemetry/log.js';
import { listRows } from './list-rows.js';
import { pdqLike } from './pdq-like.js';
import type { BenchOptions, BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

const SENTINELS = 200;
const CLIENTS = 4;

export interface FlipCounts {
  readonly asked: number;
  readonly generationsSeen: number;
  /** Answers that do not agree with the entries of the generation they name. */
  readonly disagreed: number;
}

/** Switch between the two versions `flips` times, `pauseMs` apart, while clients query. */
export async function flipUnderLoad(service: Service, flips: number, pauseMs: number): Promise<FlipCounts> {
  const { lists } = service.store;
  const values = pdqLike(SENTINELS * 2, 4);
  const half = values.length / 2;
  await lists.createList({ list: 'flip', kind: 'match', radiusBits: 0 });
  const odd = new Set<number>();
  const even = new Set<number>();
  const snapshot = async (into: Set<number>) => {
    await service.reload();
    into.add(service.readiness().generation);
  };
  await lists.replaceEntries('flip', listRows('pdq', values.subarray(0, half)));
  await snapshot(odd);
  await lists.replaceEntries('flip', listRows('pdq', values.subarray(half)));
  await snapshot(even);
  let isDone = false;
  const options = {
    orientations: 'none',
    lists: new Set(['flip']),
    requestedRadiusBits: 0,
    detail: null,
    reference: null,
    tenant: 'flips',
  } as const;
  /** Compared at the end: the version of a generation is known only after its switch has returned. */
  const answers = new Map<string, { generation: number; first: boolean; second: boolean; count: number }>();
  const client = async (from: number) => {
    for (let at = from; !isDone; at = (at + 7) % SENTINELS) {
      const hex = (offset: number) =>
        Buffer.from(values.subarray(offset + at * 32, offset + at * 32 + 32)).toString('hex');
      const batch = service.openBatch(options, { isStream: false });
      const [first, second] = (await batch.checkItems([{ pdq: hex(0) }, { pdq: hex(half) }])).map(
        (answer) => 'verdict' in answer && answer.verdict === 'match',
      ) as [boolean, boolean];
      const { generation } = batch;
      const key = `${generation} ${first} ${second}`;
      const same = answers.get(key) ?? { generation, first, second, count: 0 };
      same.count++;
      answers.set(key, same);
      await new Promise(setImmediate);
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, at) => client(at)));
  try {
    for (let flip = 0; flip < flips; flip++) {
      // Always the last but one: only ten versions are kept, and there may be any number of switches.
      const { version } = (await lists.list('flip'))!;
      await rollBack(lists, 'flip', version - 1);
      await snapshot(flip % 2 === 0 ? odd : even);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  } finally {
    isDone = true;
    await clients;
  }
  const all = [...answers.values()];
  const disagreed = all.filter(
    ({ generation, first, second }) => first !== odd.has(generation) || second !== even.has(generation),
  );
  const sum = (some: typeof all) => some.reduce((total, { count }) => total + count, 0);
  return {
    asked: sum(all),
    generationsSeen: new Set(all.map(({ generation }) => generation)).size,
    disagreed: sum(disagreed),
  };
}

export async function flips({ smoke, minutes = 5 }: BenchOptions): Promise<BenchTable> {
  const count = smoke ? 5 : Math.round(minutes * 60);
  const dataDir = tempFolder('flips');
  const config = readConfig({ env: {}, flags: { dataDir, floodFiles: '0', logLevel: 'silent' } });
  const service = await createService(config, { log: createLogger('silent') });
  try {
    const { asked, generationsSeen, disagreed } = await flipUnderLoad(service, count, smoke ? 50 : 1_000);
    return {
      title: `Switching between list versions ${smoke ? 'under' : 'once a second under'} query load`,
      notes: ['two versions with disjoint entries, so an answer shows which version it came from'],
      columns: ['measurement', 'count'],
      rows: [
        ['switches', count],
        ['answers', asked],
        ['generations in answers', generationsSeen],
        ['answers that disagree with their generation', disagreed],
      ],
      checksum: String(disagreed),
    };
  } finally {
    await service.close();
    rmSync(dataDir, { recursive: true });
  }
}
