/** The imports of a list: those under way, and how the last ones ended. */
import { make } from './dom.js';
import type { Job, JobReport } from './list-types.js';
import { detailWords, entriesWords, rejectWords } from './list-words.js';
import { count, percent, time } from './words.js';

/** Imports that are shown, newest first. */
const JOBS_SHOWN = 5;
const KILO = 1_000;

/** `1.2 MB`. */
export function bytesWords(bytes: number): string {
  const at = Math.min(3, Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(KILO)));
  return `${Number((bytes / KILO ** at).toPrecision(3))} ${['bytes', 'kB', 'MB', 'GB'][at]}`;
}

export const isUnderWay = ({ state }: Job): boolean => state === 'queued' || state === 'running';

const STATES: Readonly<Record<Job['state'], readonly [words: string, kind: string]>> = {
  queued: ['waits', ''],
  running: ['running', ''],
  done: ['active', 'ok'],
  held: ['held for approval', 'warn'],
  failed: ['failed', 'warn'],
};

function progressPart({ bytes, bytesDone, rowsRead, state }: Job): HTMLElement {
  if (state === 'queued' || bytesDone === null)
    return make('p', { class: 'soft' }, `${bytesWords(bytes)} arrived; other imports come first.`);
  const rows = rowsRead === null ? '' : `, ${count(rowsRead)} rows`;
  // The last bytes are read before the last rows are written.
  const words =
    bytesDone < bytes
      ? `${bytesWords(bytesDone)} of ${bytesWords(bytes)} read, ${percent(bytesDone / bytes)}${rows}`
      : `all ${bytesWords(bytes)} read${rows}, which are compared and written`;
  return make(
    'p',
    {},
    make('progress', { max: String(bytes), value: String(bytesDone), 'aria-label': 'Read' }),
    make('span', { class: 'soft' }, ` ${words}`),
  );
}

function reportPart(report: JobReport): HTMLElement {
  const { version, accepted, duplicates, rejected, added, removed, rejectedByReason, firstRejected } = report;
  const reasons = Object.entries(rejectedByReason).map(([reason, rows]) => `${count(rows)} ${rejectWords(reason)}`);
  const rows = make(
    'section',
    { class: 'scroll held-rows', tabindex: '0', 'aria-label': 'Rejected rows' },
    make('ol', {}, ...firstRejected.map(({ line, reason }) => make('li', {}, `line ${line}: ${rejectWords(reason)}`))),
    rejected > firstRejected.length
      ? make('p', { class: 'soft' }, `and ${count(rejected - firstRejected.length)} more`)
      : null,
  );
  return make(
    'div',
    {},
    make(
      'p',
      {},
      `Version ${version}: ${entriesWords(accepted)} accepted, ${count(duplicates)} duplicates, ${count(rejected)} rejected; ` +
        `${count(added)} added, ${count(removed)} removed.`,
    ),
    reasons.length === 0 ? null : make('p', { class: 'soft' }, reasons.join('; ')),
    firstRejected.length === 0 ? null : rows,
  );
}

function jobItem(job: Job): HTMLElement {
  const [words, kind] = STATES[job.state];
  const { error, report } = job;
  return make(
    'li',
    { 'data-key': job.id },
    make(
      'p',
      {},
      make('span', { class: `tag ${kind}` }, words),
      ` ${time(job.createdAt)}, ${bytesWords(job.bytes)} `,
      make('small', {}, `job ${job.id}`),
    ),
    isUnderWay(job) ? progressPart(job) : null,
    error === null ? null : make('p', { class: 'late' }, `${error.says} ${detailWords(error.details)}`),
    report === null ? null : reportPart(report as unknown as JobReport),
  );
}

export const jobsPart = (jobs: readonly Job[]): HTMLElement =>
  make('ol', { class: 'jobs' }, ...jobs.slice(0, JOBS_SHOWN).map(jobItem));
