/** A held version: the rules that hold it, with the rows that they counted, and the images that these are near. */
import { make } from './dom.js';
import { button } from './list-facts.js';
import type { HeldRow, HoldReason, NearRow, Version } from './list-types.js';
import { ruleWords } from './list-words.js';
import { count } from './words.js';

function nearWords({ kind, line, shows, list, entryId }: NearRow): string {
  if (kind === 'canary') return `near a harmless image of Zeef: ${shows} (line ${line} of its canaries)`;
  const named = entryId ?? 'an entry whose id is not shown';
  return kind === 'entry' ? `near ${named} of ${list}` : `near line ${line}${entryId === null ? '' : `, ${entryId}`}`;
}

const rowItem = ({ line, entryId, near }: HeldRow) =>
  make(
    'li',
    {},
    make('span', { class: 'soft' }, `line ${line} `),
    make('strong', {}, entryId ?? 'no id'),
    near === undefined ? null : ` ${nearWords(near)}`,
  );

function reasonPart({ rule, count: counted, limit, firstRows = [] }: HoldReason): HTMLElement {
  const [what, why] = ruleWords(rule);
  const left = counted - firstRows.length;
  const rows = make(
    'section',
    { class: 'scroll held-rows', tabindex: '0', 'aria-label': `Rows: ${what}` },
    make('ol', {}, ...firstRows.map(rowItem)),
    left > 0 ? make('p', { class: 'soft' }, `and ${count(left)} more`) : null,
  );
  return make(
    'li',
    { 'data-key': rule },
    make('p', {}, make('strong', {}, `${count(counted)} ${what}`), ` (limit ${count(limit)}). ${why}`),
    firstRows.length === 0 ? null : rows,
  );
}

export const heldPart = (
  { version, held }: Version,
  list: { readonly version: number },
  isAdmin: boolean,
): HTMLElement =>
  make(
    'div',
    {},
    make(
      'p',
      {},
      `Version ${version} waits for approval. `,
      list.version === 0 ? 'The list has no active version yet.' : `Version ${list.version} stays active.`,
    ),
    make('ul', { class: 'held' }, ...held.map(reasonPart)),
    isAdmin ? make('p', { class: 'buttons left' }, button('approve', 'Approve…'), button('reject', 'Reject…')) : null,
  );
