/** Submitted imports, which run one after the other and survive a restart. */
import type { ErrorCode, ErrorDetails } from '../core/errors.js';
import type { Lease } from './duties-contract.js';
import type { ImportReport } from './lists-contract.js';

export const JOB_STATES = ['queued', 'running', 'done', 'held', 'failed'] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface ImportJob {
  readonly id: string;
  readonly list: string;
  readonly state: JobState;
  /** Format of the bytes and settings of the list, written by `lists/`. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly bytes: number;
  /** Digest of the bytes and the request: a repeated submission is the same job. */
  readonly sameAs: string;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly report: ImportReport | null;
  readonly error: { readonly code: ErrorCode; readonly details: ErrorDetails } | null;
}

/** Finished jobs kept: some weeks of an hourly list. Their results are in the lists' versions. */
export const JOBS_KEPT_MAX = 1_000;

export interface JobStore {
  addJob(job: ImportJob): Promise<void>;
  /** Change a job of the holder of `lease`. Errors NOT_FOUND; LEASE_LOST: another process has the duty; nothing changed. */
  changeJob(
    id: string,
    change: Partial<Pick<ImportJob, 'state' | 'finishedAt' | 'report' | 'error'>>,
    lease?: Lease,
  ): Promise<void>;
  job(id: string): Promise<ImportJob | null>;
  /** Return the queued and running jobs, oldest first. */
  unfinished(): Promise<readonly ImportJob[]>;
  /** Newest first; `list`: only those of one list. The oldest finished jobs are deleted. */
  jobs(list?: string): Promise<readonly ImportJob[]>;
}
