/** Finds the cases for what was typed into the search and chosen in the filters. */
import { change, get, type Query, type Refusal } from './api.js';
import type { Hit, Hits } from './types.js';

/** The id of a case, as the service makes it. */
const CASE_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/i;
/** An MD5, SHA-1 or SHA-256. */
const DIGEST = /^([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/i;

export const isDigest = (text: string): boolean => DIGEST.test(text);

interface FoundCases {
  readonly hits: readonly Hit[];
  readonly isMore: boolean;
  /** By an id or a digest: in any state, whatever the filters say. */
  readonly isExact: boolean;
}

/** Find up to `limit` cases. `chosen`: the query of `GET /v1/hits` for the filters. */
export async function findCases(text: string, chosen: Query, limit: number): Promise<FoundCases | Refusal> {
  if (CASE_ID.test(text)) {
    const answer = await get<Hit>(`v1/hits/${text.toUpperCase()}`);
    if (answer.ok) return { hits: [answer.data], isMore: false, isExact: true };
    // It may be the beginning of a reference.
    if (answer.status !== 404) return answer;
  }
  if (isDigest(text)) return byDigest(text, chosen.tenant, limit);
  const answer = await get<Hits>('v1/hits', { ...chosen, referencePrefix: text, limit });
  if (!answer.ok) return answer;
  return { hits: answer.data.hits, isMore: answer.data.cursor !== null, isExact: false };
}

/** A digest of a listed file is never in an address. Where no file has it, it may be the beginning of a reference. */
async function byDigest(digest: string, tenant: Query[string], limit: number): Promise<FoundCases | Refusal> {
  const of = tenant ? { tenant, limit } : { limit };
  for (const asked of [{ digest }, { referencePrefix: digest }]) {
    const answer = await change<Hits>('POST', 'v1/hits/search', { ...asked, ...of });
    if (!answer.ok) return answer;
    const { hits, cursor } = answer.data;
    if (hits.length > 0) return { hits, isMore: cursor !== null, isExact: true };
  }
  return { hits: [], isMore: false, isExact: true };
}
