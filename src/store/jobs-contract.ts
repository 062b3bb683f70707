/** Imports that were handed over and are done one after the other; they outlive the process that took them. */
import type { ErrorCode, ErrorDetails } from '../core/errors.js';
import type { ImportReport } from './lists-contract.js';

export const JOB_STATES = ['queued', 'running', 'done', 'held', 'failed'] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface ImportJob {
  readonly id: string;
  readonly list: string;
  readonly state: JobState;
  /** How the bytes are to be read and what the list shall be, as the room above wrote it. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly bytes: number;
  /** Of the bytes and the request together: the same handed over again is the same job. */
  readonly sameAs: string;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly report: ImportReport | null;
  readonly error: { readonly code: ErrorCode; readonly details: ErrorDetails } | null;
}

export interface JobStore {
  addJob(job: ImportJob): Promise<void>;
  /** Errors NOT_FOUND. */
  changeJob(id: string, change: Partial<Pick<ImportJob, 'state' | 'finishedAt' | 'report' | 'error'>>): Promise<void>;
  job(id: string): Promise<ImportJob | null>;
  /** Newest first; `list`: only those of one list. The oldest finished ones are forgotten. */
  jobs(list?: string): Promise<readonly ImportJob[]>;
}
