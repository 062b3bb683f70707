/**
 * Syncs a list from its source over HTTP: pages are spooled to sealed files, so that an interrupted sync resumes;
 * they are imported together after the last one, and only then does the checkpoint move.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../core/atomic-file.js';
import { AppError } from '../../core/errors.js';
import {
  fetchFailure,
  isPassingStatus,
  PassingFailure,
  requestHeaders,
  retryAfterMs,
  withRetries,
} from '../../core/retry.js';
import { firstPage, laterCheckpoint, nextAddress, type PageFacts, pageFacts } from '../../hashlists/sources.js';
import type { ImportReport, SourceInfo } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import { sealStream } from '../../vault/sealed-stream.js';
import { importList } from './import-list.js';
import type { ThreadedImport } from './import-task.js';

/** One page of a source: a thousand entries are under 2 MB. */
const SOURCE_PAGE_BYTES_MAX = 67_108_864;
/** A hundred million entries; ends a sync of a source whose pages form a loop. */
const SOURCE_PAGES_MAX = 100_000;

export interface SyncOptions {
  readonly dataDir: string;
  readonly radiusBits: number;
  /** The environment that holds the source's secret. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The first pause after a failure; each further one is twice as long. */
  readonly firstPauseMs?: number;
  readonly onPage?: (pages: number) => void;
  /** True once the sync is to stop; its pages stay, for the next one. */
  readonly shouldStop?: () => boolean;
  /** A service imports in another thread; by default the import runs in the caller's. */
  readonly runImport?: (request: ThreadedImport) => Promise<ImportReport>;
}

/** In the data folder: spooled pages of unfinished syncs. */
export const SYNC_FOLDER = 'sync';

const PAGE_MS_MAX = 60_000;
const RETRIES = 5;
const FIRST_PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 60_000;
/** Other lists wait for this one: a source that asks for a longer pause is synced at its next turn. */
const WAIT_MS_MAX = 300_000;

interface State {
  /** The checkpoint of this sync's start; pages spooled from another are useless. */
  readonly from: string | null;
  readonly pages: number;
  readonly next: string | null;
  readonly checkpoint: string | null;
}

/** Errors  SOURCE_FAILED: the variable is not set. */
function headersOf({ user, secretEnv, header }: SourceInfo, env: SyncOptions['env']): Record<string, string> {
  if (secretEnv === null) return {};
  const secret = env[secretEnv];
  if (!secret)
    throw new AppError('SOURCE_FAILED', {
      why: 'the environment variable of the secret is not set',
      variable: secretEnv,
    });
  if (header !== null) return { [header]: secret };
  const basic = Buffer.from(`${user}:${secret}`).toString('base64');
  return { authorization: user === null ? `Bearer ${secret}` : `Basic ${basic}` };
}

/** Errors: as `failed` makes them. */
async function readBounded(response: Response, failed: (why: string) => AppError): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > SOURCE_PAGE_BYTES_MAX) throw failed(`page exceeds ${SOURCE_PAGE_BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Fetch one page and the next address; retried after network errors, server errors and truncated pages. */
async function fetchPage(
  source: SourceInfo,
  url: string,
  { env, firstPauseMs = FIRST_PAUSE_MS, shouldStop }: SyncOptions,
): Promise<{ body: Uint8Array; facts: PageFacts }> {
  const failed = (why: string, cause?: unknown) =>
    new AppError('SOURCE_FAILED', { why: why.slice(0, 100), host: new URL(url).host }, cause);
  const headers = requestHeaders(headersOf(source, env));
  if (headers === null) throw failed('the secret cannot be sent in a header');
  const attempt = async () => {
    let response: Response;
    let body: Uint8Array;
    try {
      response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(PAGE_MS_MAX) });
      body = response.ok ? await readBounded(response, failed) : new Uint8Array();
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new PassingFailure(fetchFailure(error), null, error);
    }
    const { status } = response;
    if (!response.ok) {
      await response.body?.cancel();
      if (!isPassingStatus(status)) throw failed(`status ${status}`);
      throw new PassingFailure(`status ${status}`, retryAfterMs(response.headers));
    }
    try {
      return { body, facts: pageFacts(source.type, body, url) };
    } catch (error) {
      // A page that was cut on its way: another attempt may get all of it.
      throw new PassingFailure((error as Error).message, null, error);
    }
  };
  try {
    return await withRetries(attempt, {
      retries: RETRIES,
      waitMsMax: WAIT_MS_MAX,
      pauses: { firstMs: firstPauseMs, maxMs: PAUSE_MS_MAX },
      ...(shouldStop ? { shouldStop } : {}),
    });
  } catch (error) {
    if (!(error instanceof PassingFailure)) throw error;
    throw error.cause instanceof AppError ? error.cause : failed(error.message, error);
  }
}

const pageName = (at: number) => `page-${String(at).padStart(6, '0')}`;

async function readState(folder: string, from: string | null): Promise<State | null> {
  try {
    const state = JSON.parse(await readFile(join(folder, 'state.json'), 'utf8')) as State;
    const laid = new Set(await readdir(folder));
    const isWhole = Array.from({ length: state.pages }, (_, at) => pageName(at)).every((name) => laid.has(name));
    return state.from === from && isWhole ? state : null;
  } catch {
    return null;
  }
}

/**
 * Sync a list: everything the first time, changes afterwards. Where the review holds the version, the checkpoint
 * stays: the next sync requests the same pages.
 * Errors  LIST_NOT_FOUND; NOT_FOUND: the list has no source; SOURCE_FAILED; HASHLIST_INVALID; SHUTTING_DOWN; STORE_FAILED.
 */
export async function syncList(store: Store, list: string, options: SyncOptions): Promise<ImportReport> {
  const { lists, vault } = store;
  const source = await lists.source(list);
  if (!source) throw new AppError('NOT_FOUND', { list, what: 'source' });
  const folder = join(options.dataDir, SYNC_FOLDER, list);
  const begun = await readState(folder, source.checkpoint);
  if (!begun) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let state: State = begun ?? {
    from: source.checkpoint,
    pages: 0,
    next: firstPage(source.type, source.url, source.checkpoint),
    checkpoint: null,
  };
  while (state.next !== null) {
    if (options.shouldStop?.()) throw new AppError('SHUTTING_DOWN');
    if (state.pages >= SOURCE_PAGES_MAX)
      throw new AppError('SOURCE_FAILED', { why: `more than ${SOURCE_PAGES_MAX} pages`, list });
    const { body, facts } = await fetchPage(source, state.next, options);
    const next = facts.next === null ? null : nextAddress(facts.next, state.next);
    if (next === state.next) throw new AppError('SOURCE_FAILED', { why: 'a page links to itself', list });
    await writeAtomically(join(folder, pageName(state.pages)), sealStream(vault, [body]));
    const checkpoint = laterCheckpoint(source.type, state.checkpoint, facts.checkpoint);
    state = { from: state.from, pages: state.pages + 1, next, checkpoint };
    await writeAtomically(join(folder, 'state.json'), [Buffer.from(JSON.stringify(state))]);
    options.onPage?.(state.pages);
  }
  const runImport = options.runImport ?? ((request) => importList(store, request));
  const report = await runImport({
    paths: Array.from({ length: state.pages }, (_, at) => join(folder, pageName(at))),
    format: source.type,
    list,
    kind: 'match',
    radiusBits: options.radiusBits,
    mode: source.checkpoint === null ? 'replace' : 'add',
    mayBeEmpty: source.checkpoint !== null,
    origin: `sync of ${new URL(source.url).host}`,
  });
  if (report.held.length === 0) {
    const checkpoint = state.checkpoint ?? source.checkpoint;
    await lists.setSource(list, { ...source, checkpoint, syncedAt: new Date().toISOString() });
  }
  await rm(folder, { recursive: true, force: true });
  return report;
}
