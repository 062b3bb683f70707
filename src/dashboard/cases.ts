/**
 * The table of cases and its actions. Rows are kept from one refresh to the next, so that focus, selection and scroll position
 * stay; one row at a time is a stop of the Tab key, and letters act on it.
 */
import { get, type Refusal, refusalWords } from './api.js';
import { openCase } from './case-dialog.js';
import { ACTIONS, actionsFor, clockOf, matchText, nameOf, STATUS_WORDS } from './case-words.js';
import { announce, byId, emptiness, make, say } from './dom.js';
import type { Hit, Hits, Status } from './types.js';
import { age, count } from './words.js';

/** Cases of each status, about a screenful. */
const PAGE = 25;
const FILTERS: Readonly<Record<string, readonly Status[]>> = {
  open: ['open', 'notified', 'confirmed'],
  overdue: ['open', 'notified', 'confirmed'],
  removed: ['removed'],
  false_positive: ['false_positive'],
};

const isOver = (status: Status) => status === 'removed' || status === 'false_positive';

interface Row {
  readonly element: HTMLTableRowElement;
  hit: Hit;
}

const rows = new Map<string, Row>();
const body = make('tbody');
const grid = make(
  'table',
  { class: 'cases', 'aria-labelledby': 'cases-title', 'aria-describedby': 'cases-hint' },
  make(
    'thead',
    {},
    make(
      'tr',
      {},
      ...['Case', 'Found by', 'First seen', 'Clock', 'Status', 'Actions'].map((head) =>
        make('th', { scope: 'col' }, head),
      ),
    ),
  ),
  body,
);
const holder = byId('case-list');
const more = byId<HTMLButtonElement>('case-more');
const filter = byId<HTMLSelectElement>('case-filter');
let current: string | null = null;
let pages = 1;
let tenant = '';
let maySuppress = false;
let busy = 0;

function makeRow(hit: Hit): Row {
  const cell = (head: string, ...kinds: string[]) => make('td', { 'data-head': head, class: kinds.join(' ') });
  const element = make(
    'tr',
    { tabindex: '-1', 'data-id': hit.id },
    cell('Case', 'case'),
    cell('Found by'),
    cell('First seen'),
    cell('Clock', 'clock'),
    cell('Status'),
    cell('Actions', 'actions'),
  );
  element.cells[0]!.append(make('span', { class: 'reference' }), make('small', { class: 'soft' }));
  element.cells[1]!.append(make('span'), make('small', { class: 'soft' }));
  element.cells[2]!.append(make('span'), make('small', { class: 'soft' }));
  const track = make('span', { class: 'track', 'aria-hidden': 'true' }, make('span', { class: 'fill' }));
  element.cells[3]!.append(make('span', { class: 'clock-text' }), track);
  element.cells[4]!.append(make('span', { class: 'tag' }));
  for (const { status, label, key } of ACTIONS) {
    const button = make(
      'button',
      { type: 'button', class: 'quiet', 'data-status': status, title: `${label} (${key})`, tabindex: '-1' },
      label,
    );
    element.cells[5]!.append(button);
  }
  return { element, hit };
}

function fillRow({ element, hit }: Row): void {
  const nowMs = Date.now();
  const part = (cell: number, child: number) => element.cells[cell]!.children[child] as HTMLElement;
  say(part(0, 0), nameOf(hit));
  part(0, 0).title = nameOf(hit);
  say(part(0, 1), hit.tenant);
  say(part(1, 0), [hit.list, hit.category].filter(Boolean).join(' · '));
  say(part(1, 1), `${matchText(hit)}${hit.quarantined ? ', quarantined' : ''}`);
  say(part(2, 0), age(hit.firstSeenAt, nowMs));
  const times = hit.timesSeen > 1 ? `${count(hit.timesSeen)} times` : '';
  say(
    part(2, 1),
    [times, hit.seenAfterRemoval > 0 ? `${count(hit.seenAfterRemoval)} after removal` : ''].filter(Boolean).join(', '),
  );
  say(part(4, 0), STATUS_WORDS[hit.status]);
  part(4, 0).className = `tag ${hit.status}`;
  const allowed = new Set<string>(actionsFor(hit).map(({ status }) => status));
  for (const button of element.cells[5]!.children as HTMLCollectionOf<HTMLButtonElement>) {
    button.disabled = !allowed.has(button.dataset.status!);
    button.setAttribute('aria-label', `${button.textContent}: ${nameOf(hit)}`);
  }
  showClock({ element, hit }, nowMs);
}

function showClock({ element, hit }: Row, nowMs: number): void {
  const { kind, text, elapsed, marks } = clockOf(hit, nowMs);
  const [words, track] = element.cells[3]!.children as unknown as [HTMLElement, HTMLElement];
  say(words, text);
  element.dataset.clock = kind;
  (track.firstElementChild as HTMLElement).style.width = `${(elapsed * 100).toFixed(1)}%`;
  while (track.children.length - 1 < marks.length) track.append(make('span', { class: 'mark' }));
  marks.forEach((mark, at) => {
    (track.children[at + 1] as HTMLElement).style.left = `${(mark * 100).toFixed(1)}%`;
  });
}

/** Make one row and its buttons the stops of the Tab key. */
function makeCurrent(id: string | null): void {
  const set = (row: Row | undefined, tabIndex: number) => {
    if (!row) return;
    row.element.tabIndex = tabIndex;
    for (const button of row.element.querySelectorAll('button')) button.tabIndex = tabIndex;
  };
  set(rows.get(current ?? ''), -1);
  current = id;
  set(rows.get(current ?? ''), 0);
}

/** Sort hits: open ones by due time, closed ones newest first. */
function inOrder(hits: readonly Hit[]): Hit[] {
  const due = ({ clock }: Hit) => Date.parse(clock.deadlines[clock.deadlines.length - 1]?.dueAt ?? clock.startedAt);
  const endOf = ({ clock, lastSeenAt }: Hit) => Date.parse(clock.stoppedAt ?? lastSeenAt);
  return hits.toSorted((a, b) => (isOver(a.status) ? endOf(b) - endOf(a) : due(a) - due(b)));
}

function show(hits: readonly Hit[]): void {
  if (hits.length === 0) {
    rows.clear();
    body.replaceChildren();
    current = null;
    const nothing = {
      open: emptiness('No open cases.', 'Files that match a list appear here, with the time until their deadlines.'),
      overdue: emptiness('No overdue cases.', 'Every open case is within its last deadline.'),
    }[filter.value];
    holder.replaceChildren(nothing ?? emptiness('None yet.'));
    return;
  }
  const hadFocus = document.activeElement?.closest<HTMLElement>('tr[data-id]')?.dataset.id ?? null;
  const place =
    hadFocus === null ? -1 : [...body.children].findIndex((child) => (child as HTMLElement).dataset.id === hadFocus);
  const wanted = new Set(hits.map(({ id }) => id));
  for (const [id, { element }] of rows) {
    if (wanted.has(id)) continue;
    element.remove();
    rows.delete(id);
  }
  inOrder(hits).forEach((hit, at) => {
    const row = rows.get(hit.id) ?? makeRow(hit);
    row.hit = hit;
    rows.set(hit.id, row);
    fillRow(row);
    // Moving an element drops its focus, so only misplaced rows are moved.
    if (body.children[at] !== row.element) body.insertBefore(row.element, body.children[at] ?? null);
  });
  if (!grid.isConnected) holder.replaceChildren(grid);
  const at = (index: number) => (body.children[Math.min(index, body.children.length - 1)] as HTMLElement).dataset.id!;
  makeCurrent(current !== null && rows.has(current) ? current : at(Math.max(0, place)));
  // The row that had the focus is gone: the row in its place gets the focus.
  if (hadFocus !== null && !rows.has(hadFocus)) rows.get(current!)?.element.focus();
}

/** Load the hits of the shown statuses, `pages` pages of each. */
async function load(): Promise<{ hits: Hit[]; isMore: boolean } | Refusal> {
  const found: Hit[] = [];
  let isMore = false;
  const answers = await Promise.all(
    (FILTERS[filter.value] ?? []).map((status) =>
      get<Hits>('v1/hits', {
        status,
        tenant,
        // The oldest open case is due first.
        order: isOver(status) ? 'newest' : 'oldest',
        limit: PAGE * pages,
        ...(filter.value === 'overdue' ? { overdue: 'true' } : {}),
      }),
    ),
  );
  for (const answer of answers) {
    if (!answer.ok) return answer;
    found.push(...answer.data.hits);
    isMore ||= answer.data.cursor !== null;
  }
  return { hits: found, isMore };
}

/** Reload the cases. `canSuppress`: whether the key may add suppressions. */
export async function refreshCases(ofTenant: string, canSuppress = maySuppress): Promise<void> {
  tenant = ofTenant;
  maySuppress = canSuppress;
  const asked = ++busy;
  const loaded = await load();
  // A later request was sent meanwhile: its answer is shown instead.
  if (asked !== busy) return;
  if ('ok' in loaded) {
    // Rows stay while the service is unreachable; without the scope there are none.
    if (loaded.status !== 0 || rows.size === 0) holder.replaceChildren(emptiness(...refusalWords(loaded)));
    more.hidden = true;
    return;
  }
  show(loaded.hits);
  tickCases(Date.now());
  more.hidden = !loaded.isMore;
}

/** Update the countdowns; called every second. */
export function tickCases(nowMs: number): void {
  for (const row of rows.values()) showClock(row, nowMs);
  const next = [...rows.values()]
    .map(({ hit }) => ({ hit, clock: clockOf(hit, nowMs) }))
    .filter(({ clock }) => clock.nextMs !== null)
    .sort((a, b) => a.clock.nextMs! - b.clock.nextMs!)[0];
  say(byId('next-due'), next ? `${next.clock.text}: ${nameOf(next.hit)}` : 'none among the cases below');
}

function move(step: number): void {
  const list = [...body.children] as HTMLElement[];
  const at = list.findIndex(({ dataset }) => dataset.id === current);
  list[Math.max(0, Math.min(list.length - 1, at + step))]?.focus();
}

async function act(row: Row, status: Status | null): Promise<void> {
  const changed = await openCase(row.hit, status, maySuppress);
  if (changed === null) return;
  announce(`${nameOf(changed)}: ${STATUS_WORDS[changed.status]}.`);
  row.hit = changed;
  fillRow(row);
  document.dispatchEvent(new CustomEvent('zeef-changed'));
}

body.addEventListener('focusin', (event) => {
  const id = (event.target as HTMLElement).closest<HTMLElement>('tr[data-id]')?.dataset.id;
  if (id && id !== current) makeCurrent(id);
});
body.addEventListener('click', (event) => {
  const target = event.target as HTMLElement;
  const row = rows.get(target.closest<HTMLElement>('tr[data-id]')?.dataset.id ?? '');
  if (!row) return;
  const button = target.closest('button');
  if (button) void act(row, button.dataset.status as Status);
  else if (getSelection()?.isCollapsed) void act(row, null);
});
const MOVES: Readonly<Record<string, number>> = {
  j: 1,
  ArrowDown: 1,
  k: -1,
  ArrowUp: -1,
  Home: -Infinity,
  End: Infinity,
};
body.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as HTMLElement;
  const row = rows.get(target.closest<HTMLElement>('tr[data-id]')?.dataset.id ?? '');
  if (!row) return;
  const step = MOVES[event.key];
  const action = actionsFor(row.hit).find(({ key }) => key === event.key);
  if (step !== undefined) move(step);
  else if (action) void act(row, action.status);
  // On a button Enter is the button's own.
  else if (event.key === 'Enter' && target === row.element) void act(row, null);
  else return;
  event.preventDefault();
});
filter.addEventListener('change', () => {
  pages = 1;
  void refreshCases(tenant);
});
more.addEventListener('click', () => {
  pages++;
  void refreshCases(tenant);
});
