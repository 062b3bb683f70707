/** Import jobs in PostgreSQL. */
import { AppError } from '../../core/errors.js';
import type { Lease } from '../../store/duties-contract.js';
import { type ImportJob, JOBS_KEPT_MAX, type JobState, type JobStore } from '../../store/jobs-contract.js';
import type { Database, Sql } from '../database.js';
import { isNewest } from './duties.js';

interface JobRow {
  readonly id: string;
  readonly list: string;
  readonly state: JobState;
  readonly facts: string;
}

type Facts = Omit<ImportJob, 'id' | 'list' | 'state'>;

const toJob = ({ id, list, state, facts }: JobRow): ImportJob => ({ id, list, state, ...(JSON.parse(facts) as Facts) });

export class PostgresJobs implements JobStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async addJob({ id, list, state, ...facts }: ImportJob): Promise<void> {
    await this.#database.writeOnce(async (sql) => {
      // An earlier try may have been committed, and its answer lost.
      await sql('INSERT INTO import_job (id, list, state, facts) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING', [
        id,
        list,
        state,
        JSON.stringify(facts),
      ]);
      await sql(
        `DELETE FROM import_job WHERE state NOT IN ('queued', 'running') AND id NOT IN
           (SELECT id FROM import_job ORDER BY id DESC LIMIT $1)`,
        [JOBS_KEPT_MAX],
      );
    });
  }

  async changeJob(id: string, change: Partial<ImportJob>, lease?: Lease): Promise<void> {
    await this.#database.write(async (sql) => {
      if (lease && !(await isNewest(sql, lease))) throw new AppError('LEASE_LOST', { duty: lease.duty });
      const { list, state, ...facts } = { ...(await lockedJob(sql, id)), ...change };
      await sql('UPDATE import_job SET state = $3, facts = $4 WHERE id = $1 AND list = $2', [
        id,
        list,
        state,
        JSON.stringify({ ...facts, id: undefined }),
      ]);
    });
  }

  async job(id: string): Promise<ImportJob | null> {
    const [row] = await this.#database.read<JobRow>('SELECT * FROM import_job WHERE id = $1', [id]);
    return row ? toJob(row) : null;
  }

  async unfinished(): Promise<readonly ImportJob[]> {
    const rows = await this.#database.read<JobRow>(
      `SELECT * FROM import_job WHERE state IN ('queued', 'running') ORDER BY id`,
    );
    return rows.map(toJob);
  }

  async jobs(list?: string): Promise<readonly ImportJob[]> {
    const rows = await this.#database.read<JobRow>(
      'SELECT * FROM import_job WHERE $1::text IS NULL OR list = $1 ORDER BY id DESC',
      [list ?? null],
    );
    return rows.map(toJob);
  }
}

async function lockedJob(sql: Sql, id: string): Promise<ImportJob> {
  const [row] = await sql<JobRow>('SELECT * FROM import_job WHERE id = $1 FOR UPDATE', [id]);
  if (!row) throw new AppError('NOT_FOUND', { job: id });
  return toJob(row);
}
