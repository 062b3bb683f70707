/** Imports as jobs, over a real store, with a thread whose imports end when the test says so. */

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../../bench/temp-folder.js';
import type { Audit } from '../../../src/audit/audit.js';
import { openOwnBlobs } from '../../../src/blobs/open-blobs.js';
import { AppError } from '../../../src/core/errors.js';
import { createImportJobs, IMPORTS_WAITING_MAX, type ImportJobs } from '../../../src/lists/import/import-jobs.js';
import type { ImportOutcome, ImportRead, ThreadedImport } from '../../../src/lists/import/import-task.js';
import { SHORT_BYTES_MAX, SHORT_WAITING_MAX } from '../../../src/lists/import/short-imports.js';
import { approveHeld } from '../../../src/lists/list-versions.js';
import { openSqliteStore } from '../../../src/sqlite/open.js';
import type { Store } from '../../../src/store/store.js';
import { createLogger } from '../../../src/telemetry/log.js';
import { entryRow, stream } from '../../store/lists-contract.js';

const HOW = { format: 'csv', kind: 'match', radiusBits: 31 } as const;
const FAILED = { ok: false, code: 'HASHLIST_INVALID', details: {} } as const;

let dataDir = '';
/** The log fails after each change. */
let isAuditLost = false;
let store: Store;
let jobs: ImportJobs;
/** Imports in the thread, and what ends each. */
let begun: {
  readonly request: ThreadedImport;
  send(read: ImportRead): void;
  end(outcome?: ImportOutcome): Promise<void>;
  stopped: boolean;
}[] = [];

beforeEach(async () => {
  dataDir = tempFolder('import-jobs');
  store = await openSqliteStore(dataDir);
  begun = [];
  isAuditLost = false;
  jobs = createJobs();
});
afterEach(async () => {
  // A running import ends as soon as it is stopped.
  await jobs.close();
  await store.close();
});

function createJobs(): ImportJobs {
  return createImportJobs(store, {
    blobs: openOwnBlobs(join(dataDir, 'blobs')),
    dataDir,
    thread: {
      run: (request, port) =>
        new Promise((resolve) => {
          const one = {
            request,
            stopped: false,
            send: (read: ImportRead) => port.postMessage(read),
            async end(outcome?: ImportOutcome) {
              const report = outcome ?? { ok: true as const, report: await importOneEntry(request) };
              resolve(report);
            },
          };
          begun.push(one);
          port.on('message', () => {
            one.stopped = true;
            resolve({ ok: false, code: 'SHUTTING_DOWN', details: {} });
          });
        }),
      close: async () => {},
    },
    log: createLogger('silent'),
    audit: {
      async withAudit(_actor: string, _operation: unknown, act: () => Promise<unknown>) {
        const result = await act();
        if (isAuditLost) throw new AppError('STORE_FAILED');
        return result;
      },
    } as unknown as Audit,
    onEnd: async () => {},
  });
}

let values = 0;
async function importOneEntry({ list, origin }: ThreadedImport) {
  if (!(await store.lists.list(list))) await store.lists.createList({ list, kind: 'match', radiusBits: 31 });
  const value = (++values).toString(16).padStart(32, '0');
  return store.lists.addEntries(list, stream([entryRow(1, 'md5', value)]), { origin: origin! });
}

async function* bodyOf(text: string) {
  yield Buffer.from(text);
}
const submit = (text: string, list = 'a') => jobs.submit(list, bodyOf(text), HOW, 'me');
const states = async () => Object.fromEntries((await store.jobs.jobs()).map(({ id, state }) => [id, state]));
const bodies = () => readdirSync(join(dataDir, 'blobs')).sort();
const running = (n: number) => expect.poll(() => begun.length).toBe(n);

test('a job is queued, runs, and is done; its body is on disk until then', async () => {
  const job = await submit('x');
  expect(job).toMatchObject({ list: 'a', state: 'queued', bytes: 1, request: { ...HOW, actor: 'me' } });
  await running(1);
  expect(bodies()).toEqual([`imports+${job.id}`]);
  expect(begun[0]!.request).toMatchObject({
    list: 'a',
    format: 'csv',
    paths: [],
    blob: `imports/${job.id}`,
  });
  expect(await jobs.job(job.id)).toMatchObject({ bytesDone: 0, rowsRead: 0 });
  begun[0]!.send({ bytesDone: 1, rowsRead: 17 });
  await expect.poll(() => jobs.job(job.id)).toMatchObject({ bytesDone: 1, rowsRead: 17 });
  await begun[0]!.end();
  expect(await jobs.ended(job.id)).toMatchObject({
    state: 'done',
    bytesDone: null,
    rowsRead: null,
    report: { added: 1 },
  });
  expect(bodies()).toEqual([]);
});

test('jobs run one at a time, in the order of their arrival', async () => {
  const [first, second] = [await submit('x'), await submit('y')];
  await running(1);
  expect(await states()).toEqual({ [first.id]: 'running', [second.id]: 'queued' });
  await begun[0]!.end(FAILED);
  await running(2);
  expect(await states()).toEqual({ [first.id]: 'failed', [second.id]: 'running' });
  await begun[1]!.end();
  await jobs.ended(second.id);
});

describe('the same bytes for the same list', () => {
  test('are the same job while it waits or runs, also where both arrive together', async () => {
    const [one, two] = await Promise.all([submit('x'), submit('x')]);
    expect(two.id).toBe(one.id);
    await running(1);
    expect((await submit('x')).id).toBe(one.id);
    expect((await submit('x', 'b')).id).not.toBe(one.id);
    expect((await submit('y')).id).not.toBe(one.id);
    expect(bodies()).toHaveLength(3);
  });

  test('are the same job while its version is the active one', async () => {
    const one = await submit('x');
    await running(1);
    await begun[0]!.end();
    await jobs.ended(one.id);
    expect((await submit('x')).id).toBe(one.id);
    await importOneEntry({ list: 'a', origin: 'another' } as ThreadedImport);
    expect((await submit('x')).id).not.toBe(one.id);
  });

  test('are a new job for a later list of the name, which has as many versions', async () => {
    const one = await submit('x');
    await running(1);
    await begun[0]!.end();
    await jobs.ended(one.id);
    await store.lists.renameList('a', 'b');
    await importOneEntry({ list: 'a', origin: 'another' } as ThreadedImport);
    expect((await store.lists.versions('a')).map(({ version }) => version)).toEqual([1]);
    expect((await submit('x')).id).not.toBe(one.id);
  });

  test('are the same job once its version is approved', async () => {
    const one = await submit('x');
    await running(1);
    const origin = `job ${one.id}`;
    const review = () => [{ rule: 'change' as const, count: 2, limit: 1 }];
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    const row = entryRow(1, 'md5', '1'.repeat(32));
    const report = await store.lists.replaceEntries('a', stream([row]), { origin, review });
    await begun[0]!.end({ ok: true, report });
    expect((await jobs.ended(one.id)).state).toBe('held');
    expect((await submit('x')).id).toBe(one.id);
    await approveHeld(store.lists, 'a');
    expect((await submit('x')).id).toBe(one.id);
  });

  test('are a new job after one that failed', async () => {
    const one = await submit('x');
    await running(1);
    await begun[0]!.end(FAILED);
    expect(await jobs.ended(one.id)).toMatchObject({ state: 'failed', error: { code: 'HASHLIST_INVALID' } });
    expect((await submit('x')).id).not.toBe(one.id);
  });
});

describe('nothing is left of', () => {
  test('an empty body', async () => {
    await expect(submit('')).rejects.toMatchObject({ code: 'BODY_EMPTY' });
    expect([bodies(), await states()]).toEqual([[], {}]);
  });

  test('an upload that ends early', async () => {
    async function* broken() {
      yield Buffer.from('x');
      throw new Error('cut');
    }
    await expect(jobs.submit('a', broken(), HOW, 'me')).rejects.toThrow('cut');
    expect([bodies(), await states()]).toEqual([[], {}]);
  });
});

describe('the queue is full', () => {
  test(`with ${IMPORTS_WAITING_MAX} jobs, and has room again when one ends`, async () => {
    for (let n = 0; n < IMPORTS_WAITING_MAX; n++) await submit(`${n}`);
    await expect(submit('more')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    await running(1);
    await begun[0]!.end(FAILED);
    await running(2);
    await submit('more');
    expect(bodies()).toHaveLength(IMPORTS_WAITING_MAX);
  });

  test('for those too that began their upload while there was room', async () => {
    let proceed = () => {};
    const slow = new Promise<void>((resolve) => (proceed = resolve));
    async function* slowBody() {
      await slow;
      yield Buffer.from('slow');
    }
    const uploading = jobs.submit('a', slowBody(), HOW, 'me');
    for (let n = 0; n < IMPORTS_WAITING_MAX; n++) await submit(`${n}`);
    proceed();
    await expect(uploading).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect(bodies()).toHaveLength(IMPORTS_WAITING_MAX);
  });
});

test('a stopped service leaves its jobs to the next one, which runs them in order, once', async () => {
  const [first, second] = [await submit('x'), await submit('y')];
  await running(1);
  await jobs.close();
  expect(begun[0]!.stopped).toBe(true);
  expect(await states()).toEqual({ [first.id]: 'running', [second.id]: 'queued' });
  await expect(submit('z')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  await expect(jobs.run({} as ThreadedImport)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });

  jobs = createJobs();
  await jobs.resume();
  await running(2);
  await begun[1]!.end();
  await running(3);
  await begun[2]!.end();
  await jobs.ended(second.id);
  expect(begun.map(({ request }) => request.origin)).toEqual([first, first, second].map(({ id }) => `job ${id}`));
  expect(await states()).toEqual({ [first.id]: 'done', [second.id]: 'done' });
});

test('a job whose version was made before the process ended is done without another import', async () => {
  const job = await submit('x');
  await running(1);
  await importOneEntry(begun[0]!.request);
  await jobs.close();
  jobs = createJobs();
  await jobs.resume();
  expect(await jobs.ended(job.id)).toMatchObject({ state: 'done', report: { added: 1 } });
  expect(begun).toHaveLength(1);
  expect(bodies()).toEqual([]);
});

test('an unknown job is NOT_FOUND', async () => {
  await expect(jobs.job('nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

describe('a short list', () => {
  const take = (text: string, list = 'a') => jobs.take(list, bodyOf(text), HOW, 'me');

  test('is imported without a stored body, and its job is kept', async () => {
    const taken = take('1');
    await running(1);
    expect(begun[0]!.request).toMatchObject({ paths: [], body: Buffer.from('1') });
    expect(bodies()).toEqual([]);
    expect(await jobs.jobs()).toEqual([]);
    await begun[0]!.end();
    const { id } = await taken;
    expect(await jobs.job(id)).toMatchObject({ state: 'done', report: { version: 1 }, bytes: 1 });
  });

  test('comes after what was sent before it to the same list, and only to that', async () => {
    const first = await submit('1');
    await running(1);
    const same = take('2');
    const other = take('3', 'b');
    await expect.poll(async () => (await jobs.jobs('a')).length).toBe(2);
    await begun[0]!.end();
    await running(2);
    // The other list's waits for the thread alone.
    for (const at of [1, 2]) {
      await running(at + 1);
      await begun[at]!.end();
    }
    await Promise.all([same, other]);
    expect(begun.map(({ request }) => request.list).sort()).toEqual(['a', 'a', 'b']);
    expect((await jobs.jobs('a')).map(({ id }) => id)).toContain(first.id);
  });

  test('that is sent twice at once is imported once', async () => {
    const both = [take('1'), take('1')];
    await running(1);
    await begun[0]!.end();
    const [one, other] = await Promise.all(both);
    expect(other!.id).toBe(one!.id);
    expect(begun).toHaveLength(1);
  });

  test('that fails is a failed job', async () => {
    const taken = take('1');
    await running(1);
    await begun[0]!.end(FAILED);
    const { id } = await taken;
    expect(await jobs.job(id)).toMatchObject({ state: 'failed', error: { code: 'HASHLIST_INVALID' } });
  });

  test('that changed its list is done, whatever came after it', async () => {
    isAuditLost = true;
    const taken = take('1');
    await running(1);
    await begun[0]!.end();
    expect(await taken).toMatchObject({ state: 'done', report: { version: 1, accepted: 1 }, error: null });
    expect(await states()).toEqual({ [(await taken).id]: 'done' });
  });

  test('that is stopped leaves no job and no change', async () => {
    const taken = take('1');
    const waiting = take('2');
    await running(1);
    const stopped = expect(taken).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    const refused = expect(waiting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await jobs.close();
    await Promise.all([stopped, refused]);
    expect(await store.jobs.jobs()).toEqual([]);
  });

  test('is refused where too many wait, and no other', async () => {
    const waiting = Array.from({ length: SHORT_WAITING_MAX }, (_, at) => take(String(at)));
    const ended = Promise.allSettled(waiting);
    await running(1);
    await expect(take('one more')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    await jobs.close();
    expect((await ended).every(({ status }) => status === 'rejected')).toBe(true);
  });

  test('an empty one is refused', async () => {
    await expect(take('')).rejects.toMatchObject({ code: 'BODY_EMPTY' });
  });

  test.each([0, 1])('of %i bytes more than the limit is a job or not', async (more) => {
    const pieces = async function* () {
      yield Buffer.alloc(SHORT_BYTES_MAX - 1, 'a');
      yield Buffer.alloc(1 + more, 'b');
    };
    const taken = jobs.take('a', pieces(), HOW, 'me');
    await running(1);
    expect(begun[0]!.request.blob === undefined).toBe(more === 0);
    if (more) expect((await taken).bytes).toBe(SHORT_BYTES_MAX + 1);
    await begun[0]!.end();
    await taken;
  });
});

test('a body that an earlier version kept in the data folder is imported, and what else is there is removed', async () => {
  const job = await submit('1');
  await running(1);
  await jobs.close();
  const folder = join(dataDir, 'imports');
  mkdirSync(folder);
  for (const name of [`${job.id}.sealed`, 'other.sealed']) writeFileSync(join(folder, name), '1');
  begun = [];
  jobs = createJobs();
  await jobs.resume();
  await running(1);
  expect(readdirSync(folder)).toEqual([`${job.id}.sealed`]);
  expect(begun[0]!.request.paths).toEqual([join(folder, `${job.id}.sealed`)]);
  await begun[0]!.end();
  await expect.poll(() => readdirSync(folder)).toEqual([]);
});
