/**
 * The match debugger: an image or a hash, and why it matched or not. The image is sent to the service alone, and kept nowhere. Each explanation counts as a check;
 * it is on record only where that is asked for.
 */
import { type Answer, change, refusalWords, upload } from './api.js';
import { announce, byId, emptiness, make, say } from './dom.js';
import { explanationPart } from './explain-result.js';
import type { Explanation, Recorded } from './explain-types.js';
import { hashProblem, KIND_WORDS, kindsOf, VERDICT_WORDS, verdictWords } from './explain-words.js';
import { bytesWords } from './list-jobs.js';
import { detailWords } from './list-words.js';
import type { Access } from './types.js';

const panel = byId('explain');
const form = byId<HTMLFormElement>('explain-form');
const fileInput = byId<HTMLInputElement>('explain-file');
const hashInput = byId<HTMLInputElement>('explain-hash');
const kind = byId<HTMLSelectElement>('explain-kind');
const detail = byId<HTMLSelectElement>('explain-detail');
const record = byId<HTMLInputElement>('explain-record');
const begin = byId<HTMLButtonElement>('explain-begin');
const problem = byId('explain-problem');
const result = byId('explain-result');

/** What is explained: a file, or a value. */
type Given = { readonly file: File } | { readonly hash: string; readonly algorithm: string };
let asked = 0;

const mayExplain = ({ scopes }: Access) =>
  scopes.includes('admin') ||
  (scopes.includes('details') && (scopes.includes('check') || scopes.includes('check:hashes')));

/** Show the debugger to a key that may use it; to another the reason. */
export function offerExplain(access: Access): void {
  const may = mayExplain(access);
  form.hidden = !may;
  panel.querySelector('.refusal')?.remove();
  if (may) return;
  result.replaceChildren();
  const missing = access.scopes.includes('details') ? 'check' : 'details';
  const words = emptiness(
    `The key does not have the scope ${missing}.`,
    'This panel needs a key with details and check, or with admin.',
  );
  words.classList.add('refusal');
  form.after(words);
}

const explain = (given: Given): Promise<Answer<Explanation>> => {
  if ('file' in given) return upload('v1/explain', given.file, { detail: detail.value });
  return change('POST', 'v1/explain', given);
};
const recordCheck = async (given: Given): Promise<Answer<Recorded>> => {
  if ('file' in given) return upload('v1/check', given.file);
  const { hash, algorithm } = given;
  const answer = await change<{ results: Recorded[] }>('POST', 'v1/check/hashes', { items: [{ [algorithm]: hash }] });
  return answer.ok ? { ok: true, data: answer.data.results[0]! } : answer;
};

function problemWords(answer: Answer<unknown>): string {
  if (answer.ok) return '';
  const [title, hint] = refusalWords(answer);
  const { details = {} } = answer.body as { details?: Readonly<Record<string, unknown>> };
  const { bytesMax } = details;
  if (answer.code === 'BODY_TOO_LARGE' && typeof bytesMax === 'number')
    return `The file is larger than the service takes: at most ${bytesWords(bytesMax)}.`;
  return [title, detailWords(details), answer.status === 0 ? '' : hint].filter(Boolean).join(' ');
}

/** Name what is explained, without a value. */
const nameOf = (given: Given) =>
  'file' in given ? given.file.name : `A value of ${KIND_WORDS[given.algorithm] ?? given.algorithm}`;

async function run(given: Given): Promise<void> {
  const turn = ++asked;
  begin.disabled = true;
  say(problem, '');
  const isRecorded = record.checked;
  result.replaceChildren(make('p', { class: 'soft' }, `Looking at ${nameOf(given)}…`));
  const answer = await explain(given);
  // Another one was chosen meanwhile.
  if (turn !== asked) return;
  begin.disabled = false;
  if (!answer.ok) {
    result.replaceChildren();
    return say(problem, problemWords(answer));
  }
  const note = make('p', { class: 'soft' }, 'Not on record; it counts as a check.');
  const part = explanationPart(answer.data, nameOf(given));
  part.append(note);
  result.replaceChildren(part);
  announce(`${VERDICT_WORDS[answer.data.verdict][0]}. ${verdictWords(answer.data)}`);
  if (!isRecorded) return;
  say(note, 'Recording…');
  const recorded = await recordCheck(given);
  if (recorded.ok) {
    say(note, `On record as a check: ${recorded.data.verdict.replaceAll('_', ' ')}. Both count as checks.`);
    document.dispatchEvent(new CustomEvent('zeef-changed'));
  } else say(note, `It is not on record: ${problemWords(recorded)}`);
}

function offerKinds(): void {
  const kinds = kindsOf(hashInput.value.trim());
  if (kinds.length > 0 && kinds.join() === [...kind.options].map(({ value }) => value).join()) return;
  kind.replaceChildren(...kinds.map((one) => make('option', { value: one }, KIND_WORDS[one] ?? one)));
  kind.disabled = kinds.length < 2;
  kind.parentElement!.hidden = kinds.length === 0;
}

function explainFiles(files: FileList | readonly File[]): void {
  const [file, ...others] = [...files];
  if (file === undefined) return;
  hashInput.value = '';
  offerKinds();
  const wrong = others.length > 0 ? 'One image at a time.' : file.size === 0 ? `${file.name} is empty.` : '';
  say(problem, wrong);
  if (wrong === '') void run({ file });
}

hashInput.addEventListener('input', () => {
  offerKinds();
  say(problem, '');
  // A value takes the place of the file.
  if (hashInput.value.trim() !== '') fileInput.value = '';
});
fileInput.addEventListener('change', () => explainFiles(fileInput.files ?? []));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const hash = hashInput.value.trim();
  if (hash === '' && fileInput.files?.length) return explainFiles(fileInput.files);
  const wrong = hashProblem(hash);
  say(problem, wrong);
  if (wrong !== '') return hashInput.focus();
  void run({ hash: hash.toLowerCase(), algorithm: kind.value });
});

const isUsable = () => !form.hidden;
const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files') ?? false;
// A file that is dropped beside the place would replace the page.
addEventListener('dragover', (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  if (event.dataTransfer && !(isUsable() && panel.contains(event.target as Node)))
    event.dataTransfer.dropEffect = 'none';
});
addEventListener('drop', (event) => {
  if (hasFiles(event)) event.preventDefault();
});
const mark = (isOver: boolean) => panel.classList.toggle('over', isOver);
panel.addEventListener('dragenter', (event) => mark(isUsable() && hasFiles(event)));
panel.addEventListener('dragleave', (event) => {
  if (!panel.contains(event.relatedTarget as Node | null)) mark(false);
});
panel.addEventListener('drop', (event) => {
  mark(false);
  if (!isUsable() || !event.dataTransfer) return;
  // So that it can be explained again.
  fileInput.files = event.dataTransfer.files;
  explainFiles(event.dataTransfer.files);
});
offerKinds();
