/** Parts of a scan with known behaviour: a matcher of digests without lists, and facts of files that no decoder made. */
import type { FileQuery } from '../../src/check/file-queries.js';
import type { Decision } from '../../src/check/policy.js';
import { NOTHING_FOUND } from '../../src/check/policy.js';
import type { Answer } from '../../src/check/recorder.js';
import { AppError } from '../../src/core/errors.js';
import { type Detail, RESAMPLED, type WindowKind } from '../../src/core/window.js';
import type { FileSource, HashReply } from '../../src/engine/image-engine.js';
import { readTarget } from '../../src/engine/read-target.js';
import { fixedPlaces } from '../../src/kernels/windows/fixed-windows.js';
import type { FileFacts } from '../../src/scan/facts/file-facts.js';
import { NO_FACTS } from '../../src/scan/image-reader.js';
import type { Matcher } from '../../src/scan/matcher.js';

/** A SHA-256 of this digit only. */
export const sha256Of = (digit: string) => digit.repeat(64);

const MATCH: Decision['matches'][number] = {
  list: 'list',
  entryId: 'e',
  algorithm: 'sha256',
  matchType: 'exact',
  distance: 0,
  radius: 0,
  orientation: null,
  family: null,
  window: null,
  derived: null,
  frame: null,
  background: null,
  part: null,
  category: null,
  severity: null,
  source: null,
  suppressed: false,
  quarantined: false,
};

export function found(verdict: 'match' | 'suppressed'): Decision {
  const matches = [{ ...MATCH, suppressed: verdict === 'suppressed' }];
  return { verdict, reason: null, matches, possible: [], matchCount: 1, truncated: false };
}

const CROP = fixedPlaces(1, 1).find(({ kind }) => kind === 'crop')!;

/** Nothing matches, and a window is possibly of an entry. */
export const POSSIBLE: Decision = {
  ...NOTHING_FOUND,
  possible: [
    {
      ...MATCH,
      algorithm: 'pdq',
      matchType: 'near',
      distance: 40,
      radius: 50,
      orientation: 'original',
      family: 'resized',
      window: { ...CROP, proportion: 1, certainBitsWrong: 5 },
      derived: 'crop',
      frame: 2,
      background: 'white',
      part: 'canvas',
    },
  ],
};

/** Replies of a decoder to an image with this digest. */
export function imageReply(digit: string, format: 'jpeg' | 'gif' = 'jpeg'): HashReply {
  const families = [{ family: 'resized' as const, quality: 100, degenerate: false, hashes: [new Uint8Array(32)] }];
  return {
    ok: true,
    digests: { sha256: sha256Of(digit) },
    bytes: 4,
    format,
    width: 8,
    height: 8,
    damage: null,
    views: [{ frame: 0, background: null, part: null, families, blockhash: null, windows: [] }],
  };
}

/** Add the windows of a detail to a reply: the whole image at another size, and in `deep` a crop. */
export function withWindows(reply: HashReply, detail: Detail): HashReply {
  if (!reply.ok || detail === 'plain') return reply;
  const windows = (detail === 'deep' ? [RESAMPLED, CROP] : [RESAMPLED]).map((place) => ({
    window: { ...place, proportion: 1 },
    quality: 80,
    hashes: [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)],
    certain: new Uint8Array(32).fill(3),
  }));
  return { ...reply, views: reply.views.map((view) => ({ ...view, windows })) };
}

/** An image whose crop is of a list, and one whose windows are near to an entry and are no copy of it. */
const NEAR_BY: Readonly<Record<string, WindowKind>> = { d: 'crop', e: 'resampling' };

/** Return the decision of an image that only a window is near; null for any other. */
function windowDecision(digit: string | undefined, { hashes }: FileQuery): Decision | null {
  const near = hashes.find(({ window }) => window !== null && window.place.kind === NEAR_BY[digit ?? '']);
  if (!near) return null;
  if (near.window!.certain === null) return { ...NOTHING_FOUND, isOpen: true };
  return digit === 'd' ? found('match') : NOTHING_FOUND;
}

export function failedReply(digit: string): HashReply {
  const failed = { reason: 'corrupt', code: 'IMAGE_CORRUPT', format: null, width: null, height: null } as const;
  return { ok: false, digests: { sha256: sha256Of(digit) }, bytes: 4, ...failed };
}

/** Return the reply to a file as the decoder process would: a file that is another one before or after is a fault. */
export async function replyOfFile(
  file: FileSource,
  reply: (bytes: Uint8Array) => HashReply | Promise<HashReply>,
): Promise<HashReply> {
  let answer: HashReply | null = null;
  try {
    const bytes = await readTarget(file, 1_000_000);
    answer = await reply(bytes);
    await readTarget(file, 1_000_000);
    return answer;
  } catch (error) {
    if (!(error instanceof AppError) || !error.code.startsWith('FILE_')) throw error;
    const { code } = error;
    return { ok: false, digests: {}, bytes: 0, reason: 'unreadable', code, format: null, width: null, height: null };
  }
}

export function factsOf(facts: Partial<FileFacts>): FileFacts {
  return { ...NO_FACTS, size: 4, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n, scan: 0, generation: 0, ...facts };
}

export interface RecordingMatcher extends Matcher {
  generation: number;
  /** Per batch: the recorded answers by digest, and the number of files without a match. */
  readonly recorded: { readonly answers: readonly Answer[]; readonly unmatched: number }[];
  /** Number of files per batch. */
  readonly batches: number[];
}

/** `decisions`: by the first digit of a file's SHA-256; all others are without a match. */
export function matcherOf(
  decisions: Readonly<Record<string, Decision>>,
  onRecord: () => void | Promise<void> = () => {},
): RecordingMatcher {
  const recorded: RecordingMatcher['recorded'] = [];
  const batches: number[] = [];
  return {
    generation: 1,
    exact: true,
    digests: ['sha256'],
    wantsBlockhash: false,
    detail: 'plain',
    takesStoredWindows: true,
    gatherMs: 0,
    hasList: true,
    matchedAt: null,
    recorded,
    batches,
    match: async (queries) => {
      batches.push(queries.files);
      return Array.from({ length: queries.files }, (_, at) => {
        const query = queries.queryOf(at);
        const digit = query.digests.sha256?.[0];
        return windowDecision(digit, query) ?? ((digit !== undefined && decisions[digit]) || NOTHING_FOUND);
      });
    },
    record: async (answers, unmatched) => {
      await onRecord();
      recorded.push({ answers, unmatched });
    },
  };
}
