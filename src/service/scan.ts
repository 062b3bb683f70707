/**
 * A batch over trees of files, in constant memory: folders are streamed, as many files are in hand as the engine
 * takes, and a bad file is a line in the report, never the end of the scan.
 */
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.js';
import type { NotCheckedReason, Verdict } from '../core/vocabulary.js';
import type { CheckAnswer } from './answers.js';
import type { ImageCheckOptions } from './check-image.js';
import type { Service } from './service.js';

export type FileResult = CheckAnswer & { readonly path: string };

export interface ScanSummary {
  readonly files: number;
  readonly checked: number;
  readonly byVerdict: Readonly<Record<Verdict, number>>;
  readonly byReason: Readonly<Partial<Record<NotCheckedReason, number>>>;
  readonly byList: Readonly<Record<string, number>>;
  /** Symbolic links, sockets, devices: passed over, and counted. */
  readonly skipped: number;
  readonly seconds: number;
  readonly filesPerSecond: number;
  readonly interrupted: boolean;
}

export interface ScanRequest {
  readonly paths: readonly string[];
  readonly options: Omit<ImageCheckOptions, 'reference'>;
  /** True once the scan shall stop: files in hand are finished, none is begun. */
  readonly shouldStop: () => boolean;
  readonly onResult: (result: FileResult) => void;
}

type Found = { readonly path: string; readonly kind: 'file' | 'other' | 'unreadable' };

/** Every file below `path`, depth first; links are not followed, so there are no circles. */
async function* walk(path: string): AsyncGenerator<Found> {
  let folder: Awaited<ReturnType<typeof opendir>>;
  try {
    folder = await opendir(path);
  } catch {
    yield { path, kind: 'unreadable' };
    return;
  }
  for await (const entry of folder) {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) yield* walk(inside);
    else yield { path: inside, kind: entry.isFile() ? 'file' : 'other' };
  }
}

async function* walkAll(paths: readonly string[]): AsyncGenerator<Found> {
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found?.isDirectory()) yield* walk(path);
    else yield { path, kind: found === null ? 'unreadable' : found.isFile() ? 'file' : 'other' };
  }
}

function unreadable(path: string, generation: number): FileResult {
  return {
    path,
    id: null,
    verdict: 'not_checked',
    reason: 'unreadable',
    generation,
    checkId: '',
    digests: {},
    image: null,
    pdq: null,
    lowQuality: false,
    degraded: false,
    exact: true,
    matches: [],
    matchCount: 0,
    truncated: false,
  };
}

/** Each file is told once to `onResult`, and counted once. Errors LIST_NOT_FOUND, STORE_FAILED. */
export async function scan(service: Service, request: ScanRequest): Promise<ScanSummary> {
  const startedMs = performance.now();
  const byVerdict: Record<Verdict, number> = { match: 0, no_match: 0, suppressed: 0, not_checked: 0 };
  const byReason: Partial<Record<NotCheckedReason, number>> = {};
  const byList: Record<string, number> = {};
  let files = 0;
  let skipped = 0;
  let failure: unknown = null;
  const inHand = new Set<Promise<void>>();

  const take = (result: FileResult) => {
    byVerdict[result.verdict]++;
    if (result.verdict === 'not_checked' && result.reason) byReason[result.reason] = (byReason[result.reason] ?? 0) + 1;
    for (const list of new Set(result.matches.filter((m) => !m.suppressed).map((m) => m.list)))
      byList[list] = (byList[list] ?? 0) + 1;
    request.onResult(result);
  };

  for await (const { path, kind } of walkAll(request.paths)) {
    if (request.shouldStop() || failure !== null) break;
    if (kind === 'other') {
      skipped++;
      continue;
    }
    files++;
    if (kind === 'unreadable') {
      take(unreadable(path, service.readiness().generation));
      continue;
    }
    await service.whenRoom();
    const job = service
      .checkImage({ path }, { ...request.options, reference: path })
      .then((answer) => take({ path, ...answer }))
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => inHand.delete(job));
    inHand.add(job);
  }
  await Promise.all(inHand);
  if (failure !== null) throw failure instanceof AppError ? failure : new AppError('INTERNAL', {}, failure);
  const seconds = (performance.now() - startedMs) / 1000;
  return {
    files,
    checked: byVerdict.match + byVerdict.no_match + byVerdict.suppressed,
    byVerdict,
    byReason,
    byList,
    skipped,
    seconds: Math.round(seconds * 1000) / 1000,
    filesPerSecond: Math.round(files / Math.max(seconds, 0.001)),
    interrupted: request.shouldStop(),
  };
}
