/** The ledger as the knobs want it, and the erasing of what is too old. */
import type { Config } from '../config/knobs.js';
import { type Clock, systemClock } from '../core/clock.js';
import { HOUR_MS } from '../core/period.js';
import { createLedger, type Ledger } from '../ledger/ledger.js';
import type { Seal } from '../ledger/seal.js';
import { openSqliteLedger } from '../sqlite/ledger/ledger.js';
import type { Logger } from '../telemetry/log.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import type { Vault } from '../vault/vault.js';
import { storeFrom } from './open-store.js';

/** What is a day too old today was an hour too old an hour ago. */
const RETENTION_EVERY_MS = HOUR_MS;

/** Tells digests of hits from the values of lists, whose labels are their algorithms. */
const HIT_DIGEST_LABEL = 255;

export function ledgerFrom(
  config: Config,
  { clock, log, metrics, vault }: { clock: Clock; log: Logger; metrics: Metrics; vault: Vault },
): Ledger {
  let wasOk = true;
  const seal: Seal = {
    seal: (bytes) => vault.seal(HIT_DIGEST_LABEL, bytes),
    open: (bytes) => vault.open(HIT_DIGEST_LABEL, bytes),
  };
  return createLedger({
    store: openSqliteLedger(config.dataDir),
    nowMs: () => clock.nowMs(),
    seal,
    deadlineHours: config.takedownHours.split(',').map(Number),
    keepHitsDays: config.keepHitsDays,
    keepHoursDays: config.keepHoursDays,
    onGroup({ seconds, ok, why }) {
      metrics.add('zeef_ledger_groups_total', { outcome: ok ? 'written' : 'failed' });
      metrics.observeSeconds('zeef_ledger_group_seconds', {}, seconds);
      // One line when it begins and one when it is over, not one for every answer that is refused.
      if (!ok && wasOk) log.error({ why }, 'the ledger cannot be written: answers are refused until it can');
      if (ok && !wasOk) log.info('the ledger is written again');
      wasOk = ok;
    },
    onListenerError: (error) => log.error({ err: error }, 'a hit could not be told'),
  });
}

/** Now, and every hour. Result: stops it. */
export function startRetention(ledger: Ledger, log: Logger): () => void {
  const run = () => {
    ledger
      .retain()
      .then(({ hits, hours }) => {
        if (hits + hours > 0) log.info({ hits, hours }, 'the ledger erased what is too old');
      })
      .catch((error: unknown) => log.error({ err: error }, 'the ledger could not erase what is too old'));
  };
  run();
  const timer = setInterval(run, RETENTION_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The ledger without the rest: nothing is read from the lists. Errors as `storeFrom`. */
export async function openLedgerAlone(
  config: Config,
  log: Logger,
): Promise<{ readonly ledger: Ledger; close(): Promise<void> }> {
  const metrics = createMetrics();
  const store = await storeFrom(config, { log, metrics });
  const ledger = ledgerFrom(config, { clock: systemClock, log, metrics, vault: store.vault });
  return {
    ledger,
    close: async () => {
      await ledger.close();
      await store.close();
    },
  };
}
