/**
 * A matcher that queries another service for its lists: hashes are sent, images and paths never.
 */
import type { HashItem, HashItemAnswer } from '../check/check-hashes.js';
import type { FileQuery, QueryBatch } from '../check/file-queries.js';
import { type Decision, type Match, NOTHING_FOUND, NOTHING_SEARCHED } from '../check/policy.js';
import { AppError } from '../core/errors.js';
import { formatHash256 } from '../core/hash256.js';
import { BATCH_BYTES_MAX } from '../core/limits.js';
import { DIGEST_ALGORITHMS } from '../core/vocabulary.js';
import type { Detail } from '../core/window.js';
import type { Matcher } from './matcher.js';
import { RemoteRequests, type RequestOptions } from './remote-requests.js';

interface RemoteOptions extends RequestOptions {
  readonly lists: ReadonlySet<string> | null;
  readonly requestedRadiusBits: number | null;
  readonly requestedDetail: Detail | null;
}

/** An eighth of the body size that a service accepts: one with little memory for bodies in flight takes it, too. */
const BODY_BYTES_MAX = BATCH_BYTES_MAX / 8;
const ITEM_BYTES = 400;
const HASH_BYTES = 190;
/** Where a window lies, and its certain bits. */
const WINDOW_BYTES = 320;

function itemOf({ digests, hashes }: FileQuery): HashItem {
  // The hash of a window without its certain bits would be taken for one of the whole image.
  const whole = hashes.filter(({ window }) => window?.certain !== null);
  const values = whole.map(
    ({ algorithm, hash256, orientation, family, lowQuality, window, frame, background, part }) => ({
      algorithm,
      value: formatHash256(hash256),
      orientation: orientation ?? 'original',
      family,
      lowQuality,
      ...(window?.certain && { window: { ...window.place, certain: formatHash256(window.certain) } }),
      frame,
      background,
      part,
    }),
  );
  return values.length > 0 ? { ...digests, hashes: values } : { ...digests };
}

/** Complete a match: a key without the scope `details` receives only the list, and every other fact is null. */
function matchOf(facts: Partial<Match>, isMatch: boolean): Match {
  return {
    list: facts.list ?? '',
    entryId: facts.entryId ?? '',
    algorithm: facts.algorithm ?? 'pdq',
    matchType: facts.matchType ?? 'near',
    distance: facts.distance ?? 0,
    radius: facts.radius ?? 0,
    orientation: facts.orientation ?? null,
    family: facts.family ?? null,
    window: facts.window ?? null,
    derived: facts.derived ?? null,
    frame: facts.frame ?? null,
    background: facts.background ?? null,
    part: facts.part ?? null,
    category: facts.category ?? null,
    severity: facts.severity ?? null,
    source: facts.source ?? null,
    suppressed: facts.suppressed ?? !isMatch,
    quarantined: facts.quarantined ?? false,
  };
}

function decisionOf(answer: HashItemAnswer): Decision {
  if (!('verdict' in answer)) throw new AppError('SERVER_FAILED', { why: answer.error.code });
  const { verdict, matches, matchCount, truncated } = answer;
  if (verdict === 'not_checked') return NOTHING_SEARCHED;
  if (verdict === 'no_match') return NOTHING_FOUND;
  // A complete match is returned unchanged; an incomplete one serves only the counts.
  const whole = matches.map((match) => ('entryId' in match ? match : matchOf(match, verdict === 'match')));
  return { verdict, reason: null, matches: whole, possible: [], matchCount, truncated };
}

const bytesOf = ({ hashes }: FileQuery) =>
  hashes.reduce((sum, { window }) => sum + HASH_BYTES + (window ? WINDOW_BYTES : 0), ITEM_BYTES);

/** Split a query batch into the items of requests, so that no body exceeds `BODY_BYTES_MAX`. */
function batchesOf(queries: QueryBatch): HashItem[][] {
  const batches: HashItem[][] = [[]];
  let bytes = 0;
  // One item per file, even if two files have the same hashes: the service counts files.
  for (let at = 0; at < queries.files; at++) {
    const file = queries.queryOf(at);
    const own = bytesOf(file);
    bytes += own;
    if (bytes > BODY_BYTES_MAX) {
      batches.push([]);
      bytes = own;
    }
    batches.at(-1)!.push(itemOf(file));
  }
  return batches;
}

interface RemoteMatcher extends Matcher {
  /** Ask the service nothing, so that a wrong address, key or list ends a scan before it reads a file. Errors as `match`. */
  connect(): Promise<void>;
}

/** Create a matcher for a remote service. Errors of `match`: as `RemoteRequests.send`. */
export function remoteMatcher({
  lists,
  requestedRadiusBits,
  requestedDetail,
  ...options
}: RemoteOptions): RemoteMatcher {
  const requests = new RemoteRequests(options);
  let generation = 0;
  let exact = true;

  async function answersTo(items: readonly HashItem[]): Promise<readonly HashItemAnswer[]> {
    const response = await requests.send({
      orientations: 'none',
      ...(lists === null ? {} : { lists: [...lists] }),
      ...(requestedRadiusBits === null ? {} : { radius: requestedRadiusBits }),
      ...(requestedDetail === null ? {} : { detail: requestedDetail }),
      items,
    });
    generation = response.generation;
    return response.results;
  }

  return {
    connect: async () => void (await answersTo([])),
    get generation() {
      return generation;
    },
    get exact() {
      return exact;
    },
    // The algorithms of the remote lists are not known here.
    digests: DIGEST_ALGORITHMS,
    wantsBlockhash: true,
    detail: requestedDetail ?? 'plain',
    takesStoredWindows: false,
    gatherMs: 0,
    hasList: true,
    matchedAt: null,
    async match(queries) {
      if (queries.files === 0) return [];
      const answers = (await Promise.all(batchesOf(queries).map(answersTo))).flat();
      exact &&= answers.every((answer) => !('exact' in answer) || answer.exact);
      return answers.map(decisionOf);
    },
    // The service has recorded them.
    record: async () => {},
  };
}
