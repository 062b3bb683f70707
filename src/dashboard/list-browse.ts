/** The entries of a list by their ids, page after page. Ids that may be values are not sent. */
import { type Answer, get } from './api.js';
import { make, say } from './dom.js';
import { pathOf } from './list-actions.js';
import type { EntryLine, EntryLines, OneEntry } from './list-types.js';
import { refusedWords } from './list-words.js';
import { count } from './words.js';

interface Browse {
  readonly element: HTMLElement;
  /** Show an entry as it is now; null: it is gone. */
  follow(entryId: string, entry: OneEntry | null): void;
}

const lineOf = (entryId: string, { values }: OneEntry): EntryLine => ({
  entryId,
  algorithms: [...new Set(values.map(({ algorithm }) => algorithm))],
  enabled: values.some(({ enabled }) => enabled),
  quarantined: values.some(({ quarantined }) => quarantined),
  flooded: values.some(({ flooded }) => flooded),
});

function stateTags({ enabled, quarantined, flooded }: EntryLine): readonly HTMLElement[] {
  const tag = (words: string, kind: string) => make('span', { class: `tag ${kind}` }, words);
  const tags = [
    ...(enabled ? [] : [tag('disabled', 'off')]),
    ...(quarantined ? [tag('quarantined', 'warn')] : []),
    ...(flooded ? [tag('flooded', 'warn')] : []),
  ];
  return tags.length === 0 ? [tag('enabled', 'ok')] : tags;
}

function rowOf(line: EntryLine, open: (entryId: string) => void): HTMLTableRowElement {
  const { entryId, algorithms } = line;
  const cell = (head: string, ...parts: readonly (HTMLElement | string)[]) =>
    make('td', { 'data-head': head }, ...parts);
  if (entryId === null)
    return make(
      'tr',
      {},
      cell('Entry', make('span', { class: 'soft' }, 'not shown: its id may be a value')),
      cell('Values', algorithms.join(', ')),
      cell('State', ...stateTags(line)),
    );
  const name = make('button', { type: 'button', class: 'name' }, entryId);
  name.addEventListener('click', () => open(entryId));
  return make('tr', {}, cell('Entry', name), cell('Values', algorithms.join(', ')), cell('State', ...stateTags(line)));
}

/** The elements of the page of entries. */
function makeParts(list: string) {
  const body = make('tbody');
  const heads = ['Entry', 'Values', 'State'].map((head) => make('th', { scope: 'col' }, head));
  const head = make('thead', {}, make('tr', {}, ...heads));
  const shown = make('table', { 'aria-label': `Entries of ${list}`, hidden: '' }, head, body);
  const status = make('p', { class: 'soft', role: 'status' });
  const more = make('button', { type: 'button', hidden: '' }, 'More');
  const again = make('button', { type: 'button', class: 'quiet', hidden: '' }, 'From the beginning');
  const element = make(
    'details',
    { class: 'browse' },
    make('summary', {}, 'All entries, by their ids'),
    shown,
    status,
    make('p', { class: 'buttons left' }, more, again),
  );
  return { element, body, shown, status, more, again };
}

/** `open`: shows one entry. */
export function browseEntries(list: string, open: (entryId: string) => void): Browse {
  const { element, body, shown, status, more, again } = makeParts(list);
  const rows = new Map<string, HTMLTableRowElement>();
  let cursor: string | null = null;
  let isLoading = false;

  function add({ entries, cursor: next }: EntryLines): void {
    const [first, ...others] = entries.map((line) => {
      const row = rowOf(line, open);
      if (line.entryId !== null) rows.set(line.entryId, row);
      return row;
    });
    if (first) body.append(first, ...others);
    cursor = next;
    more.hidden = next === null;
    again.hidden = false;
    shown.hidden = body.rows.length === 0;
    say(
      status,
      body.rows.length === 0
        ? 'The list has no entry.'
        : `${count(body.rows.length)} shown${next === null ? ', all of them' : ''}.`,
    );
    // The button that had the focus is gone, or further down.
    if (document.activeElement === document.body || document.activeElement === more)
      (first?.querySelector('button') ?? again).focus();
  }

  async function load(): Promise<void> {
    if (isLoading) return;
    isLoading = true;
    const answer: Answer<EntryLines> = await get<EntryLines>(`${pathOf(list)}/entries`, { cursor });
    isLoading = false;
    if (answer.ok) add(answer.data);
    else say(status, refusedWords(answer));
  }
  const begin = () => {
    body.replaceChildren();
    rows.clear();
    cursor = null;
    void load();
  };

  more.addEventListener('click', () => void load());
  again.addEventListener('click', begin);
  element.addEventListener('toggle', () => {
    if (element.open && body.rows.length === 0) begin();
  });
  return {
    element,
    follow(entryId, entry) {
      const row = rows.get(entryId);
      if (row === undefined) return;
      if (entry === null) {
        row.remove();
        rows.delete(entryId);
        return;
      }
      const now = rowOf(lineOf(entryId, entry), open);
      row.replaceWith(now);
      rows.set(entryId, now);
    },
  };
}
