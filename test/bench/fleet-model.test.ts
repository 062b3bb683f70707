/** The model of a fleet, against values computed by hand. */
import { expect, test } from 'vitest';
import { type FleetInputs, forecast } from '../../bench/fleet-model.js';

const INPUTS: FleetInputs = {
  checksPerSecond: 500,
  commitsPerCheck: 0.25,
  commitsPerSecondMax: 3_000,
  idleCommitsPerSecond: 2,
  databaseSecondsPerCheck: 0.0002,
  idleDatabaseCores: 0.002,
  databaseCores: 2,
  connectionsPerReplica: 17,
  connectionsMax: 200,
};

test.each([
  // 10 x 500; the log would allow (3,000 - 20) / 0.25, the processor (2 - 0.02) / 0.0002.
  [10, {}, { checksPerSecond: 5_000, limit: 'replicas', connections: 170 }],
  // (2 - 0.2) / 0.0002, against 50,000 of the replicas and 11,200 of the log; connections are raised.
  [100, { connectionsMax: 2_000 }, { checksPerSecond: 9_000, limit: 'processor', connections: 1_700 }],
  // (3,000 - 200) / 0.25.
  [100, { connectionsMax: 2_000, databaseCores: 8 }, { checksPerSecond: 11_200, limit: 'log', connections: 1_700 }],
  [100, {}, { checksPerSecond: 9_000, limit: 'connections', connections: 1_700 }],
  // 2,000 idle replicas alone take 4,000 commits a second, and 4 cores.
  [2_000, { connectionsMax: 40_000 }, { checksPerSecond: 0, limit: 'log', connections: 34_000 }],
])('%i replicas, %j', (replicas, over, expected) => {
  const { checksPerSecond, ...rest } = forecast({ ...INPUTS, ...over }, replicas);
  expect(checksPerSecond).toBeCloseTo(expected.checksPerSecond, 6);
  expect({ checksPerSecond: expected.checksPerSecond, ...rest }).toEqual({ replicas, ...expected });
});
