/** Health of the lists: age, size, rejected entries, held versions. Sizes and counts, never a value. A name opens its list. */
import { byId, emptiness, make, table } from './dom.js';
import { openList } from './list-dialog.js';
import { morph } from './morph.js';
import type { List } from './types.js';
import { age, count, time } from './words.js';

/** Hotlines publish daily; an older list needs an inspection. */
const OLD_MS = 7 * 86_400_000;

function stateOf(list: List): readonly [text: string, kind: string] {
  if (list.heldVersion !== null) return [`version ${list.heldVersion} waits for approval`, 'warn'];
  if (!list.enabled) return ['disabled', 'off'];
  if (list.quarantinedCount > 0) return ['entries in quarantine', 'warn'];
  return [list.kind === 'suppression' ? 'suppresses' : 'active', 'ok'];
}

export function showLists(lists: readonly List[], isAdmin: boolean): void {
  byId('new-list').hidden = !isAdmin;
  const nowMs = Date.now();
  const flagged = (value: number) => (value > 0 ? make('strong', { class: 'warn-text' }, count(value)) : count(value));
  const shown =
    lists.length === 0
      ? emptiness('There are no lists: nothing can match.', 'Import one with zeef lists import FILE --list NAME.')
      : table('Lists: age, size, rejected and quarantined entries', lists, [
          {
            head: 'List',
            cell: ({ list }) => make('button', { type: 'button', class: 'name', 'data-list': list }, list),
          },
          {
            head: 'State',
            cell: (list) => {
              const [text, kind] = stateOf(list);
              return make('span', { class: `tag ${kind}` }, text);
            },
          },
          { head: 'Entries', number: true, cell: ({ entryCount }) => count(entryCount) },
          { head: 'Version', number: true, cell: ({ version }) => String(version) },
          {
            head: 'Imported',
            number: true,
            cell: ({ importedAt }) => {
              if (importedAt === null) return 'never';
              const isOld = nowMs - Date.parse(importedAt) > OLD_MS;
              return make(
                'span',
                { title: time(importedAt), class: isOld ? 'warn-text' : 'soft' },
                age(importedAt, nowMs),
              );
            },
          },
          { head: 'Rejected', number: true, cell: ({ rejectedCount }) => count(rejectedCount) },
          { head: 'Quarantined', number: true, cell: ({ quarantinedCount }) => flagged(quarantinedCount) },
        ]);
  if (shown instanceof HTMLTableElement)
    for (const [at, row] of [...shown.tBodies[0]!.rows].entries()) row.dataset.key = lists[at]!.list;
  morph(byId('lists'), make('div', {}, shown));
}

byId('lists').addEventListener('click', (event) => {
  const name = (event.target as HTMLElement).closest<HTMLElement>('button[data-list]')?.dataset.list;
  if (name !== undefined) openList(name);
});
byId<HTMLFormElement>('new-list').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = byId<HTMLInputElement>('new-list-name').value.trim();
  if (name !== '') openList(name);
});
