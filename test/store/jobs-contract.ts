/** The contract of every store of import jobs. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ImportJob, JOBS_KEPT_MAX } from '../../src/store/jobs-contract.js';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';

type Part = Pick<Store, 'duties' | 'jobs' | 'close'>;

export function jobsContract(name: string, place: Place<Part>): void {
  describe(name, () => {
    let store: Part;
    let other: Part;
    beforeEach(async () => {
      await place.fresh();
      store = await place.open();
      other = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await other.close();
    });
    const job = (n: number, more: Partial<ImportJob> = {}): ImportJob => ({
      id: `job-${String(n).padStart(5, '0')}`,
      list: 'a',
      state: 'queued',
      request: { format: 'csv', columns: ['ünï', null, 1] },
      bytes: 2 ** 40,
      sameAs: `digest ${n}`,
      createdAt: '2026-09-14T00:00:00.000Z',
      finishedAt: null,
      report: null,
      error: null,
      ...more,
    });

    test('a job is returned as it was added, by its id, also after reopening', async () => {
      await store.jobs.addJob(job(1));
      expect(await store.jobs.job(job(1).id)).toEqual(job(1));
      expect(await store.jobs.job('job')).toBeNull();
      await store.close();
      store = await place.open();
      expect(await store.jobs.job(job(1).id)).toEqual(job(1));
    });

    test('a change sets only the named fields, of one job', async () => {
      await store.jobs.addJob(job(1));
      await store.jobs.addJob(job(2));
      const error = { code: 'LIST_NOT_FOUND' as const, details: { list: 'a' } };
      await store.jobs.changeJob(job(1).id, { state: 'running' });
      expect(await store.jobs.job(job(1).id)).toEqual(job(1, { state: 'running' }));
      const finishedAt = '2026-09-14T01:00:00.000Z';
      await store.jobs.changeJob(job(1).id, { state: 'failed', finishedAt, error });
      expect(await store.jobs.job(job(1).id)).toEqual(job(1, { state: 'failed', finishedAt, error }));
      expect(await store.jobs.job(job(2).id)).toEqual(job(2));
      await expect(store.jobs.changeJob('job', { state: 'done' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('another process reads a job and its changes, and finishes it', async () => {
      await store.jobs.addJob(job(1));
      await other.jobs.changeJob(job(1).id, { state: 'running' });
      expect(await store.jobs.job(job(1).id)).toEqual(job(1, { state: 'running' }));
      expect((await other.jobs.unfinished()).map(({ id }) => id)).toEqual([job(1).id]);
      await store.jobs.changeJob(job(1).id, { state: 'done' });
      expect(await other.jobs.unfinished()).toEqual([]);
    });

    test('a holder whose duty was taken over changes no job; the later one does', async () => {
      await store.jobs.addJob(job(1, { state: 'running' }));
      const stale = (await store.duties.take('imports', 1))!;
      await expect.poll(async () => (await other.duties.state('imports')).isHeld).toBe(false);
      // Nobody took it: the work of a slow holder still counts.
      await store.jobs.changeJob(job(1).id, { finishedAt: 'slow' }, stale);
      const lease = (await other.duties.take('imports', 60_000))!;
      await expect(store.jobs.changeJob(job(1).id, { state: 'failed' }, stale)).rejects.toMatchObject({
        code: 'LEASE_LOST',
      });
      expect(await store.jobs.job(job(1).id)).toEqual(job(1, { state: 'running', finishedAt: 'slow' }));
      await other.jobs.changeJob(job(1).id, { state: 'done' }, lease);
      expect((await store.jobs.job(job(1).id))!.state).toBe('done');
      await other.duties.end(lease, 1);
      // Ended, and taken by no other process.
      await other.jobs.changeJob(job(1).id, { finishedAt: 'after the end' }, lease);
    });

    test('changes by two processes at once keep the fields of both', async () => {
      await store.jobs.addJob(job(1));
      const report = { rows: 1 } as unknown as ImportJob['report'];
      for (let round = 0; round < 10; round++) {
        await store.jobs.changeJob(job(1).id, { state: 'queued', report: null, finishedAt: null });
        await Promise.all([
          store.jobs.changeJob(job(1).id, { finishedAt: String(round) }),
          other.jobs.changeJob(job(1).id, { report }),
          store.jobs.changeJob(job(1).id, { state: 'running' }),
        ]);
        const finishedAt = String(round);
        expect(await store.jobs.job(job(1).id)).toEqual(job(1, { state: 'running', finishedAt, report }));
      }
    });

    test('an id of any text is that of no job', async () => {
      for (const id of ['', 'a\0b', '\ud800', '\x1a']) expect(await store.jobs.job(id)).toBeNull();
    });

    test('jobs are listed newest first, of one list or of all', async () => {
      for (const n of [2, 1, 3]) await store.jobs.addJob(job(n, { list: n === 1 ? 'b' : 'a' }));
      const ids = async (list?: string) => (await store.jobs.jobs(list)).map(({ id }) => id);
      expect(await ids()).toEqual([job(3).id, job(2).id, job(1).id]);
      expect(await ids('a')).toEqual([job(3).id, job(2).id]);
      expect(await ids('b')).toEqual([job(1).id]);
      expect(await ids('c')).toEqual([]);
    });

    test('the oldest finished jobs are removed; unfinished ones never are', async () => {
      await store.jobs.addJob(job(1));
      await store.jobs.addJob(job(2, { state: 'running' }));
      for (let n = 3; n < JOBS_KEPT_MAX + 5; n++) await store.jobs.addJob(job(n, { state: 'done' }));
      const left = (await store.jobs.jobs()).map(({ id }) => id);
      // The newest, and of the older ones those that are not finished.
      expect(left).toHaveLength(JOBS_KEPT_MAX + 2);
      expect(left.slice(-3)).toEqual([job(5).id, job(2).id, job(1).id]);
    });
  });
}
