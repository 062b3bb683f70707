/** The decoder process of a service: started with the first image, and observed by metrics. */
import type { Config } from '../config/knobs.js';
import { AppError } from '../core/errors.js';
import { memoryForLargest } from '../decode/memory-costs.js';
import { createImageEngine, type ImageEngine } from '../engine/image-engine.js';
import { roomBytes } from '../engine/memory-room.js';
import { NO_SANDBOX, openSandbox, type Sandbox, type SandboxLayers } from '../engine/sandbox.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

/** Decoder restarts in a minute; more mean that a client is sending files that crash it. */
const DECODER_RESTARTS_A_MINUTE_MAX = 5;

export interface DecoderStatus {
  readonly restarts: number;
  readonly restartsLastMinute: number;
  /** A client sends files that crash decoders: each is answered, and costs a restart. */
  readonly underAttack: boolean;
  readonly queued: number;
  readonly capacity: number;
}

export interface Decoder {
  /** A service that gets only hashes starts no decoder. Errors SHUTTING_DOWN, and as `sandbox`. */
  engine(): Promise<ImageEngine>;
  /**
   * Layers of the sandbox that are in force; the first call tries them.
   *
   * Errors  CONFIG_INVALID: the configuration requires layers that this machine refuses.
   */
  sandbox(): Promise<SandboxLayers>;
  /** As far as they are known. */
  readonly layers: SandboxLayers;
  /** From then on also in the metrics. */
  status(): DecoderStatus;
  close(): Promise<void>;
}

/** The use of the decoder by this process. */
export interface DecoderPlace {
  /** For a service of long life: its sandbox is tried before the first image, so that its start fails without it. */
  readonly isServing: boolean;
  /** For a command that will hash images: the decoder starts while the lists are loaded. */
  readonly startsAtOnce: boolean;
  /** For scans: the decoder process reads the files itself, and so sees all but the hidden ones. */
  readonly readsFiles: boolean;
  /** The configuration file, which may hold the master key. */
  readonly configFile: string | null;
}

/** Layers without which code execution in the decoder reaches the key or the network. */
const ESSENTIAL_LAYERS = ['networkNamespace', 'filesHidden'] as const;
const missingOf = (layers: SandboxLayers) => ESSENTIAL_LAYERS.filter((layer) => !layers[layer]);

/** Try the sandbox. Errors CONFIG_INVALID. */
async function sandboxFrom(
  { decoderSandbox, dataDir, listKeyFile, workers }: Config,
  { env, decoder }: { readonly env: Readonly<Record<string, string | undefined>>; readonly decoder: DecoderPlace },
): Promise<Sandbox> {
  const hidden = [dataDir, listKeyFile, decoder.configFile ?? ''].filter((path) => path !== '');
  const { readsFiles } = decoder;
  const sandbox = decoderSandbox === 'off' ? NO_SANDBOX : await openSandbox({ env, workers, hidden, readsFiles });
  const missing = missingOf(sandbox.layers);
  if (decoderSandbox === 'require' && missing.length > 0) {
    const problems = `ZEEF_DECODER_SANDBOX is require, and this machine refuses: ${missing.join(', ')}`;
    throw new AppError('CONFIG_INVALID', { problems });
  }
  return sandbox;
}

/** Log which layers are in force, once for a serving process; a sandbox that is not complete is a warning. */
export function logSandbox(layers: SandboxLayers, { decoderSandbox }: Config, log: Logger): void {
  const missing = missingOf(layers);
  if (missing.length === 0) log.info({ sandbox: layers }, 'decoder sandbox in force');
  else if (decoderSandbox === 'off') log.info({ sandbox: layers }, 'decoder sandbox off');
  else log.warn({ sandbox: layers, missing }, 'decoder sandbox incomplete: docs/operations.md, "Decoder sandbox"');
}

/** Return what `ZEEF_IMAGE_MEMORY_BYTES_MAX` lacks for the largest images that are promised, in words; null: nothing. */
export function lackOfMemory(config: Config): string | null {
  const { workers, cacheBytesMax, imagePixelsMax, imageBytesMax } = config;
  const room = roomBytes({ memoryBytesMax: config.imageMemoryBytesMax * workers, workers, cacheBytesMax });
  const missing = memoryForLargest(imagePixelsMax, imageBytesMax) - room;
  if (missing <= 0) return null;
  return `ZEEF_IMAGE_MEMORY_BYTES_MAX is ${missing} bytes too small for images of ZEEF_IMAGE_PIXELS_MAX in every format: some are too_many_pixels`;
}

/** Log, once for a serving process, that images within the limits will be refused for their memory. */
export function logMemory(config: Config, log: Logger): void {
  const lack = lackOfMemory(config);
  if (lack !== null) log.warn(lack);
}

export function createDecoder(
  config: Config,
  parts: {
    readonly metrics: Metrics;
    readonly log: Logger;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly decoder: DecoderPlace;
  },
): Decoder {
  const { metrics, log, env } = parts;
  let sandbox: Promise<Sandbox> | null = null;
  let { layers } = NO_SANDBOX;
  const sandboxed = (): Promise<Sandbox> => {
    sandbox ??= sandboxFrom(config, parts).then((tried) => {
      layers = tried.layers;
      return tried;
    });
    return sandbox;
  };
  let starting: Promise<ImageEngine> | null = null;
  let engine: ImageEngine | null = null;
  let isClosing = false;
  const start = async () => {
    const tried = await sandboxed();
    if (isClosing) throw new AppError('SHUTTING_DOWN');
    engine = createImageEngine({
      workers: config.workers,
      imageBytesMax: config.imageBytesMax,
      imagePixelsMax: config.imagePixelsMax,
      degraded: config.degraded,
      decodeMsMax: config.decodeMsMax,
      memoryBytesMax: config.imageMemoryBytesMax * config.workers,
      cacheBytesMax: config.cacheBytesMax,
      queuePerWorker: config.queueImagesPerWorker,
      env,
      sandbox: tried,
      onOutput: (text) => log.warn({ text }, 'a decoder process wrote to stderr'),
      onRestart: (cause) => {
        metrics.add('zeef_decoder_restarts_total', { cause });
        log.warn({ cause }, 'decoder process replaced');
      },
    });
    return engine;
  };
  return {
    async engine() {
      if (isClosing) throw new AppError('SHUTTING_DOWN');
      starting ??= start();
      return starting;
    },
    sandbox: async () => (await sandboxed()).layers,
    get layers() {
      return layers;
    },
    status() {
      const { restarts = 0, recentRestarts = 0, queued = 0, capacity = 0 } = engine?.status ?? {};
      metrics.set('zeef_decoder_restarts_last_minute', {}, recentRestarts);
      metrics.set('zeef_decoder_queue', {}, queued);
      const underAttack = recentRestarts > DECODER_RESTARTS_A_MINUTE_MAX;
      return { restarts, restartsLastMinute: recentRestarts, underAttack, queued, capacity };
    },
    async close() {
      isClosing = true;
      // A trial that runs has processes of its own; a start that fails is an error of its callers.
      await (starting ?? sandbox)?.catch(() => {});
      await engine?.close();
    },
  };
}
