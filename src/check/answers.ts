/** Shapes of answers, the same on the command line and over HTTP. */
import type { ErrorCode } from '../core/errors.js';
import type { Background, Digests, ImageFormat, NotCheckedReason, Part, Verdict } from '../core/vocabulary.js';
import type { AnswerMatch } from './policy.js';

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
  readonly part: Part;
  readonly pdq: PdqFacts | null;
  readonly pdqFull: PdqFacts | null;
}

/** Hashes of one image, without a list query. `reason` where it could not be hashed, or too little of it was. */
export interface HashAnswer {
  readonly digests: Digests;
  readonly image: ImageFacts | null;
  /** The family `resized`; the one that most lists carry. */
  readonly pdq: PdqFacts | null;
  /** The family `full`, for images over 512 pixels on a side. `symmetric` is of no list, and not in answers. */
  readonly pdqFull: PdqFacts | null;
  readonly blockhash: string | null;
  /** The PDQ hash in each orientation, where all were requested. */
  readonly orientations: Readonly<Record<string, string>> | null;
  /** All hashed views of the file, `pdq` and `pdqFull` first: further frames, backgrounds of transparent images, and parts. */
  readonly views: readonly ViewFacts[];
  /** Near matches are left out, except on lists that ask for them: PDQ quality under 50, no detail, or one-dimensional. */
  readonly lowQuality: boolean;
  /** Flat, or varying in one direction only: the hash carries no information and never matches as near. */
  readonly degenerate: boolean;
  /** One of its PDQ hashes is nearly one pattern along the rows times one along the columns; `lowQuality`, then, too. */
  readonly oneDimensional: boolean;
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
  /** As of `HashAnswer`. */
  readonly pdqFull: PdqFacts | null;
  readonly lowQuality: boolean;
  readonly oneDimensional: boolean;
  readonly degraded: boolean;
  /** False where an approximate index answered. */
  readonly exact: boolean;
  readonly matches: readonly AnswerMatch[];
  /** Entries that a window is possibly of, where answers say so: no matches, for a person to look at. */
  readonly possible?: readonly AnswerMatch[];
  readonly matchCount: number;
  /** True where `matches` holds fewer than `matchCount`. */
  readonly truncated: boolean;
}
