/** Health of the lists: age, size, rejected entries, held versions. Sizes and counts, never a value. */
import { byId, emptiness, make, table } from './dom.js';
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

export function showLists(lists: readonly List[]): void {
  const nowMs = Date.now();
  const flagged = (value: number) => (value > 0 ? make('strong', { class: 'warn-text' }, count(value)) : count(value));
  byId('lists').replaceChildren(
    lists.length === 0
      ? emptiness('There are no lists: nothing can match.', 'Import one with zeef lists import FILE --list NAME.')
      : table('Lists: age, size, rejected and quarantined entries', lists, [
          { head: 'List', cell: ({ list }) => list },
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
        ]),
  );
}
