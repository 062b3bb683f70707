/** Opens the ledger as configured, and runs its retention. */
import type { Config } from '../config/knobs.js';
import { type Clock, steadyTime, systemClock } from '../core/clock.js';
import { HOUR_MS } from '../core/period.js';
import { isDueAgain, withDuty } from '../duties/with-duty.js';
import { createLedger, type Ledger } from '../ledger/ledger.js';
import type { Seal } from '../ledger/seal.js';
import type { DutyStore } from '../store/duties-contract.js';
import type { LedgerSync } from '../store/ledger-contract.js';
import type { Logger } from '../telemetry/log.js';
import { type Metrics, NO_METRICS } from '../telemetry/metrics.js';
import type { Vault } from '../vault/vault.js';
import { type Env, openLedgerStore, storeFrom } from './open-stores.js';

/** Hourly: retention is configured in days, so one run an hour is fine enough. */
const RETENTION_EVERY_MS = HOUR_MS;

/** A fraction of the time after which a service that cannot record is not ready. */
const PROBE_EVERY_MS = 1_000;

/** Separates hits' digests from lists' values, whose labels are their algorithms. */
const HIT_DIGEST_LABEL = 255;

interface LedgerParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly vault: Vault;
  /** By default every answer waits: what a command has recorded is synced whatever becomes of the machine. */
  readonly sync?: LedgerSync;
}

export async function ledgerFrom(
  config: Config,
  { clock, log, metrics, vault, sync = 'answers' }: LedgerParts,
): Promise<Ledger> {
  const seal: Seal = {
    seal: (bytes) => vault.seal(HIT_DIGEST_LABEL, bytes),
    open: (bytes) => vault.open(HIT_DIGEST_LABEL, bytes),
    mark: (bytes) => vault.mark(HIT_DIGEST_LABEL, bytes),
  };
  return createLedger({
    store: await openLedgerStore(config, {
      sync,
      onSync: (ok) => metrics.add('zeef_ledger_late_syncs_total', { outcome: ok ? 'synced' : 'failed' }),
    }),
    nowMs: () => clock.nowMs(),
    steadyMs: steadyTime(clock),
    seal,
    deadlineHours: config.takedownHours.split(',').map(Number),
    keepHitsDays: config.keepHitsDays,
    keepHoursDays: config.keepHoursDays,
    onGroup({ seconds, ok }) {
      metrics.add('zeef_ledger_groups_total', { outcome: ok ? 'written' : 'failed' });
      metrics.observeSeconds('zeef_ledger_group_seconds', {}, seconds);
    },
    // One line at the first failure and one at recovery, not one for every refused request.
    onWritable(why) {
      if (why === null) log.info('ledger is writable again');
      else log.error({ why }, 'ledger write failed; requests are refused until it is writable');
    },
    onListenerError: (error) => log.error({ err: error }, 'hit listener failed'),
  });
}

/** Try every second whether the ledger is writable, where no request shows it. Result: stops it. */
export function startProbes(ledger: Ledger): () => void {
  const timer = setInterval(() => void ledger.probe(), PROBE_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Run retention, and make hits of earlier versions known by their digests, now and every hour, in one process at a time. Result: stops it. */
export function startUpkeep(ledger: Ledger, duties: DutyStore, log: Logger): () => void {
  let isStopped = false;
  const upkeep = async () => {
    const gone = await ledger.retain();
    while (!isStopped && !(await ledger.markHits()));
    return gone;
  };
  const run = () => {
    withDuty(duties, 'retention', upkeep)
      .then((done) => {
        const { hits, hours } = done?.result ?? { hits: 0, hours: 0 };
        if (hits + hours > 0) log.info({ hits, hours }, 'ledger retention applied');
      })
      .catch((error: unknown) => log.error({ err: error }, 'ledger retention failed'));
  };
  const runIfDue = () => {
    duties
      .state('retention')
      .then(({ endedMs }) => {
        // Another process has done it within this hour.
        if (isDueAgain(endedMs, RETENTION_EVERY_MS / 2)) run();
      })
      .catch((error: unknown) => log.error({ err: error }, 'ledger retention failed'));
  };
  run();
  const timer = setInterval(runIfDue, RETENTION_EVERY_MS);
  timer.unref();
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}

/** Open the ledger alone: no list is read. Errors as `storeFrom`. */
export async function openLedgerAlone(
  config: Config,
  log: Logger,
  env: Env,
): Promise<{ readonly ledger: Ledger; close(): Promise<void> }> {
  const metrics = NO_METRICS;
  const store = await storeFrom(config, { log, metrics, env });
  const ledger = await ledgerFrom(config, { clock: systemClock, log, metrics, vault: store.vault });
  return {
    ledger,
    close: async () => {
      await ledger.close();
      await store.close();
    },
  };
}
