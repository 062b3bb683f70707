/** Entries of a list on which a person decides: those with a mark, and one that is found by its id. */
import { get } from './api.js';
import { make } from './dom.js';
import { type Action, ENTRY_VERBS, type EntryChange, entryAction, pathOf } from './list-actions.js';
import type { Marked, OneEntry } from './list-types.js';
import { refusedWords, shownId } from './list-words.js';
import { count } from './words.js';

const MARK_WORDS = {
  flooded: 'suddenly matched at many places; its matches count until you decide',
  quarantined: 'quarantined: its matches do not count',
};

/** The marked entries. A button names the place of its entry, since an id may be a value. */
export function markedPart({ total, entries }: Marked, isAdmin: boolean): HTMLElement {
  const rest = total - entries.length;
  const button = (at: number, what: EntryChange, label: string) =>
    make(
      'button',
      { type: 'button', 'data-key': `${what} ${at}`, 'aria-label': `${ENTRY_VERBS[what]}: ${label}` },
      ENTRY_VERBS[what],
    );
  return make(
    'div',
    {},
    make(
      'ul',
      { class: 'marked' },
      ...entries.map(({ entryId, flooded }, at) => {
        const label = shownId(entryId);
        const words = flooded ? MARK_WORDS.flooded : MARK_WORDS.quarantined;
        return make(
          'li',
          {},
          make('span', {}, make('strong', {}, label), make('small', { class: 'line' }, words)),
          isAdmin && flooded ? button(at, 'quarantine', label) : null,
          isAdmin ? button(at, 'release', label) : null,
        );
      }),
    ),
    rest > 0 ? make('p', { class: 'soft' }, `and ${count(rest)} more`) : null,
  );
}

/** What may be done to an entry as it is. */
function changesOf({ values }: OneEntry): readonly EntryChange[] {
  return [
    ...(values.every(({ quarantined }) => quarantined) ? [] : (['quarantine'] as const)),
    ...(values.some(({ quarantined, flooded }) => quarantined || flooded) ? (['release'] as const) : []),
    ...(values.some(({ enabled }) => enabled) ? (['disable'] as const) : []),
    ...(values.every(({ enabled }) => enabled) ? [] : (['enable'] as const)),
  ];
}

const valueWords = ({ algorithm, enabled, quarantined, flooded, category, source }: OneEntry['values'][number]) =>
  [
    `${algorithm}: ${enabled ? 'enabled' : 'disabled'}`,
    ...(quarantined ? [MARK_WORDS.quarantined] : []),
    ...(flooded ? [MARK_WORDS.flooded] : []),
    ...(category ? [`category ${category}`] : []),
    ...(source ? [`source ${source}`] : []),
  ].join('; ');

/** Make the form that finds an entry by its id. `act`: performs a change; true once it is made. */
export function entryForm(list: string, isAdmin: boolean, act: (action: Action) => Promise<boolean>): HTMLElement {
  const input = make('input', {
    id: 'entry-id',
    type: 'search',
    autocomplete: 'off',
    spellcheck: 'false',
    required: '',
  });
  const found = make('div', { role: 'status' });
  const find = make('button', { type: 'submit' }, 'Find');
  const form = make(
    'form',
    { class: 'entry-form', 'aria-label': 'Find an entry' },
    make('label', { for: 'entry-id' }, 'Entry, by its id'),
    make('div', { class: 'buttons left' }, input, find),
    found,
  );
  const show = async (): Promise<void> => {
    const entryId = input.value.trim();
    if (entryId === '') return;
    const answer = await get<OneEntry>(`${pathOf(list)}/entries/${encodeURIComponent(entryId)}`);
    // Another one was typed meanwhile.
    if (entryId !== input.value.trim()) return;
    if (!answer.ok) {
      const words = answer.status === 404 ? 'The list has no entry with this id.' : refusedWords(answer);
      found.replaceChildren(make('p', { class: 'problem' }, words));
      return;
    }
    const buttons = changesOf(answer.data).map((what) => {
      const button = make('button', { type: 'button' }, ENTRY_VERBS[what]);
      button.addEventListener('click', async () => {
        if (!(await act(entryAction(list, entryId, what)))) return;
        await show();
        // The button that had the focus is gone.
        (found.querySelector('button') ?? find).focus();
      });
      return button;
    });
    found.replaceChildren(
      make('p', {}, make('strong', {}, shownId(entryId))),
      make('ul', {}, ...answer.data.values.map((value) => make('li', {}, valueWords(value)))),
      ...(isAdmin ? [make('p', { class: 'buttons left' }, ...buttons)] : []),
    );
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void show();
  });
  return form;
}
