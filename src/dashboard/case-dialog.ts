/** Dialog of one case: facts, history, notice, decision. */
import { getText, patch, refusalWords } from './api.js';
import { actionsFor, clockOf, matchText, nameOf, STATUS_WORDS } from './case-words.js';
import { byId, make } from './dom.js';
import type { Hit, Status } from './types.js';
import { count, time } from './words.js';

const dialog = byId<HTMLDialogElement>('case-dialog');

function facts(hit: Hit): HTMLElement {
  const rows: readonly (readonly [string, string])[] = [
    ['Reference', hit.reference ?? 'none'],
    ['Tenant', hit.tenant],
    ['Found by', [hit.list, hit.category, hit.severity, hit.source].filter(Boolean).join(' · ')],
    ['Match', `${matchText(hit)}${hit.orientation && hit.orientation !== 'original' ? `, ${hit.orientation}` : ''}`],
    [
      'Seen',
      `${time(hit.firstSeenAt)}${hit.timesSeen > 1 ? `, last ${time(hit.lastSeenAt)}, ${count(hit.timesSeen)} times` : ''}`,
    ],
    ['Clock', clockOf(hit, Date.now()).text],
    ['Case', hit.id],
  ];
  return make(
    'dl',
    { class: 'case-facts' },
    ...rows.flatMap(([label, value]) => [make('dt', {}, label), make('dd', {}, value)]),
  );
}

function history({ history: events }: Hit): HTMLElement | null {
  if (events.length === 0) return null;
  return make(
    'div',
    {},
    make('h3', {}, 'History'),
    make(
      'ol',
      { class: 'history' },
      ...events.map(({ at, status, note, by }) =>
        make(
          'li',
          {},
          make('span', {}, `${STATUS_WORDS[status as Status] ?? status}, ${time(at)}, by ${by}`),
          note ? make('q', {}, note) : null,
        ),
      ),
    ),
  );
}

function notices(hit: Hit): HTMLElement {
  const text = make('pre', { class: 'notice', tabindex: '0', 'aria-label': 'Text of the notice', hidden: '' });
  const button = (language: string, label: string) => {
    const made = make('button', { type: 'button', lang: language }, label);
    made.addEventListener('click', async () => {
      const answer = await getText(`v1/hits/${encodeURIComponent(hit.id)}/notice`, { language });
      text.textContent = answer.ok ? answer.data : refusalWords(answer).join(' ');
      text.lang = answer.ok ? language : 'en';
      text.hidden = false;
    });
    return made;
  };
  return make(
    'div',
    {},
    make('h3', {}, 'Notice'),
    make('p', { class: 'buttons left' }, button('en', 'In English'), button('nl', 'In het Nederlands')),
    text,
  );
}

/** The body of `PATCH /v1/hits/ID`. */
interface Decision {
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
function decisionForm(hit: Hit, chosen: Status | null, maySuppress: boolean): DecisionForm {
  const allowed = actionsFor(hit);
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

/** Open the dialog; resolve to the changed case, or null without a change. `chosen`: the preselected action. `maySuppress`: the key has the scope for it. */
export function openCase(hit: Hit, chosen: Status | null, maySuppress: boolean): Promise<Hit | null> {
  const { form, save, close, problem, decision } = decisionForm(hit, chosen, maySuppress);
  dialog.replaceChildren(
    make('h2', { id: 'case-dialog-title' }, nameOf(hit)),
    facts(hit),
    ...[history(hit)].filter((part) => part !== null),
    notices(hit),
    form,
  );
  const opener = document.activeElement as HTMLElement | null;
  return new Promise((resolve) => {
    let changed: Hit | null = null;
    close.addEventListener('click', () => dialog.close());
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const decided = decision();
      if (decided === null || save.disabled) return;
      save.disabled = true;
      const answer = await patch<Hit>(`v1/hits/${encodeURIComponent(hit.id)}`, decided);
      save.disabled = false;
      if (answer.ok) {
        changed = answer.data;
        dialog.close();
      } else problem.textContent = refusalWords(answer).join(' ');
    });
    dialog.addEventListener(
      'close',
      () => {
        dialog.replaceChildren();
        if (opener?.isConnected) opener.focus();
        resolve(changed);
      },
      { once: true },
    );
    dialog.showModal();
    // With an action chosen, Enter is enough; the note is one Tab away.
    (form.querySelector<HTMLInputElement>('input:checked') ?? close).focus();
  });
}
