/** Who has a case, and whether it is disputed: a part of its dialog. */
import { patch, refusalWords } from './api.js';
import { make } from './dom.js';
import type { Hit } from './types.js';

type Change = { readonly assignee: string | null } | { readonly disputed: boolean };

/** Make the part. `onChange`: called with the changed case. */
export function handlingPart(first: Hit, onChange: (hit: Hit) => void): HTMLElement {
  let hit = first;
  const input = make('input', { maxlength: '200', autocomplete: 'off', spellcheck: 'false' });
  const note = make('input', { maxlength: '4096', autocomplete: 'off' });
  const assign = make('button', { type: 'submit' }, 'Assign');
  const dispute = make('button', { type: 'button' });
  const said = make('span', { class: 'hint', role: 'status' });
  const form = make(
    'form',
    { class: 'handling', 'aria-label': 'Handling' },
    make('h3', {}, 'Handling'),
    make(
      'p',
      { class: 'fields' },
      make('label', {}, 'Assigned to', input),
      make('label', {}, 'Reason, if one is needed', note),
    ),
    make('p', { class: 'buttons left' }, assign, dispute, said),
  );
  const show = () => {
    input.value = hit.assignee ?? '';
    dispute.textContent = hit.disputed ? 'End the dispute' : 'Dispute';
  };
  const send = async (change: Change, words: string) => {
    const body = { ...change, ...(note.value.trim() ? { note: note.value.trim() } : {}) };
    const answer = await patch<Hit>(`v1/hits/${encodeURIComponent(hit.id)}`, body);
    said.textContent = answer.ok ? words : refusalWords(answer).join(' ');
    if (!answer.ok || !form.isConnected) return;
    hit = answer.data;
    note.value = '';
    show();
    onChange(hit);
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const assignee = input.value.trim() || null;
    void send({ assignee }, assignee === null ? 'Assigned to no one.' : `Assigned to ${assignee}.`);
  });
  dispute.addEventListener('click', () => {
    const disputed = !hit.disputed;
    void send({ disputed }, disputed ? 'Disputed, until the next decision.' : 'The dispute has ended.');
  });
  show();
  return form;
}
