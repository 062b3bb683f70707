/** Keeps a service's lists equal to the store's: at the start, on request, at news, and by polling every second. */
import { type Audit, ZEEF } from '../audit/audit.js';
import type { Config } from '../config/knobs.js';
import type { Clock } from '../core/clock.js';
import { ALGORITHMS } from '../core/vocabulary.js';
import type { PossibleRule } from '../core/window.js';
import type { IndexPool } from '../index/index-pool.js';
import { matchListsInForce } from '../lists/in-force.js';
import { endExpiredLists } from '../lists/list-versions.js';
import { type LiveLists, openLiveLists } from '../lists/live-lists.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { OpenedStore } from './open-stores.js';
import { PacedReloads } from './paced-reloads.js';
import { publishIndex } from './publish-index.js';

/** A list imported by another process is active within this time and the build time. */
const GENERATION_POLL_MS = 1_000;

interface FollowedLists {
  readonly live: LiveLists;
  /** Load the store's current generation, if the snapshot is older. */
  reload(): Promise<void>;
  /** Start to poll for new generations. */
  watch(): Promise<void>;
  close(): Promise<void>;
}

export async function followLists(
  config: Config,
  parts: {
    readonly store: OpenedStore;
    readonly audit: Audit;
    readonly pool: IndexPool;
    readonly clock: Clock;
    readonly log: Logger;
    readonly metrics: Metrics;
  },
): Promise<FollowedLists> {
  const { store, audit, clock, log, metrics } = parts;
  const endExpired = async (): Promise<void> => {
    for (const list of await endExpiredLists(audit.as(ZEEF), clock.nowMs()))
      log.warn({ list }, 'list expired and disabled');
  };
  await endExpired();
  const live = await loadLive(config, parts);
  updateIndexMetrics(live, metrics);

  const logInForce = inForceLog(log);
  // The values of other kinds cannot be read back.
  const publisher = config.index === 'ring' ? await publishIndex({ store, live }, { clock, log }) : null;
  // Also by a command: its next run begins with the file.
  publisher?.look();
  let timer: NodeJS.Timeout | null = null;
  const reload = async (): Promise<void> => {
    await endExpired();
    const changed = await live.refresh();
    updateIndexMetrics(live, metrics);
    if (timer !== null) logInForce(live);
    const { generation, lists } = live.snapshot;
    if (changed) log.info({ generation, lists: lists.length }, 'lists loaded');
    publisher?.look();
    // A rotation makes a generation: from here on nothing more is sealed by an earlier key, such as the bodies of imports.
    if (changed) await store.learnKeys();
  };
  let ignoreNews = () => {};
  // A store that cannot be read must not stop the service: the current snapshot stays.
  const safely = () => reload().catch((error: unknown) => log.error({ err: error }, 'list reload failed'));
  const reloads = new PacedReloads(safely, clock);
  return {
    live,
    reload,
    async watch() {
      logInForce(live);
      ignoreNews = store.onNews(() => reloads.hear());
      timer = setInterval(() => reloads.poll(), GENERATION_POLL_MS);
      timer.unref();
    },
    async close() {
      ignoreNews();
      if (timer) clearInterval(timer);
      const ended = reloads.close();
      // A command waits for its file, which takes a tenth of the time that it saves the next one.
      await (timer === null ? publisher?.finish() : publisher?.close());
      await ended;
    },
  };
}

function possibleRuleOf({ possible, possibleRadiusBits, possibleWrongBitsMax }: Config): PossibleRule | null {
  if (possible === 'off') return null;
  return { radiusBits: possibleRadiusBits, wrongBitsMax: possibleWrongBitsMax, isAnswered: possible === 'answers' };
}

/** Load the lists. Errors as `openLiveLists`. */
function loadLive(
  config: Config,
  { store, pool, log }: { readonly store: OpenedStore; readonly pool: IndexPool; readonly log: Logger },
): Promise<LiveLists> {
  return openLiveLists(store.lists, {
    kind: config.index,
    photodnaIndex: config.photodnaIndex,
    photodnaRadius: config.photodnaRadius === 'none' ? null : config.photodnaRadius,
    windowRule: { radiusBits: config.windowRadiusBits, wrongBitsMax: config.windowWrongBitsMax },
    possibleRule: possibleRuleOf(config),
    pool,
    vault: store.vault,
    blobs: store.blobs,
    onFileRead: ({ name, bytes }) => log.info({ name, bytes }, 'index file read'),
    onFileRefused: (error) => log.warn({ err: error }, 'index file refused; reading entries from the store'),
    onRead: (entries) => log.info({ entries }, 'reading entries'),
    onMergeError: (error) => log.error({ err: error }, 'segment merge failed; unmerged segments stay in use'),
  });
}

/** Return a function that logs whether a list is in force: at its first call where none is, then where it changes. */
function inForceLog(log: Logger): (live: LiveLists) => void {
  let hadList = true;
  return ({ snapshot }) => {
    const lists = matchListsInForce(snapshot);
    const hasList = lists.length > 0;
    if (!hasList && hadList) log.error('no list is in force: every check is answered not_checked, no_list');
    if (hasList && !hadList) log.info({ lists }, 'a list is in force again');
    hadList = hasList;
  };
}

function updateIndexMetrics(live: LiveLists, metrics: Metrics): void {
  const { generation, radius, digest, entryCounts } = live.snapshot;
  metrics.set('zeef_generation', {}, generation);
  metrics.set('zeef_lists_in_force', {}, matchListsInForce(live.snapshot).length);
  const segments = [...Object.values(radius), ...Object.values(digest)].flat();
  const bytes = segments.reduce((sum, { index }) => sum + index.memoryBytes, 0);
  metrics.set('zeef_index_bytes', {}, bytes);
  for (const algorithm of ALGORITHMS) metrics.set('zeef_index_entries', { algorithm }, entryCounts[algorithm]);
}
