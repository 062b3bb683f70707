/** Decisions: the form of one, and its way to the service, which may be away. */
import { get, patch, type Refusal } from './api.js';
import type { Action } from './case-words.js';
import { make } from './dom.js';
import type { Hit, Status } from './types.js';

/** The body of `PATCH /v1/hits/ID`. */
export interface Decision {
  readonly status: Status;
  readonly note?: string;
  readonly suppress?: true;
}

interface DecisionForm {
  readonly form: HTMLFormElement;
  readonly save: HTMLButtonElement;
  readonly close: HTMLButtonElement;
  /** For the refusal of a decision. */
  readonly problem: HTMLElement;
  /** The decision as the form has it, or null while no action is chosen. */
  decision(): Decision | null;
}

/** Make a form with the actions, a note and buttons; it does not send. Parameters as in `openCase`. */
export function decisionForm(
  allowed: readonly Action[],
  chosen: Status | null,
  { maySuppress }: { readonly maySuppress: boolean },
): DecisionForm {
  const problem = make('p', { class: 'problem', role: 'alert' });
  const choices = allowed.map(({ status, label, says }) => {
    const input = make('input', { type: 'radio', name: 'status', value: status, required: '' });
    input.checked = status === chosen;
    return make('label', { class: 'choice' }, input, make('span', {}, label, make('small', {}, says)));
  });
  const suppress = make('input', { type: 'checkbox', name: 'suppress' });
  const suppression = make(
    'label',
    { class: 'choice sub' },
    suppress,
    make(
      'span',
      {},
      'Suppress it',
      make('small', {}, 'Later matches of the entry are reported as suppressed and do not count as hits.'),
    ),
  );
  const note = make('textarea', { name: 'note', id: 'case-note', rows: '2', maxlength: '4096' });
  const save = make('button', { type: 'submit', class: 'primary' }, 'Save');
  const close = make('button', { type: 'button' }, 'Close');
  const form = make(
    'form',
    { class: 'decide' },
    make('fieldset', {}, make('legend', {}, 'Decide'), ...choices, suppression),
    make('label', { for: 'case-note' }, 'Note'),
    note,
    problem,
    make('div', { class: 'buttons' }, close, save),
  );
  const status = () => new FormData(form).get('status') as Status | null;
  const follow = () => {
    suppression.hidden = status() !== 'false_positive' || !maySuppress;
    save.disabled = status() === null;
  };
  form.addEventListener('change', follow);
  follow();

  const decision = (): Decision | null => {
    const wanted = status();
    if (wanted === null) return null;
    return {
      status: wanted,
      ...(note.value.trim() ? { note: note.value.trim() } : {}),
      ...(wanted === 'false_positive' && suppress.checked ? { suppress: true } : {}),
    };
  };
  return { form, save, close, problem, decision };
}

/** Interval at which a decision that did not reach the service is sent again. */
const AGAIN_MS = 3_000;
let unsent = 0;
// The browser asks before the page is left.
addEventListener('beforeunload', (event) => {
  if (unsent > 0) event.preventDefault();
});

/** A request without an answer may have been recorded: then the last event of the hit is this decision. */
async function isRecorded(hit: Hit, { status, note }: Decision): Promise<Hit | null> {
  const answer = await get<Hit>(`v1/hits/${encodeURIComponent(hit.id)}`);
  if (!answer.ok || answer.data.history.length <= hit.history.length) return null;
  const last = answer.data.history.at(-1);
  return last?.status === status && last.note === (note ?? null) ? answer.data : null;
}

/**
 * Send a decision until the service answers. `onAway`: once for each attempt without an answer. Null: `isOpen` became false
 * before it was recorded.
 */
export async function sendDecision(
  hit: Hit,
  decision: Decision,
  { onAway, isOpen }: { readonly onAway: () => void; readonly isOpen: () => boolean },
): Promise<Hit | Refusal | null> {
  unsent++;
  try {
    for (let wasAway = false; ; wasAway = true) {
      const answer = await patch<Hit>(`v1/hits/${encodeURIComponent(hit.id)}`, decision);
      if (answer.ok) return answer.data;
      if (answer.status !== 0) return (wasAway && (await isRecorded(hit, decision))) || answer;
      if (!isOpen()) return null;
      onAway();
      await new Promise((done) => setTimeout(done, AGAIN_MS));
      if (!isOpen()) return null;
    }
  } finally {
    unsent--;
  }
}
