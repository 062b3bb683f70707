/** Import jobs in SQLite. */

import { AppError } from '../../core/errors.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { Lease } from '../../store/duties-contract.js';
import { type ImportJob, JOBS_KEPT_MAX, type JobState, type JobStore } from '../../store/jobs-contract.js';
import { writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { sound, wholeTable } from '../sums.js';
import { IMPORT_JOB } from './database.js';
import { isNewest } from './duties.js';

interface JobRow {
  readonly id: string;
  readonly list: string;
  readonly state: JobState;
  readonly facts: string;
}

type Facts = Omit<ImportJob, 'id' | 'list' | 'state'>;

function toJob(row: JobRow): ImportJob {
  const { id, list, state, facts } = sound(IMPORT_JOB, row);
  return { id, list, state, ...(JSON.parse(facts) as Facts) };
}

export class SqliteJobs implements JobStore {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  addJob({ id, list, state, ...facts }: ImportJob): Promise<void> {
    return writeWithRetry(this.#db, () => {
      this.#db
        .prepare('INSERT INTO import_job (id, list, state, facts) VALUES (?, ?, ?, ?)')
        .run(id, list, state, JSON.stringify(facts));
      this.#db
        .prepare(
          `DELETE FROM import_job WHERE state NOT IN ('queued', 'running') AND id NOT IN
             (SELECT id FROM import_job ORDER BY id DESC LIMIT ?)`,
        )
        .run(JOBS_KEPT_MAX);
    });
  }

  changeJob(id: string, change: Partial<ImportJob>, lease?: Lease): Promise<void> {
    return writeWithRetry(this.#db, () => {
      if (lease && !isNewest(this.#db, lease)) throw new AppError('LEASE_LOST', { duty: lease.duty });
      const { list, state, ...facts } = { ...this.#job(id), ...change };
      this.#db
        .prepare('UPDATE import_job SET state = ?, facts = ? WHERE id = ? AND list = ?')
        .run(state, JSON.stringify({ ...facts, id: undefined }), id, list);
    });
  }

  async job(id: string): Promise<ImportJob | null> {
    return guarded(() => {
      const row = this.#db.prepare<[string], JobRow>('SELECT * FROM import_job WHERE id = ?').get(id);
      return row ? toJob(row) : null;
    });
  }

  async unfinished(): Promise<readonly ImportJob[]> {
    return guarded(() =>
      wholeTable<JobRow>(this.#db, IMPORT_JOB)
        .filter(({ state }) => state === 'queued' || state === 'running')
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(toJob),
    );
  }

  async jobs(list?: string): Promise<readonly ImportJob[]> {
    return guarded(() =>
      wholeTable<JobRow>(this.#db, IMPORT_JOB)
        .filter((row) => list === undefined || row.list === list)
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .map(toJob),
    );
  }

  #job(id: string): ImportJob {
    const row = this.#db.prepare<[string], JobRow>('SELECT * FROM import_job WHERE id = ?').get(id);
    if (!row) throw new AppError('NOT_FOUND', { job: id });
    return toJob(row);
  }
}
