/** Reads one page of a source in a thread of its own: a document of another service must not delay requests. */
import { AppError, type ErrorDetails } from '../../core/errors.js';
import type { SourceType } from '../../core/vocabulary.js';
import { type PageFacts, pageFacts } from '../../hashlists/sources.js';

export interface PageTask {
  readonly type: SourceType;
  readonly body: Uint8Array;
  readonly url: string;
}

export type PageOutcome =
  | { readonly ok: true; readonly facts: PageFacts }
  /** Of SOURCE_FAILED: not a page of this source, truncated, or beyond a bound. */
  | { readonly ok: false; readonly details: ErrorDetails };

export default function readPage({ type, body, url }: PageTask): PageOutcome {
  try {
    return { ok: true, facts: pageFacts(type, body, url) };
  } catch (error) {
    if (error instanceof AppError) return { ok: false, details: { ...error.details } };
    throw error;
  }
}
