/** The decoder process of a service: started with the first image, and observed by metrics. */
import type { Config } from '../config/knobs.js';
import { AppError } from '../core/errors.js';
import { createImageEngine, type ImageEngine } from '../engine/image-engine.js';
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
  /** A service that gets only hashes starts no decoder. Errors SHUTTING_DOWN. */
  engine(): ImageEngine;
  /** From then on also in the metrics. */
  status(): DecoderStatus;
  close(): Promise<void>;
}

export function createDecoder(
  config: Config,
  parts: {
    readonly metrics: Metrics;
    readonly log: Logger;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
): Decoder {
  const { metrics, log, env } = parts;
  let engine: ImageEngine | null = null;
  let isClosing = false;
  const start = () =>
    createImageEngine({
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
  return {
    engine() {
      if (isClosing) throw new AppError('SHUTTING_DOWN');
      engine ??= start();
      return engine;
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
      await engine?.close();
    },
  };
}
