/**
 * A model of more replicas than a machine has: where their rate stops growing, and why. It is arithmetic on measured figures, and no measurement.
 *
 * rate(N) = min of
 *   replicas    N x the rate of one replica that is not held up by the database
 *   log         (commits/s that the database reached - N x idle commits/s of one replica) / commits a check
 *   processor   (cores of the database - N x those that it uses for one idle replica) / its processor time a check
 * and N x connections must fit: beyond that no replica starts, whatever the rate.
 * Left out: the network, NOTIFY (sent for changes of lists and keys, never for an answer) and a larger group of answers in
 * each commit under load, which raises the second bound. So the bounds are low, and the first to be met is the one to measure next.
 */

export interface FleetInputs {
  /** Checks a second of one replica alone, on the cores that it will have. */
  readonly checksPerSecond: number;
  readonly commitsPerCheck: number;
  /** Commits a second that the database reached at most. A commit is one of a transaction that wrote. */
  readonly commitsPerSecondMax: number;
  /** Of one replica without requests: duties, looking for changes, its row. */
  readonly idleCommitsPerSecond: number;
  /** Cores that the database uses for it. */
  readonly idleDatabaseCores: number;
  /** Processor seconds of the database. */
  readonly databaseSecondsPerCheck: number;
  readonly databaseCores: number;
  readonly connectionsPerReplica: number;
  readonly connectionsMax: number;
}

export interface FleetForecast {
  readonly replicas: number;
  readonly checksPerSecond: number;
  /** The bound that is met first; `connections`: they do not fit, and a pooler or a larger `max_connections` is needed. */
  readonly limit: 'replicas' | 'log' | 'processor' | 'connections';
  readonly connections: number;
}

export function forecast(inputs: FleetInputs, replicas: number): FleetForecast {
  const idleCommits = replicas * inputs.idleCommitsPerSecond;
  const idleCores = replicas * inputs.idleDatabaseCores;
  const bounds = [
    ['replicas', replicas * inputs.checksPerSecond],
    ['log', Math.max(0, inputs.commitsPerSecondMax - idleCommits) / inputs.commitsPerCheck],
    ['processor', Math.max(0, inputs.databaseCores - idleCores) / inputs.databaseSecondsPerCheck],
  ] as const;
  const [limit, checksPerSecond] = bounds.reduce((least, bound) => (bound[1] < least[1] ? bound : least));
  const connections = replicas * inputs.connectionsPerReplica;
  return { replicas, checksPerSecond, connections, limit: connections > inputs.connectionsMax ? 'connections' : limit };
}
