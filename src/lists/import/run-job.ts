/**
 * Runs one job from its stored request to its stored end. An import is one transaction, so a stopped job has changed
 * nothing, and the next start repeats it; a committed import is recognised by the version that it made.
 */
import type { Audit } from '../../audit/audit.js';
import { AppError, ERRORS } from '../../core/errors.js';
import type { HeldDuty } from '../../duties/with-duty.js';
import type { ImportJob } from '../../store/jobs-contract.js';
import type { ImportReport, VersionInfo } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/log.js';
import { auditedImport } from '../audited-lists.js';
import type { ImportBodies } from './import-bodies.js';
import type { ImportRequest } from './import-list.js';
import type { ImportQueue } from './import-queue.js';
import type { ImportOutcome } from './import-task.js';

/** The format of the bytes, and the settings of the list. */
export type ImportSettings = Pick<
  ImportRequest,
  'format' | 'kind' | 'radiusBits' | 'detail' | 'assumed' | 'bank' | 'categories' | 'mapping' | 'mode'
>;

/** The duty of running the jobs: one process imports at a time, in the order of the jobs. */
export const IMPORTS = 'imports';
/** Newest rows of the audit log that are searched for an import's end. */
const AUDIT_ROWS_READ = 1_000;

/** The form stored with the job. */
type StoredRequest = ImportSettings & { readonly actor: string };

export interface JobParts {
  readonly store: Store;
  readonly bodies: ImportBodies;
  readonly queue: ImportQueue;
  readonly log: Logger;
  readonly audit: Audit;
  readonly onEnd: () => Promise<void>;
}

/** Errors NOT_FOUND. */
export async function findJob(store: Store, id: string): Promise<ImportJob> {
  const job = await store.jobs.job(id);
  if (!job) throw new AppError('NOT_FOUND', { job: id });
  return job;
}

/** Errors: those of the outcome. */
export function reportOf(outcome: ImportOutcome): ImportReport {
  if (!outcome.ok) throw new AppError(outcome.code, outcome.details);
  return outcome.report;
}

/**
 * Run the job as the holder of the duty `IMPORTS`. Never rejects: a failure is stored with the job, and a job that another
 * process has taken over is left to it.
 */
export async function runJob(id: string, held: HeldDuty, parts: JobParts): Promise<void> {
  const { log } = parts;
  try {
    await importBody(id, held, parts).catch((error: unknown) => storeFailure(id, error, held, parts));
  } catch (error) {
    if (isLost(error)) log.warn({ job: id }, 'import taken over by another process');
    else log.error({ err: error, job: id }, 'failed to record the import result');
  }
}

const isLost = (error: unknown) => error instanceof AppError && error.code === 'LEASE_LOST';

async function importBody(id: string, held: HeldDuty, parts: JobParts): Promise<void> {
  const { store, bodies, queue, log, audit, onEnd } = parts;
  if (queue.isClosing) return;
  const job = await findJob(store, id);
  const { list } = job;
  const origin = originOf(id);
  const { actor, ...settings } = job.request as unknown as StoredRequest;
  const audited = (act: () => Promise<ImportReport>) =>
    auditedImport(audit, actor, { list, mode: settings.mode, origin }, act);
  const made = await versionOf(store, job);
  if (made) {
    // Its first row may stand alone in the log; these two, of the same origin, report how it ended.
    const report = reportOfVersion(made);
    if (!(await hasAuditedEnd(store, origin))) await audited(async () => report);
    return finish(id, { state: made.state === 'held' ? 'held' : 'done', report }, held, parts);
  }
  if (!(await bodies.isReachable(id))) {
    log.warn({ job: id }, 'the body of an import cannot be read now; the job stays');
    return;
  }
  await store.jobs.changeJob(id, { state: 'running' }, held.lease);
  try {
    const request = { ...settings, list, ...bodies.sourceOf(id), origin, once: true, lease: held.lease };
    const report = await audited(async () => {
      const outcome = await queue.inThread(id, request);
      // The process that has the duty now records how the import ended.
      await held.require();
      return reportOf(outcome);
    });
    await finish(id, { state: stateOf(report), report }, held, parts);
  } catch (error) {
    // The next start repeats the job.
    if (queue.isClosing && error instanceof AppError) return;
    throw error;
  }
  // The job is done, whatever comes after it: the service loads the version at its next poll.
  await onEnd().catch((error: unknown) => log.error({ err: error, job: id }, 'list reload failed'));
}

/** Return the origin of the version that a job makes. */
export const originOf = (id: string) => `job ${id}`;

/** Return the report of an import whose own was lost. */
export const reportOfVersion = (made: VersionInfo): ImportReport => ({ ...made, deleted: 0, firstRejected: [] });

/** Return the version that a job made before its process ended, or null. */
export async function versionOf(
  store: Store,
  { id, list }: Pick<ImportJob, 'id' | 'list'>,
): Promise<VersionInfo | null> {
  if (!(await store.lists.list(list))) return null;
  return (await store.lists.versions(list)).find(({ origin }) => origin === originOf(id)) ?? null;
}

/** Return whether the log has the end of the import: its process died, or was stopped, after recording it. */
async function hasAuditedEnd({ audit }: Store, origin: string): Promise<boolean> {
  const rows = await audit.page({ tenant: null, before: null, limit: AUDIT_ROWS_READ });
  return rows.some(({ outcome, details }) => outcome === 'done' && details.origin === origin);
}

async function storeFailure(id: string, error: unknown, held: HeldDuty, parts: JobParts): Promise<void> {
  if (isLost(error)) throw error;
  // A list that was changed is no failure: the job stays, and its next run stores how it ended.
  if (await versionOf(parts.store, await findJob(parts.store, id))) throw error;
  await finish(id, { state: 'failed', error: failureOf(id, error, parts.log) }, held, parts);
}

/** Return what is stored with a job that failed. A fault of the list is stored alone; one of this service is logged too. */
export function failureOf(id: string, error: unknown, log: Logger): NonNullable<ImportJob['error']> {
  const failed = error instanceof AppError ? { code: error.code, details: error.details } : null;
  if (!failed || ERRORS[failed.code].http >= 500) log.error({ err: error, job: id }, 'import failed');
  return failed ?? { code: 'INTERNAL', details: {} };
}

/** Return the state of a job whose import has ended. */
export const stateOf = ({ held }: Pick<ImportReport, 'held'>): 'held' | 'done' => (held.length > 0 ? 'held' : 'done');

async function finish(
  id: string,
  change: Parameters<Store['jobs']['changeJob']>[1],
  { lease }: HeldDuty,
  { store, bodies, log }: JobParts,
): Promise<void> {
  await store.jobs.changeJob(id, { finishedAt: new Date().toISOString(), ...change }, lease);
  // The end is stored, whatever comes after it: the next start removes what is left.
  await bodies
    .remove(id)
    .catch((error: unknown) => log.warn({ err: error, job: id }, 'the body of an ended import stays'));
}
