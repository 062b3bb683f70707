/** The contract of every store of import jobs. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ImportJob } from '../../src/store/jobs-contract.js';
import type { Store } from '../../src/store/store.js';

export function jobsContract(name: string, place: { fresh(): void; open(): Promise<Store>; keptMax: number }): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      place.fresh();
      store = await place.open();
    });
    afterEach(() => store.close());
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
      for (let n = 3; n < place.keptMax + 5; n++) await store.jobs.addJob(job(n, { state: 'done' }));
      const left = (await store.jobs.jobs()).map(({ id }) => id);
      // The newest, and of the older ones those that are not finished.
      expect(left).toHaveLength(place.keptMax + 2);
      expect(left.slice(-3)).toEqual([job(5).id, job(2).id, job(1).id]);
    });
  });
}
