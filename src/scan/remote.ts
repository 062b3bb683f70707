/**
 * Asks a service elsewhere that holds the lists: hashes go there, pictures and paths never. Batches wait for a service
 * that is busy or away, and are sent again as they were; what it says of load is obeyed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { ulid } from 'ulid';
import type { HashItem, HashItemAnswer } from '../check/check-hashes.js';
import type { FileQuery } from '../check/file-queries.js';
import { type Decision, type Match, NOTHING_FOUND } from '../check/policy.js';
import { AppError } from '../core/errors.js';
import { formatHash256 } from '../core/hash256.js';
import { BATCH_BYTES_MAX } from '../core/limits.js';
import type { Matcher } from './matcher.js';

export interface RemoteOptions {
  readonly url: string;
  readonly key: string | null;
  readonly lists: ReadonlySet<string> | null;
  readonly askedRadiusBits: number | null;
  readonly shouldStop: () => boolean;
  /** Told when a batch has to wait, with why. */
  readonly onWait: (why: string, waitMs: number) => void;
  readonly firstPauseMs?: number;
  /** Given up after so long without an answer. */
  readonly patienceMs?: number;
}

/** Half of the body that the service takes: items are counted before they are written. */
const BODY_BYTES_MAX = BATCH_BYTES_MAX / 2;
const ITEM_BYTES = 400;
const HASH_BYTES = 190;
/** Requests under way: one is searched while the next travels. */
const REQUESTS_MAX = 2;
const REQUEST_MS_MAX = 120_000;
const FIRST_PAUSE_MS = 500;
const PAUSE_MS_MAX = 60_000;
/** A service that is away for longer than a night has been forgotten; the scan ends, and goes on when it is asked to. */
const PATIENCE_MS = 12 * 3_600_000;
/** How often a stop is looked for while a batch waits. */
const LOOK_MS = 200;
/** Refusals that time may change. */
const PASSING = new Set([408, 409, 425, 429]);

const pack = promisify(gzip);

function itemOf({ digests, hashes }: FileQuery): HashItem {
  const told = hashes.map(({ algorithm, hash256, orientation, family, lowQuality, frame, background }) => ({
    algorithm,
    value: formatHash256(hash256),
    orientation: orientation ?? 'original',
    family,
    lowQuality,
    frame,
    background,
  }));
  return told.length > 0 ? { ...digests, hashes: told } : { ...digests };
}

/** A key without the scope `details` is told lists alone: what it is not told is null. */
function matchOf(told: Partial<Match>, isMatch: boolean): Match {
  return {
    list: told.list ?? '',
    entryId: told.entryId ?? '',
    algorithm: told.algorithm ?? 'pdq',
    matchType: told.matchType ?? 'near',
    distance: told.distance ?? 0,
    radius: told.radius ?? 0,
    orientation: told.orientation ?? null,
    family: told.family ?? null,
    frame: told.frame ?? null,
    background: told.background ?? null,
    category: told.category ?? null,
    severity: told.severity ?? null,
    source: told.source ?? null,
    suppressed: told.suppressed ?? !isMatch,
    quarantined: told.quarantined ?? false,
  };
}

function decisionOf(answer: HashItemAnswer): Decision {
  if (!('verdict' in answer)) throw new AppError('SERVER_FAILED', { why: answer.error.code });
  const { verdict, matches, matchCount, truncated } = answer;
  if (verdict === 'no_match' || verdict === 'not_checked') return NOTHING_FOUND;
  // As it was told, where it was told whole; the rest is only for the counts.
  const told = matches.map((match) => ('entryId' in match ? match : matchOf(match, verdict === 'match')));
  return { verdict, matches: told, matchCount, truncated };
}

interface Told {
  readonly generation: number;
  readonly results: readonly HashItemAnswer[];
}

/** Of RFC 9457, with what is told of a scope that the key lacks. */
interface Problem {
  readonly code: string;
  readonly details: { readonly scope?: string };
}

/** Seconds, or a date. Null where it says nothing. */
function retryAfterMs(header: string | null): number | null {
  if (header === null) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

/** Errors of `match`: SERVER_FAILED; SHUTTING_DOWN where the scan is stopped while a batch waits. */
export function remoteMatcher(options: RemoteOptions): Matcher {
  const { url, key, lists, askedRadiusBits, shouldStop, onWait } = options;
  const { firstPauseMs = FIRST_PAUSE_MS, patienceMs = PATIENCE_MS } = options;
  const address = new URL('v1/check/hashes', url.endsWith('/') ? url : `${url}/`).href;
  let generation = 0;
  let exact = true;
  let running = 0;
  const waiting: (() => void)[] = [];

  async function attempt(
    body: Buffer,
    idempotencyKey: string,
  ): Promise<Told | { readonly why: string; readonly waitMs: number | null }> {
    try {
      const response = await fetch(address, {
        method: 'POST',
        body: new Uint8Array(body),
        redirect: 'error',
        signal: AbortSignal.timeout(REQUEST_MS_MAX),
        headers: {
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          'idempotency-key': idempotencyKey,
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        },
      });
      if (response.ok) return (await response.json()) as Told;
      const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
      const why = [problem.code ?? `status ${response.status}`, problem.details?.scope ?? []].flat().join(' ');
      if (response.status < 500 && !PASSING.has(response.status))
        throw new AppError('SERVER_FAILED', { why, host: new URL(url).host });
      return { why, waitMs: retryAfterMs(response.headers.get('retry-after')) };
    } catch (error) {
      if (error instanceof AppError) throw error;
      const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
      return { why: cause?.code ?? (error as Error).name, waitMs: null };
    }
  }

  async function ask(items: readonly HashItem[]): Promise<readonly HashItemAnswer[]> {
    const question = {
      orientations: 'none',
      ...(lists === null ? {} : { lists: [...lists] }),
      ...(askedRadiusBits === null ? {} : { radius: askedRadiusBits }),
      items,
    };
    const json = JSON.stringify(question);
    // Of this batch of this scan: sent again it is not counted again, asked by the next scan it is.
    const idempotencyKey = ulid();
    const body = await pack(json);
    const startedMs = performance.now();
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      const told = await attempt(body, idempotencyKey);
      if ('results' in told) {
        if (told.results.length !== items.length) throw new AppError('SERVER_FAILED', { why: 'answers are missing' });
        generation = told.generation;
        return told.results;
      }
      if (performance.now() - startedMs > patienceMs) throw new AppError('SERVER_FAILED', { why: told.why });
      // A little earlier or later than others, so that they do not all come back at once.
      const waitMs = told.waitMs ?? pauseMs * (0.75 + Math.random() / 2);
      onWait(told.why, waitMs);
      for (let leftMs = waitMs; leftMs > 0; leftMs -= LOOK_MS) {
        if (shouldStop()) throw new AppError('SHUTTING_DOWN');
        await delay(Math.min(leftMs, LOOK_MS));
      }
    }
  }

  async function inTurn(items: readonly HashItem[]): Promise<readonly HashItemAnswer[]> {
    while (running >= REQUESTS_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await ask(items);
    } finally {
      running--;
      waiting.shift()?.();
    }
  }

  return {
    get generation() {
      return generation;
    },
    get exact() {
      return exact;
    },
    // What the service holds is not known here.
    wantsBlockhash: true,
    matchedAt: null,
    async match(asked) {
      if (asked.files === 0) return [];
      const batches: HashItem[][] = [[]];
      let bytes = 0;
      // Each file, whatever others have asked: the service counts them.
      for (let at = 0; at < asked.files; at++) {
        const file = asked.queryOf(at);
        bytes += ITEM_BYTES + file.hashes.length * HASH_BYTES;
        if (bytes > BODY_BYTES_MAX) {
          batches.push([]);
          bytes = ITEM_BYTES + file.hashes.length * HASH_BYTES;
        }
        batches.at(-1)!.push(itemOf(file));
      }
      const answers = (await Promise.all(batches.map(inTurn))).flat();
      exact &&= answers.every((answer) => !('exact' in answer) || answer.exact);
      return answers.map(decisionOf);
    },
    // The service has them on record.
    record: async () => {},
  };
}
