/**
 * The composition root: makes the parts, keeps the lists in force up to date, and offers what the doors call.
 * The only room that knows all the others.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Audit, ZEEF } from '../audit/audit.js';
import type { DeliverOptions } from '../cases/webhooks/deliver.js';
import { runWebhooks } from '../cases/webhooks/run-webhooks.js';
import type { CheckAnswer, HashAnswer } from '../check/answers.js';
import { type CheckOptions, checkImage, type ImageCheckOptions } from '../check/check-image.js';
import { type FileBatch, openFiles } from '../check/file-batch.js';
import { type FloodedEntry, FloodGuard } from '../check/flood-guard.js';
import { type HashBatch, openHashBatch } from '../check/hash-batch.js';
import { hashAnswer } from '../check/hash-image.js';
import { createImageHasher, type ImageInput } from '../check/image-hasher.js';
import { createRecorder, type Recording } from '../check/recorder.js';
import type { Config } from '../config/knobs.js';
import { type Clock, systemClock } from '../core/clock.js';
import { AppError } from '../core/errors.js';
import { DECODER_RESTARTS_A_MINUTE_MAX } from '../core/limits.js';
import type { PathBytes } from '../core/path-bytes.js';
import type { ListInfo } from '../core/vocabulary.js';
import { createImageEngine, type HashReply, type HashWants, type ImageEngine } from '../engine/image-engine.js';
import { createIndexPool } from '../index/index-pool.js';
import type { Ledger } from '../ledger/ledger.js';
import { createImportJobs, type ImportJobs } from '../lists/import/import-jobs.js';
import { SYNC_FOLDER } from '../lists/import/sync-list.js';
import { endExpiredLists } from '../lists/list-versions.js';
import { openLiveLists } from '../lists/live-lists.js';
import type { ScanDecoder } from '../scan/scan-request.js';
import type { Idempotency } from '../store/ledger-contract.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/log.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { gatesFrom } from '../tenants/gates-from.js';
import type { Probing } from '../tenants/probing/probing.js';
import { startProbing } from '../tenants/probing/start-probing.js';
import type { TenantGates } from '../tenants/tenant-gates.js';
import { auditStore } from './audited-store.js';
import { createImportThread } from './import-thread.js';
import { ledgerFrom, startRetention } from './open-ledger.js';
import { storeFrom } from './open-store.js';

export interface DecoderStatus {
  readonly restarts: number;
  readonly restartsLastMinute: number;
  /** Somebody sends files that end decoders: they are answered, but they cost what they cost. */
  readonly underAttack: boolean;
  readonly queued: number;
  readonly capacity: number;
}

export interface Readiness {
  readonly ready: boolean;
  readonly generation: number;
  readonly entries: number;
  readonly decoder: DecoderStatus;
  /** False where the last answers could not be put on record: such are refused until they can be. */
  readonly ledgerWritable: boolean;
}

export interface Service {
  readonly config: Config;
  readonly store: Store;
  readonly metrics: Metrics;
  readonly gates: TenantGates;
  /** Watches what tenants ask; a door that knows a tenant's gate tells it (`tenants/watched.ts`). */
  readonly probing: Probing;
  /** What somebody changes goes through `audit.as(who)`, and is written down there. */
  readonly audit: Audit;
  /** Lists that were handed over to be imported. */
  readonly imports: ImportJobs;
  readonly ledger: Ledger;
  /** One for all answers of a request that has an Idempotency-Key; they are told after its `commit`. */
  openRecording(tenant: string, idempotency?: (() => Idempotency) | null): Recording;
  /** Errors as `checkImage`. */
  checkImage(input: ImageInput, options: ImageCheckOptions): Promise<CheckAnswer>;
  /** Errors LIST_NOT_FOUND, SHUTTING_DOWN. */
  openBatch(options: CheckOptions): HashBatch;
  /** Hashes only: nothing is looked up or recorded. Errors: QUEUE_FULL, SHUTTING_DOWN. */
  hashImage(input: ImageInput, wants: HashWants): Promise<HashAnswer>;
  /** The decoder process's own reply, of bytes or of a file that it reads itself. Errors: QUEUE_FULL, SHUTTING_DOWN. */
  hashReply(input: { readonly bytes: Uint8Array } | { readonly file: PathBytes }, wants: HashWants): Promise<HashReply>;
  /** Errors LIST_NOT_FOUND, STORE_FAILED. */
  openFiles(lists: ReadonlySet<string> | null): Promise<FileBatch>;
  /** Waits until a picture would be taken: for batches, which would rather wait than be refused. */
  whenRoom(): Promise<void>;
  /** Metrics as they are now. */
  renderMetrics(): ReturnType<Metrics['render']>;
  lists(): Promise<readonly ListInfo[]>;
  readiness(): Readiness;
  /** Takes up the store's present generation, if it is not the one in force. */
  reload(): Promise<void>;
  /** Errors as `LiveLists.exportTo`. */
  exportIndex(
    path?: string,
  ): Promise<{ readonly bytes: number; readonly entryCount: number; readonly generation: number }>;
  /** As `Store.rotateKeys`; what lies beside the store under the old key, and can be had again, goes. */
  rotateKeys(newMaster: Uint8Array | null): Promise<{ readonly keyId: number }>;
  /** Answers in hand are given first. */
  close(): Promise<void>;
}

/** Beside the store: `lists export` writes it, and a service that starts reads it. */
export const INDEX_FILE = 'zeef.index';
/** A list that another process imports is in force within this time and the time that building takes. */
const GENERATION_POLL_MS = 1_000;

export interface ServiceOptions {
  readonly log: Logger;
  readonly clock?: Clock;
  readonly watchLists?: boolean;
  /** The environment of this process: the decoder process gets the settings of the allocator from it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export async function createService(
  config: Config,
  { log, clock = systemClock, watchLists = false, env = {} }: ServiceOptions,
): Promise<Service> {
  const metrics = createMetrics(clock);
  const store = await storeFrom(config, { log, metrics });
  const audit = auditStore(store, clock);
  const ledger = ledgerFrom(config, { clock, log, metrics, vault: store.vault });
  try {
    if (config.ledger === 'on') await ledger.open();
  } catch (error) {
    await ledger.close();
    await store.close();
    throw error;
  }
  /** Told to whoever watches, and kept until a person has looked: the entry goes on being found, and does not count. */
  const quarantine = async ({ list, entryId }: FloodedEntry, files: number): Promise<void> => {
    metrics.add('zeef_quarantined_total', {});
    log.warn({ list, entryId, files }, 'an entry suddenly matched many different files: it is in quarantine');
    await audit.as(ZEEF).lists.changeEntries(list, { entryId }, 'quarantine');
    await reload();
  };
  const guard = new FloodGuard(config.floodFiles, clock, (entry, files) => {
    quarantine(entry, files).catch((error: unknown) => log.error({ err: error }, 'an entry could not be quarantined'));
  });
  const recorder = createRecorder(config.ledger === 'on' ? ledger : null, metrics, guard);
  const hasher = createImageHasher(config, metrics);
  const pool = createIndexPool({ onTable: (progress) => log.info(progress, 'building the index') });
  const endExpired = async (): Promise<void> => {
    for (const list of await endExpiredLists(audit.as(ZEEF).lists, clock.nowMs()))
      log.warn({ list }, 'a list has expired: it is disabled');
  };
  await endExpired();
  const live = await openLiveLists(store.lists, {
    kind: config.index,
    photodnaIndex: config.photodnaIndex,
    photodnaRadius: config.photodnaRadius === 'none' ? null : config.photodnaRadius,
    pool,
    vault: store.vault,
    indexFile: join(config.dataDir, INDEX_FILE),
    onFileRefused: (error) => log.warn({ err: error }, 'the index file is not used; entries are read from the store'),
    onRead: (entries) => log.info({ entries }, 'reading entries'),
    onMergeError: (error) => log.error({ err: error }, 'segments could not be merged; they go on answering'),
  });
  const gates = gatesFrom(config, { store, clock, log });
  const { probing, settled } = startProbing({
    clock,
    log,
    metrics,
    gates,
    store: audit.as(ZEEF),
    inForce: () => live.inForce,
  });
  let closing = false;
  let engine: ImageEngine | null = null;

  /** The decoder process starts with the first picture: a service that is asked only hashes has none. */
  const engineOnDemand = (): ImageEngine => {
    if (closing) throw new AppError('SHUTTING_DOWN');
    engine ??= createImageEngine({
      workers: config.workers,
      imageBytesMax: config.imageBytesMax,
      imagePixelsMax: config.imagePixelsMax,
      decodeMsMax: config.decodeMsMax,
      memoryBytesMax: config.imageMemoryBytesMax * config.workers,
      cacheBytesMax: config.cacheBytesMax,
      queuePerWorker: config.queueImagesPerWorker,
      env,
      onRestart: (cause) => {
        metrics.add('zeef_decoder_restarts_total', { cause });
        log.warn({ cause }, 'decoder process replaced');
      },
    });
    return engine;
  };

  const tellIndex = () => {
    const { generation, radius, digest, entryCounts } = live.inForce;
    metrics.set('zeef_generation', {}, generation);
    const segments = [...Object.values(radius), ...Object.values(digest)].flat();
    metrics.set(
      'zeef_index_bytes',
      {},
      segments.reduce((sum, { index }) => sum + index.memoryBytes, 0),
    );
    for (const [algorithm, count] of Object.entries(entryCounts)) {
      metrics.set('zeef_index_entries', { algorithm }, count);
    }
  };
  tellIndex();

  const reload = async (): Promise<void> => {
    await endExpired();
    const changed = await live.refresh();
    tellIndex();
    const { generation, lists } = live.inForce;
    if (changed) log.info({ generation, lists: lists.length }, 'lists in force');
  };

  let reloading: Promise<void> | null = null;
  const poll = watchLists
    ? setInterval(() => {
        // The lists in force stay in force: a store that cannot be read must not stop the answers.
        reloading ??= reload()
          .catch((error: unknown) => log.error({ err: error }, 'lists could not be reloaded'))
          .finally(() => {
            reloading = null;
          });
      }, GENERATION_POLL_MS)
    : null;
  poll?.unref();
  const stopRetention = watchLists ? startRetention(ledger, log) : () => {};

  const { listKey, listKeyFile } = config;
  const imports = createImportJobs(store, {
    dataDir: config.dataDir,
    thread: createImportThread({ dataDir: config.dataDir, keyPlace: { listKey, listKeyFile } }),
    log,
    audit,
    onEnd: reload,
  });
  if (watchLists) await imports.resume();

  return {
    config,
    store,
    metrics,
    gates,
    probing,
    audit,
    imports,
    ledger,
    openRecording: (tenant, idempotency) => recorder.open(tenant, idempotency),
    async checkImage(input, options) {
      const answer = await checkImage(
        { engine: engineOnDemand(), hasher, store: store.lists, inForce: live.inForce, recorder },
        input,
        options,
      );
      metrics.set('zeef_decoder_queue', {}, decoderStatus().queued);
      return answer;
    },
    openBatch(options) {
      if (closing) throw new AppError('SHUTTING_DOWN');
      return openHashBatch({ store: store.lists, inForce: live.inForce, recorder, pool }, options);
    },
    async hashImage(input, wants) {
      return hashAnswer((await hasher.hash(engineOnDemand(), input, wants)).reply);
    },
    hashReply: (input, wants) =>
      'bytes' in input ? engineOnDemand().hashBytes(input.bytes, wants) : engineOnDemand().hashFile(input.file, wants),
    openFiles: (lists) => openFiles({ store: store.lists, live, pool, recorder, reload }, lists),
    whenRoom: () => engineOnDemand().whenRoom(),
    renderMetrics: () => {
      decoderStatus();
      return metrics.render();
    },
    lists: () => store.lists.lists(),
    readiness: () => ({
      ready: !closing,
      generation: live.inForce.generation,
      entries: Object.values(live.inForce.entryCounts).reduce((sum, count) => sum + count, 0),
      decoder: decoderStatus(),
      ledgerWritable: ledger.isWritable,
    }),
    reload,
    exportIndex: (path = join(config.dataDir, INDEX_FILE)) => live.exportTo(path),
    async rotateKeys(newMaster) {
      const rotated = await store.rotateKeys(newMaster);
      for (const name of [INDEX_FILE, SYNC_FOLDER])
        await rm(join(config.dataDir, name), { recursive: true, force: true });
      return rotated;
    },
    async close() {
      closing = true;
      if (poll) clearInterval(poll);
      await imports.close();
      stopRetention();
      await engine?.close();
      await reloading;
      await pool.close();
      await gates.close();
      await settled();
      await ledger.close();
      await store.close();
    },
  };

  function decoderStatus(): DecoderStatus {
    const status = engine?.status;
    const restartsLastMinute = status?.recentRestarts ?? 0;
    metrics.set('zeef_decoder_restarts_last_minute', {}, restartsLastMinute);
    return {
      restarts: status?.restarts ?? 0,
      restartsLastMinute,
      underAttack: restartsLastMinute > DECODER_RESTARTS_A_MINUTE_MAX,
      queued: status?.queued ?? 0,
      capacity: status?.capacity ?? 0,
    };
  }
}

/** The decoder as scans use it. */
export function scanDecoder({ hashReply, whenRoom, config }: Service): ScanDecoder {
  const { workers, queueImagesPerWorker, imageBytesMax } = config;
  return { hashReply, whenRoom, workers, queueImagesPerWorker, imageBytesMax };
}

/** Webhooks of a service that serves. Result: stops them, once what is in flight is done. */
export function startWebhooks(
  { store, metrics, ledger }: Service,
  log: Logger,
  env: DeliverOptions['env'],
): () => Promise<void> {
  const runner = runWebhooks({ store: store.webhooks, hits: ledger, env, clock: systemClock, log, metrics });
  return () => runner.close();
}
