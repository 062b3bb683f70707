/**
 * The composition root: creates the parts, keeps the snapshot current, and offers the operations of HTTP and CLI.
 * The only room that imports all lower ones.
 */
import { type Audit, ZEEF } from '../audit/audit.js';
import type { DeliverOptions } from '../cases/webhooks/deliver.js';
import { EventHold, presentMatches } from '../cases/webhooks/hold-events.js';
import { runWebhooks } from '../cases/webhooks/run-webhooks.js';
import type { CheckAnswer, HashAnswer } from '../check/answers.js';
import { type CheckOptions, checkImage, type ImageCheckOptions } from '../check/check-image.js';
import { type ExplainOptions, type Explanation, explainHash, explainImage } from '../check/explain.js';
import { type FileBatch, openFiles } from '../check/file-batch.js';
import type { FloodGuard } from '../check/flood-guard.js';
import { type HashBatch, openHashBatch } from '../check/hash-batch.js';
import { hashAnswer } from '../check/hash-image.js';
import { createImageHasher, type ImageInput } from '../check/image-hasher.js';
import { seenBy } from '../check/match.js';
import { Outbox } from '../check/outbox.js';
import { createRecorder, type Recorder, type Recording } from '../check/recorder.js';
import type { Config } from '../config/knobs.js';
import { type Clock, systemClock } from '../core/clock.js';
import { AppError } from '../core/errors.js';
import type { Algorithm, ListInfo, OrientationChoice } from '../core/vocabulary.js';
import type { HashReply, HashWants, ImageBytesOrFile, ViewReply } from '../engine/image-engine.js';
import { createIndexPool, type IndexPool } from '../index/index-pool.js';
import type { Ledger } from '../ledger/ledger.js';
import { createImportJobs, type ImportJobs } from '../lists/import/import-jobs.js';
import { createSyncRequests, type SyncRequests } from '../lists/import/sync-requests.js';
import { searchedAlgorithms } from '../lists/in-force.js';
import type { WrittenIndex } from '../lists/index-blobs.js';
import type { LiveLists } from '../lists/live-lists.js';
import type { ScanDecoder } from '../scan/scan-request.js';
import type { Idempotency } from '../store/ledger-contract.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/log.js';
import { type Metrics, NO_METRICS } from '../telemetry/metrics.js';
import { gatesFrom } from '../tenants/gates-from.js';
import type { Probing } from '../tenants/probing/probing.js';
import { startProbing } from '../tenants/probing/start-probing.js';
import type { TenantGates } from '../tenants/tenant-gates.js';
import { createUrlReader, type UrlNet, type UrlReader } from '../urls/url-reader.js';
import { auditStore } from './audited-store.js';
import { createDecoder, type Decoder, type DecoderPlace } from './decoder.js';
import { followLists } from './follow-lists.js';
import { createImportThread } from './import-thread.js';
import { joinWatches } from './join-watches.js';
import { ledgerFrom, startProbes, startUpkeep } from './open-ledger.js';
import { type Env, type OpenedStore, storeFrom, storePlaceOf } from './open-stores.js';
import { writeIndex } from './publish-index.js';
import { startFloodGuard } from './quarantine.js';
import { type Readiness, readinessOf } from './readiness.js';
import { NO_REPLICA, type RunningReplica, startReplica } from './replica.js';

export interface Service {
  readonly config: Config;
  readonly store: OpenedStore;
  readonly metrics: Metrics;
  readonly gates: TenantGates;
  /** Watches tenants' queries for probing; the routes report queries to it (`tenants/watched.ts`). */
  readonly probing: Probing;
  /** Changes go through `audit.as(actor)`, which records them. */
  readonly audit: Audit;
  /** Submitted imports. */
  readonly imports: ImportJobs;
  /** Requested syncs, for the schedule of this process. */
  readonly syncs: SyncRequests;
  readonly ledger: Ledger;
  /** The environment of this process, for the secrets of sources alone. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Open one batch for a request with an Idempotency-Key; its answers are sent after its `commit`. */
  openRecording(tenant: string, idempotency?: (() => Idempotency) | null): Recording;
  /** Reads images that clients send the address of. */
  readonly urls: UrlReader;
  /** Errors as `checkImage`. */
  checkImage(input: ImageInput, options: ImageCheckOptions): Promise<CheckAnswer>;
  /** Errors LIST_NOT_FOUND, SHUTTING_DOWN. */
  openBatch(options: CheckOptions, as: { readonly isStream: boolean }): HashBatch;
  /** As of `check/explain.ts`, which has the errors. */
  explainImage(
    tenant: string,
    input: ImageInput,
    options: ExplainOptions,
    onShown: Parameters<typeof explainImage>[3],
  ): Promise<Explanation>;
  explainHash(
    tenant: string,
    value: Parameters<typeof explainHash>[1],
    orientations: OrientationChoice,
    onShown: Parameters<typeof explainHash>[3],
  ): Promise<Explanation>;
  /** Hash without a look-up or a record. Errors: QUEUE_FULL, SHUTTING_DOWN. */
  hashImage(input: ImageInput, wants: HashWants): Promise<HashAnswer>;
  /** The same, with the windows of the first view. */
  hashParts(input: ImageInput, wants: HashWants): Promise<HashAnswer & { readonly parts: ViewReply['windows'] }>;
  /** Return the decoder process's reply. It waits where the queue has no room: the caller bounds how many it has at once. Errors SHUTTING_DOWN. */
  hashReply(input: ImageBytesOrFile, wants: HashWants): Promise<HashReply>;
  /** Errors LIST_NOT_FOUND, STORE_FAILED. */
  openFiles(options: Pick<CheckOptions, 'lists' | 'tenant'>): Promise<FileBatch>;
  /** Wait until the decoder would accept an image: for batches, which wait instead of failing. */
  whenRoom(): Promise<void>;
  /** Return the current metrics. */
  renderMetrics(): ReturnType<Metrics['render']>;
  lists(): Promise<readonly ListInfo[]>;
  /** The lists of the snapshot that answers, disabled ones too: for what is searched, where `lists` would ask the store. */
  searchedLists(): readonly ListInfo[];
  /** Return the algorithms that a check of these lists searches now. */
  searchedAlgorithms(lists: ReadonlySet<string>): ReadonlySet<Algorithm>;
  readiness(): Readiness;
  /** Load the store's current generation, if the snapshot is older. */
  reload(): Promise<void>;
  /** Errors as `writeIndex`. */
  exportIndex(): Promise<WrittenIndex>;
  /** Drain in-flight requests, then close. */
  close(): Promise<void>;
}

interface ServiceOptions {
  readonly log: Logger;
  readonly clock?: Clock;
  /** By default none are kept. */
  readonly metrics?: Metrics;
  readonly watchLists?: boolean;
  /** The environment of this process: the decoder process gets the allocator's settings from it, sources their secrets. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By default for a service that gets bytes, in a test. */
  readonly decoder?: Partial<DecoderPlace>;
  /** The network in place of the real one, in a test. */
  readonly urlNet?: Partial<UrlNet>;
  /** Changes the store before its lists are read. */
  readonly prepare?: (opened: Pick<Service, 'config' | 'store' | 'audit'>) => Promise<void>;
}

const DECODER_PLACE: DecoderPlace = { isServing: false, startsAtOnce: false, readsFiles: false, configFile: null };

/** Errors: those of `storeFrom`, the ledger and the lists; CONFIG_INVALID: the sandbox. Then nothing stays open. */
export async function createService(config: Config, options: ServiceOptions): Promise<Service> {
  const { log, clock = systemClock, env = {}, metrics = NO_METRICS } = options;
  const opened: { close(): Promise<void> }[] = [];
  try {
    const store = await storeFrom(config, { log, metrics, env });
    opened.unshift(store);
    // Only now the folder and the key, which are hidden from the decoder, are there.
    const decoder = decoderFrom(config, { metrics, log, env, place: options.decoder });
    opened.unshift(decoder);
    // A service alone answers before a sync: a scan notes in its inventory which files are on record.
    const sync = options.watchLists ? config.ledgerSync : 'answers';
    const ledger = await ledgerFrom(config, { clock, log, metrics, vault: store.vault, sync });
    opened.unshift(ledger);
    // At once where answers are recorded, so that an unreadable ledger fails the start.
    if (config.ledger === 'on') await ledger.open();
    return await serviceOn(config, { store, ledger, metrics, decoder }, { ...options, clock, env });
  } catch (error) {
    // An open connection or thread would keep the process.
    for (const part of opened) await part.close();
    throw error;
  }
}

async function serviceOn(
  config: Config,
  opened: {
    readonly store: OpenedStore;
    readonly ledger: Ledger;
    readonly metrics: Metrics;
    readonly decoder: StartedDecoder;
  },
  options: ServiceOptions & Required<Pick<ServiceOptions, 'clock' | 'env'>>,
): Promise<Service> {
  const { store, ledger, metrics, decoder } = opened;
  const { log, clock, watchLists = false, env, prepare, urlNet: net } = options;
  const audit = auditStore(store, clock);
  await prepare?.({ config, store, audit });
  const pool = createIndexPool({ onTable: (progress) => log.info(progress, 'building the index') });
  const followed = await followLists(config, { store, audit, pool, clock, log, metrics });
  await orClose(decoder.tried, [followed, pool]);
  const { live, reload } = followed;
  const parts = { store, audit, clock, log, metrics, outbox: new Outbox() };
  const guard = startFloodGuard(config.floodFiles, { ...parts, reload });
  const recorder = createRecorder(config.ledger === 'on' ? ledger : null, metrics, guard);
  const gates = gatesFrom(config, { store, clock, log });
  const { probing, closeWatches } = await startWatches({ ...parts, guard, gates, snapshot: () => live.snapshot });
  const imports = importJobsFrom(config, { store, audit, log, env, reload });
  if (watchLists) {
    await followed.watch();
    await imports.resume();
  }
  const stopLedgerWork = watchLists ? startLedgerWork(config, ledger, store, log) : () => {};
  const replica = watchLists ? await startReplica(store.replicas, { live, clock, log, metrics }) : NO_REPLICA;
  const state = { isClosing: false };

  return {
    config,
    store,
    metrics,
    gates,
    probing,
    audit,
    imports,
    syncs: createSyncRequests(),
    ledger,
    env,
    urls: createUrlReader({ hosts: config.urlHosts, imageBytesMax: config.imageBytesMax, net }),
    reload,
    openRecording: (tenant, idempotency) => recorder.open(tenant, idempotency),
    ...queries(config, { store, live, pool, recorder, decoder, metrics, reload, state }),
    lists: () => store.lists.lists(),
    searchedLists: () => [...live.snapshot.listByKey.values(), ...live.snapshot.disabledByKey.values()],
    searchedAlgorithms: (lists) => searchedAlgorithms(live.snapshot, lists),
    ...reports(config, { store, live, ledger, decoder, replica, metrics, state }),
    async close() {
      state.isClosing = true;
      await imports.close();
      stopLedgerWork();
      await decoder.close();
      await followed.close();
      await pool.close();
      await gates.close();
      await closeWatches();
      await replica.close();
      await ledger.close();
      await store.close();
    },
  };
}

/** Wait for a promise; where it rejects, close the parts first. */
async function orClose(promise: Promise<unknown>, parts: readonly { close(): Promise<void> }[]): Promise<void> {
  try {
    await promise;
  } catch (error) {
    for (const part of parts) await part.close();
    throw error;
  }
}

/** Watch for probing, and join what this process counts with what the others do. */
async function startWatches(
  parts: Omit<Parameters<typeof startProbing>[0], 'store' | 'seed'> & {
    readonly store: Store;
    readonly audit: Audit;
    readonly guard: FloodGuard;
  },
): Promise<{ readonly probing: Probing; readonly closeWatches: () => Promise<void> }> {
  const { store, audit, guard, outbox, log } = parts;
  const seed = await store.tenants.usageSeed();
  const { probing, settled } = startProbing({ ...parts, store: audit.as(ZEEF), seed });
  const joined = joinWatches({
    store: store.notes,
    vault: store.vault,
    learnKeys: () => store.learnKeys(),
    outbox,
    apply: (counted) => {
      guard.apply(counted);
      probing.apply(counted);
    },
    onError: (error) => log.error({ err: error }, 'exchange of counts between processes failed, will retry'),
  });
  return {
    probing,
    async closeWatches() {
      await joined.close();
      await settled();
    },
  };
}

/** Start what a serving process does for the ledger beside its answers. Result: stops it. */
function startLedgerWork(config: Config, ledger: Ledger, { duties }: Store, log: Logger): () => void {
  const stops = [startUpkeep(ledger, duties, log), ...(config.ledger === 'on' ? [startProbes(ledger)] : [])];
  return () => {
    for (const stop of stops) stop();
  };
}

/** What the service reports of itself. */
function reports(
  config: Config,
  parts: {
    readonly store: OpenedStore;
    readonly live: LiveLists;
    readonly ledger: Ledger;
    readonly decoder: Decoder;
    readonly replica: RunningReplica;
    readonly metrics: Metrics;
    readonly state: { readonly isClosing: boolean };
  },
): Pick<Service, 'renderMetrics' | 'readiness' | 'exportIndex'> {
  const { store, live, ledger, decoder, replica, metrics, state } = parts;
  return {
    renderMetrics: () => {
      decoder.status();
      return metrics.render();
    },
    readiness: () =>
      readinessOf(config, {
        isClosing: state.isClosing,
        snapshot: live.snapshot,
        ledger,
        decoder: { ...decoder.status(), sandbox: decoder.layers },
        replica: replica.status(),
      }),
    async exportIndex() {
      const { bytes, entryCount, generation } = await writeIndex({ store, live });
      return { bytes, entryCount, generation };
    },
  };
}

/** The operations that need the lists and the decoder. */
function queries(
  config: Config,
  parts: {
    readonly store: Store;
    readonly live: LiveLists;
    readonly pool: IndexPool;
    readonly recorder: Recorder;
    readonly decoder: Decoder;
    readonly metrics: Metrics;
    readonly reload: () => Promise<void>;
    readonly state: { readonly isClosing: boolean };
  },
): Pick<
  Service,
  | 'checkImage'
  | 'openBatch'
  | 'explainImage'
  | 'explainHash'
  | 'hashImage'
  | 'hashParts'
  | 'hashReply'
  | 'openFiles'
  | 'whenRoom'
> {
  const { store, live, pool, recorder, decoder, metrics, reload, state } = parts;
  const hasher = createImageHasher(config, metrics);
  const matching = () => ({ store: store.lists, snapshot: live.snapshot, pool });
  const seen = (tenant: string) => ({ ...matching(), snapshot: seenBy(live.snapshot, tenant) });
  return {
    async checkImage(input, options) {
      const engine = await decoder.engine();
      const answer = await checkImage({ ...matching(), engine, hasher, recorder }, input, options);
      decoder.status();
      return answer;
    },
    openBatch(options, as) {
      if (state.isClosing) throw new AppError('SHUTTING_DOWN');
      return openHashBatch({ ...matching(), recorder }, options, as);
    },
    async explainImage(tenant, input, options, onShown) {
      const engine = await decoder.engine();
      const answer = await explainImage({ ...seen(tenant), engine, hasher }, input, options, onShown);
      decoder.status();
      return answer;
    },
    async explainHash(tenant, value, orientations, onShown) {
      if (state.isClosing) throw new AppError('SHUTTING_DOWN');
      return explainHash(seen(tenant), value, orientations, onShown);
    },
    async hashImage(input, wants) {
      return hashAnswer((await hasher.hash(await decoder.engine(), input, wants)).reply);
    },
    async hashParts(input, wants) {
      const { reply } = await hasher.hash(await decoder.engine(), input, wants);
      return { ...hashAnswer(reply), parts: reply.ok ? reply.views[0]!.windows : [] };
    },
    async hashReply(input, wants) {
      const engine = await decoder.engine();
      return engine.hashWaiting(input, wants);
    },
    openFiles: (options) => openFiles({ store: store.lists, live, pool, recorder, reload }, options),
    whenRoom: async () => (await decoder.engine()).whenRoom(),
  };
}

type StartedDecoder = Decoder & {
  /** Rejects with CONFIG_INVALID: the sandbox of a serving process is tried at once, so that one that is required fails the start. */
  readonly tried: Promise<unknown>;
};

function decoderFrom(
  config: Config,
  parts: {
    readonly metrics: Metrics;
    readonly log: Logger;
    readonly env: Env;
    readonly place: Partial<DecoderPlace> | undefined;
  },
): StartedDecoder {
  const place = { ...DECODER_PLACE, ...parts.place };
  const decoder = createDecoder(config, { ...parts, decoder: place });
  const { isServing, startsAtOnce } = place;
  const tried = startsAtOnce ? decoder.engine() : isServing ? decoder.sandbox() : Promise.resolve();
  // Its error is heard once the lists are loaded.
  tried.catch(() => {});
  return Object.assign(decoder, { tried });
}

function importJobsFrom(
  config: Config,
  parts: {
    readonly store: OpenedStore;
    readonly audit: Audit;
    readonly log: Logger;
    readonly env: Env;
    readonly reload: () => Promise<void>;
  },
): ImportJobs {
  const { store, audit, log, env, reload } = parts;
  const thread = createImportThread(storePlaceOf(config, env));
  const { blobs } = store;
  return createImportJobs(store, { blobs, dataDir: config.dataDir, thread, log, audit, onEnd: reload });
}

/** The decoder interface of scans. */
export function scanDecoder({ hashReply, config }: Service): ScanDecoder {
  const { workers, queueImagesPerWorker, imageBytesMax } = config;
  return { hashReply, workers, queueImagesPerWorker, imageBytesMax };
}

/** Start the webhooks of a serving process. Result: stops them, after the events in flight. */
export function startWebhooks(
  { config, store, metrics, ledger }: Service,
  log: Logger,
  env: DeliverOptions['env'],
): () => Promise<void> {
  const hold = new EventHold({
    marks: config.floodHold === 'on' ? () => store.lists.quarantined() : async () => [],
    matchesOf: presentMatches({ ledger, lists: store.lists }),
  });
  const runner = runWebhooks({
    store: store.webhooks,
    hits: ledger,
    hold,
    env,
    clock: systemClock,
    log,
    metrics,
  });
  return () => runner.close();
}
