/** The shapes that Zeef answers with, on the command line and over HTTP alike. */
import type { ErrorCode } from '../core/errors.js';
import type { Background, Digests, ImageFormat, NotCheckedReason, Verdict } from '../core/vocabulary.js';
import type { Match } from './policy.js';

export interface ImageFacts {
  readonly format: ImageFormat;
  readonly width: number | null;
  readonly height: number | null;
}

export interface PdqFacts {
  readonly hash: string;
  readonly quality: number;
}

interface ViewFacts {
  readonly frame: number;
  readonly background: Background;
  readonly pdq: PdqFacts | null;
  readonly pdqFull: PdqFacts | null;
}

/** Hashes of one picture, nothing looked up. `reason` only where it could not be hashed. */
export interface HashAnswer {
  readonly digests: Digests;
  readonly image: ImageFacts | null;
  /** The family `resized`; the one that most lists carry. */
  readonly pdq: PdqFacts | null;
  /** The family `full`, for pictures over 512 pixels on a side. */
  readonly pdqFull: PdqFacts | null;
  readonly blockhash: string | null;
  /** The PDQ hash of each turned picture, where they were asked for. */
  readonly orientations: Readonly<Record<string, string>> | null;
  /** All that was hashed of the file, `pdq` and `pdqFull` first: further frames, and transparent pictures over white. */
  readonly views: readonly ViewFacts[];
  readonly lowQuality: boolean;
  /** One direction only or flat: there is no hash in it, and it is never matched as near. */
  readonly degenerate: boolean;
  /** Decoded, though the file is damaged. */
  readonly degraded: boolean;
  readonly bytes: number;
  readonly reason: NotCheckedReason | null;
  readonly code: ErrorCode | null;
}

export interface CheckAnswer {
  readonly id: string | null;
  readonly verdict: Verdict;
  readonly reason: NotCheckedReason | null;
  readonly generation: number;
  readonly checkId: string;
  readonly digests: Digests;
  readonly image: ImageFacts | null;
  readonly pdq: PdqFacts | null;
  readonly lowQuality: boolean;
  readonly degraded: boolean;
  /** False where an approximate index answered. */
  readonly exact: boolean;
  readonly matches: readonly Match[];
  readonly matchCount: number;
  /** True where `matches` holds fewer than `matchCount`. */
  readonly truncated: boolean;
}
