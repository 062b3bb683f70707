/** Entries of a list on which a person decides: those with a mark, and one that is found by its id. */
import { get } from './api.js';
import { looksLikeValue } from './case-matches.js';
import { make } from './dom.js';
import { type Action, ENTRY_VERBS, type EntryChange, entryAction, pathOf } from './list-actions.js';
import type { Marked, OneEntry } from './list-types.js';
import { refusedWords, shownId } from './list-words.js';
import { count, time } from './words.js';

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
    'remove',
  ];
}

const NOT_SHOWN = 'not shown: it may be a value';
const shownText = (text: string) => (looksLikeValue(text) ? NOT_SHOWN : text);

type Value = OneEntry['values'][number];

/** Facts of a value; those beside its marks need the scope `details`. */
function factsOf(value: Value): readonly string[] {
  const { quarantined, flooded, derived, category, severity, source, updatedAt, tags = [] } = value;
  return [
    ...(quarantined ? [MARK_WORDS.quarantined] : []),
    ...(flooded ? [MARK_WORDS.flooded] : []),
    ...(derived ? [`of a ${derived} of the listed image`] : []),
    ...(category ? [`category ${category}`] : []),
    ...(severity ? [`severity ${severity}`] : []),
    ...(source ? [`source ${source}`] : []),
    ...(updatedAt ? [`updated ${time(updatedAt)}`] : []),
    ...(tags.length > 0 ? [`tags ${tags.map(shownText).join(', ')}`] : []),
  ];
}

function valueItem(value: Value): HTMLElement {
  const { algorithm, enabled, notes = {} } = value;
  const noted = Object.entries(notes);
  return make(
    'li',
    {},
    [`${algorithm}: ${enabled ? 'enabled' : 'disabled'}`, ...factsOf(value)].join('; '),
    noted.length === 0
      ? null
      : make(
          'dl',
          { class: 'case-facts notes' },
          ...noted.flatMap(([name, text]) => [make('dt', {}, shownText(name)), make('dd', {}, shownText(text))]),
        ),
  );
}

/** Of many values of one entry, as of a crowd, the first ones are shown. */
const VALUES_SHOWN_MAX = 50;

function entryParts(entryId: string, { values }: OneEntry, buttons: readonly HTMLElement[]): readonly HTMLElement[] {
  const rest = values.length - VALUES_SHOWN_MAX;
  return [
    make('p', {}, make('strong', {}, shownId(entryId))),
    make('ul', {}, ...values.slice(0, VALUES_SHOWN_MAX).map(valueItem)),
    ...(rest > 0 ? [make('p', { class: 'soft' }, `and ${count(rest)} more`)] : []),
    ...(buttons.length > 0 ? [make('p', { class: 'buttons left' }, ...buttons)] : []),
  ];
}

interface EntryForm {
  readonly element: HTMLElement;
  /** Show the entry with this id. */
  open(entryId: string): void;
}

/**
 * Make the form that finds an entry by its id. `act`: performs a change; true once it is made. `onShown`: called with an entry as it is now, null where
 * it is gone.
 */
export function entryForm(
  list: string,
  isAdmin: boolean,
  act: (action: Action) => Promise<boolean>,
  onShown: (entryId: string, entry: OneEntry | null) => void,
): EntryForm {
  const input = make('input', {
    id: 'entry-id',
    type: 'search',
    autocomplete: 'off',
    spellcheck: 'false',
    required: '',
  });
  const found = make('div', { role: 'status', tabindex: '-1' });
  const find = make('button', { type: 'submit' }, 'Find');
  const element = make(
    'form',
    { class: 'entry-form', 'aria-label': 'Find an entry' },
    make('label', { for: 'entry-id' }, 'Entry, by its id'),
    make('div', { class: 'buttons left' }, input, find),
    found,
  );
  let asked = 0;

  function buttonOf(entryId: string, what: EntryChange): HTMLElement {
    const button = make('button', { type: 'button' }, ENTRY_VERBS[what]);
    button.addEventListener('click', async () => {
      if (!(await act(entryAction(list, entryId, what)))) return;
      await show(entryId);
      // The button that had the focus is gone.
      (found.querySelector('button') ?? find).focus();
    });
    return button;
  }

  async function show(entryId: string): Promise<void> {
    const turn = ++asked;
    const answer = await get<OneEntry>(`${pathOf(list)}/entries/${encodeURIComponent(entryId)}`);
    // Another one was asked for meanwhile.
    if (turn !== asked) return;
    if (!answer.ok) {
      const isGone = answer.status === 404;
      if (isGone) onShown(entryId, null);
      const words = isGone ? 'The list has no entry with this id.' : refusedWords(answer);
      found.replaceChildren(make('p', { class: 'problem' }, words));
      return;
    }
    onShown(entryId, answer.data);
    const buttons = isAdmin ? changesOf(answer.data).map((what) => buttonOf(entryId, what)) : [];
    found.replaceChildren(...entryParts(entryId, answer.data, buttons));
  }

  element.addEventListener('submit', (event) => {
    event.preventDefault();
    const entryId = input.value.trim();
    if (entryId !== '') void show(entryId);
  });
  return {
    element,
    async open(entryId) {
      input.value = entryId;
      await show(entryId);
      found.focus();
      found.scrollIntoView({ block: 'nearest' });
    },
  };
}
