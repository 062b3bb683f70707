/** Reads one page of a source in a thread of its own: a document of another service must not delay requests. */
import { AppError, type ErrorDetails } from '../../core/errors.js';
import type { SourceType } from '../../core/vocabulary.js';
import { ofMembers } from '../../hashlists/ncmec-members.js';
import { type PageFacts, pageFacts } from '../../hashlists/sources.js';

export interface PageTask {
  readonly type: SourceType;
  readonly body: Uint8Array;
  readonly url: string;
  /** NCMEC: only entries of these members are kept; empty: all. */
  readonly members: readonly string[];
}

export type PageOutcome =
  /** `kept`: the page without the entries of other members; null: the page as it is. */
  | { readonly ok: true; readonly facts: PageFacts; readonly kept: Uint8Array | null }
  /** Of SOURCE_FAILED: not a page of this source, truncated, or beyond a bound. */
  | { readonly ok: false; readonly details: ErrorDetails };

export default function readPage({ type, body, url, members }: PageTask): PageOutcome {
  try {
    const facts = pageFacts(type, body, url);
    return { ok: true, facts, kept: type === 'ncmec' && members.length > 0 ? ofMembers(body, members) : null };
  } catch (error) {
    if (error instanceof AppError) return { ok: false, details: { ...error.details } };
    throw error;
  }
}
