/**
 * Uploads of lists: they continue while the dialog is closed, one file after the other, and end with the page. What has arrived is a
 * job of the service.
 */
import { get, keptKey, type Refusal } from './api.js';
import { make } from './dom.js';
import { pathOf } from './list-actions.js';
import { bytesWords, isUnderWay } from './list-jobs.js';
import type { Job } from './list-types.js';
import { refusedWords } from './list-words.js';

/** Interval at which the job of a file is asked for, before the next file is sent. */
const LOOK_MS = 1_000;

interface Upload {
  readonly files: readonly File[];
  at: number;
  sent: number;
  /** Its request; null while the job of the last file runs. */
  request: XMLHttpRequest | null;
  isCancelled: boolean;
}
/** By list. */
const uploads = new Map<string, Upload>();
/** How the last upload of a list ended, where it did not end well. */
const problems = new Map<string, string>();

// The browser asks before the page is left.
addEventListener('beforeunload', (event) => {
  if ([...uploads.values()].some(({ request }) => request !== null)) event.preventDefault();
});

const changed = (list: string) => document.dispatchEvent(new CustomEvent('zeef-upload', { detail: list }));

export const isUploading = (list: string): boolean => uploads.has(list);

export function cancelUpload(list: string): void {
  const upload = uploads.get(list);
  if (!upload) return;
  upload.isCancelled = true;
  upload.request?.abort();
}

/** Send one file. Result: its job, a refusal, or null: cancelled, or without an answer. */
function send(list: string, upload: Upload, query: Readonly<Record<string, string>>): Promise<Job | Refusal | null> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open('POST', `${pathOf(list)}/entries?${new URLSearchParams(query)}`);
    const key = keptKey();
    if (key !== null) request.setRequestHeader('authorization', `Bearer ${key}`);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.addEventListener('progress', ({ loaded }) => {
      upload.sent = loaded;
      changed(list);
    });
    request.addEventListener('loadend', () => {
      upload.request = null;
      if (request.status === 0) return resolve(null);
      let body: { code?: string; title?: string } = {};
      try {
        body = JSON.parse(request.responseText);
      } catch {
        // A proxy may answer something else.
      }
      if (request.status < 300) return resolve(body as Job);
      const { code = 'UNKNOWN', title = `The service answered ${request.status}.` } = body;
      resolve({ ok: false, status: request.status, code, title, scope: null, body });
    });
    upload.request = request;
    upload.sent = 0;
    request.send(upload.files[upload.at]!);
  });
}

/** Wait until the job has ended, or cannot be asked for. */
async function ended(job: Job): Promise<Job> {
  for (let now = job; ; ) {
    if (!isUnderWay(now)) return now;
    await new Promise((done) => setTimeout(done, LOOK_MS));
    const answer = await get<Job>(`v1/jobs/${encodeURIComponent(job.id)}`);
    if (answer.ok) now = answer.data;
    else if (answer.status !== 0) return now;
  }
}

/** Send files one after the other: a file whose version is held, or that is refused, ends it. Words: why it ended, or an empty text. */
async function sendAll(list: string, upload: Upload, query: Readonly<Record<string, string>>): Promise<string> {
  for (; upload.at < upload.files.length; upload.at++) {
    const left = upload.files.length - upload.at - 1;
    const rest = left > 0 ? ` ${left} files after it were not sent.` : '';
    const { name } = upload.files[upload.at]!;
    const answer = await send(list, upload, query);
    if (upload.isCancelled) return `The upload of ${name} was cancelled: nothing of it is imported.${rest}`;
    if (answer === null)
      return `${name} did not arrive, or its answer was lost. Send it again: the same file is the same import.${rest}`;
    if ('ok' in answer) return `${name}: ${refusedWords(answer)}${rest}`;
    changed(list);
    if (left === 0) return '';
    const { state } = await ended(answer);
    // The next import would replace the held version.
    if (state !== 'done') return `${name} is ${state}.${rest}`;
  }
  return '';
}

/** Begin an upload, unless one is under way. `query`: of `POST /v1/lists/NAME/entries`. */
export async function beginUpload(
  list: string,
  files: readonly File[],
  query: Readonly<Record<string, string>>,
): Promise<void> {
  if (uploads.has(list)) return;
  const upload: Upload = { files, at: 0, sent: 0, request: null, isCancelled: false };
  uploads.set(list, upload);
  problems.delete(list);
  const problem = await sendAll(list, upload, query);
  uploads.delete(list);
  if (problem !== '') problems.set(list, problem);
  changed(list);
  document.dispatchEvent(new CustomEvent('zeef-changed'));
}

/** The upload of a list as it is; null: there is none, and none failed. */
export function uploadPart(list: string): HTMLElement | null {
  const upload = uploads.get(list);
  const problem = problems.get(list);
  if (!upload) return problem === undefined ? null : make('p', { class: 'problem', role: 'alert' }, problem);
  const { files, at, sent, request } = upload;
  const { name, size } = files[at]!;
  const which = files.length > 1 ? ` (${at + 1} of ${files.length})` : '';
  // The size of a file counts its own bytes alone.
  const words =
    request !== null && sent < size
      ? `${bytesWords(sent)} of ${bytesWords(size)} sent`
      : 'all of it is sent; the service reads it';
  return make(
    'div',
    {},
    make('p', {}, make('strong', {}, name), `${which}: ${words}`),
    make('progress', { max: String(size), value: String(Math.min(sent, size)), 'aria-label': 'Sent' }),
    make('p', { class: 'buttons left' }, make('button', { type: 'button', 'data-key': 'cancel' }, 'Cancel the upload')),
  );
}
