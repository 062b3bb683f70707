/**
 * The table of cases and its actions. Rows are kept from one refresh to the next, so that focus, selection and scroll position
 * stay; one row at a time is a stop of the Tab key, and letters act on it.
 */
import { onPlace, placeNow, setPlace } from './address.js';
import { get, type Query, refusalWords } from './api.js';
import { openMarked } from './bulk-dialog.js';
import { openCase } from './case-dialog.js';
import { clearMarks, isMarked, keepMarks, mark, marked, markedActions, onMarkedAction, unmark } from './case-marks.js';
import { ACTIONS, actionsFor, clockOf, matchText, nameOf, STATUS_WORDS } from './case-words.js';
import { announce, byId, emptiness, make, say } from './dom.js';
import { exportCases } from './export-cases.js';
import { findCases, isDigest } from './find-cases.js';
import { outsideLink, webAddress } from './reference-link.js';
import type { Hit, Status } from './types.js';
import { age, count } from './words.js';

/** Cases of a page, about a screenful, and the most that one answer has. */
const [PAGE, CASES_MAX] = [25, 1_000];
/** Parameters of `GET /v1/hits`. Running cases come by their next deadline. */
const FILTERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  open: { order: 'due' },
  overdue: { order: 'due', overdue: 'true' },
  undecided: { order: 'due', status: 'open' },
  notified: { order: 'due', status: 'notified' },
  confirmed: { order: 'due', status: 'confirmed' },
  removed: { status: 'removed' },
  false_positive: { status: 'false_positive' },
  possible: { status: 'possible' },
  disputed: { disputed: '1' },
  all: {},
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
      make('th', { scope: 'col' }, make('span', { class: 'unseen' }, 'Mark')),
      ...['Case', 'Found by', 'First seen', 'Clock', 'Status', 'Actions'].map((head) =>
        make('th', { scope: 'col' }, head),
      ),
    ),
  ),
  body,
);
/** Places of the cells. */
const [MARK, CASE, FOUND, SEEN, CLOCK, STATUS, ACT] = [0, 1, 2, 3, 4, 5, 6] as const;
const holder = byId('case-list');
const more = byId<HTMLButtonElement>('case-more');
const saveAll = byId<HTMLButtonElement>('case-export');
const filters = byId<HTMLFormElement>('case-filters');
const filter = byId<HTMLSelectElement>('case-filter');
const clear = byId<HTMLButtonElement>('case-clear');
const FIELDS = ['search', 'list', 'category', 'kind', 'assignee'] as const;
const fieldOf = (name: (typeof FIELDS)[number]) => filters.elements.namedItem(name) as HTMLInputElement;
const isNarrowed = () => FIELDS.some((name) => fieldOf(name).value.trim() !== '');
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
    make('td', { class: 'mark' }, make('label', {}, make('input', { type: 'checkbox', tabindex: '-1' }))),
    cell('Case', 'case'),
    cell('Found by'),
    cell('First seen'),
    cell('Clock', 'clock'),
    cell('Status'),
    cell('Actions', 'actions'),
  );
  element.cells[CASE]!.append(
    make('span', { class: 'reference' }),
    make('small', { class: 'soft' }),
    outsideLink('look up', ''),
  );
  element.cells[FOUND]!.append(make('span'), make('small', { class: 'soft' }));
  element.cells[SEEN]!.append(make('span'), make('small', { class: 'soft' }));
  const track = make('span', { class: 'track', 'aria-hidden': 'true' }, make('span', { class: 'fill' }));
  element.cells[CLOCK]!.append(make('span', { class: 'clock-text' }), track);
  element.cells[STATUS]!.append(
    make('span', { class: 'tag' }),
    make('span', { class: 'tag disputed' }),
    make('small', { class: 'soft' }),
  );
  for (const { status, label, key } of ACTIONS) {
    const button = make(
      'button',
      { type: 'button', class: 'quiet', 'data-status': status, title: `${label} (${key})`, tabindex: '-1' },
      label,
    );
    element.cells[ACT]!.append(button);
  }
  return { element, hit };
}

function fillRow({ element, hit }: Row): void {
  const nowMs = Date.now();
  const part = (cell: number, child: number) => element.cells[cell]!.children[child] as HTMLElement;
  say(part(CASE, 0), nameOf(hit));
  part(CASE, 0).title = nameOf(hit);
  say(part(CASE, 1), hit.tenant);
  const [link, address] = [part(CASE, 2) as HTMLAnchorElement, webAddress(hit)];
  link.hidden = address === null;
  link.href = address ?? '';
  link.setAttribute('aria-label', `look up ${nameOf(hit)} in a new tab`);
  say(part(FOUND, 0), [hit.list, hit.category].filter(Boolean).join(' · '));
  say(part(FOUND, 1), `${matchText(hit)}${hit.quarantined ? ', quarantined' : ''}`);
  say(part(SEEN, 0), age(hit.firstSeenAt, nowMs));
  const times = hit.timesSeen > 1 ? `${count(hit.timesSeen)} times` : '';
  say(
    part(SEEN, 1),
    [times, hit.seenAfterRemoval > 0 ? `${count(hit.seenAfterRemoval)} after removal` : ''].filter(Boolean).join(', '),
  );
  say(part(STATUS, 0), STATUS_WORDS[hit.status]);
  part(STATUS, 0).className = `tag ${hit.status}`;
  part(STATUS, 1).hidden = !hit.disputed;
  say(part(STATUS, 1), hit.disputed ? 'disputed' : '');
  say(part(STATUS, 2), hit.assignee ?? '');
  boxOf(element).setAttribute('aria-label', `Mark ${nameOf(hit)}`);
  const allowed = new Set<string>(actionsFor(hit).map(({ status }) => status));
  for (const button of element.cells[ACT]!.children as HTMLCollectionOf<HTMLButtonElement>) {
    button.disabled = !allowed.has(button.dataset.status!);
    button.setAttribute('aria-label', `${button.textContent}: ${nameOf(hit)}`);
  }
  showMark({ element, hit });
  showClock({ element, hit }, nowMs);
}

const boxOf = (element: HTMLTableRowElement) => element.cells[MARK]!.querySelector('input')!;

function showMark({ element, hit }: Row): void {
  const isSet = isMarked(hit.id);
  boxOf(element).checked = isSet;
  element.classList.toggle('marked', isSet);
}

function showClock({ element, hit }: Row, nowMs: number): void {
  const { kind, text, elapsed, marks } = clockOf(hit, nowMs);
  const [words, track] = element.cells[CLOCK]!.children as unknown as [HTMLElement, HTMLElement];
  say(words, text);
  element.dataset.clock = kind;
  (track.firstElementChild as HTMLElement).style.width = `${(elapsed * 100).toFixed(1)}%`;
  while (track.children.length - 1 < marks.length) track.append(make('span', { class: 'mark' }));
  marks.forEach((mark, at) => {
    (track.children[at + 1] as HTMLElement).style.left = `${(mark * 100).toFixed(1)}%`;
  });
}

/** Make one row, its box, its link and its buttons the stops of the Tab key. */
function makeCurrent(id: string | null): void {
  const set = (row: Row | undefined, tabIndex: number) => {
    if (!row) return;
    row.element.tabIndex = tabIndex;
    for (const part of row.element.querySelectorAll<HTMLElement>('button, input, a')) part.tabIndex = tabIndex;
  };
  set(rows.get(current ?? ''), -1);
  current = id;
  set(rows.get(current ?? ''), 0);
}

/** Closed cases come by their end, newest first; running ones as the service orders them. */
function inOrder(hits: readonly Hit[]): readonly Hit[] {
  const endOf = ({ clock, lastSeenAt }: Hit) => Date.parse(clock.stoppedAt ?? lastSeenAt);
  return hits.every(({ status }) => isOver(status)) ? hits.toSorted((a, b) => endOf(b) - endOf(a)) : hits;
}

function nothingFound(): HTMLElement {
  if (isDigest(fieldOf('search').value.trim())) {
    const hint = 'An image has its SHA-256, and its MD5 or SHA-1 only where a list held such when it was checked.';
    return emptiness('No case of a file with this digest.', hint);
  }
  if (isNarrowed()) return emptiness('No case is like this.', 'Clear the filters to see the others.');
  if (filter.value === 'open') {
    const hint = 'Files that match a list appear here, with the time until their deadlines.';
    return emptiness('No open cases.', hint);
  }
  if (filter.value === 'overdue') return emptiness('No overdue cases.', 'Every open case is within its last deadline.');
  return emptiness('None yet.');
}

function show(hits: readonly Hit[]): void {
  if (hits.length === 0) {
    rows.clear();
    body.replaceChildren();
    current = null;
    holder.replaceChildren(nothingFound());
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

/** The query of `GET /v1/hits` for the chosen cases. */
function chosen(): Query {
  const [referencePrefix, list, category, kind, assignee] = FIELDS.map((name) => fieldOf(name).value.trim());
  return { ...FILTERS[filter.value], referencePrefix, list, category, kind, assignee, tenant };
}

/** Reload the cases. `canSuppress`: whether the key may add suppressions. */
export async function refreshCases(ofTenant: string, canSuppress = maySuppress): Promise<void> {
  tenant = ofTenant;
  maySuppress = canSuppress;
  const asked = ++busy;
  const limit = Math.min(CASES_MAX, PAGE * pages);
  const loaded = await findCases(fieldOf('search').value.trim(), chosen(), limit);
  // A later request was sent meanwhile: its answer is shown instead.
  if (asked !== busy) return;
  if ('ok' in loaded) {
    // Rows stay while the service is unreachable; without the scope there are none.
    if (loaded.status !== 0 || rows.size === 0) holder.replaceChildren(emptiness(...refusalWords(loaded)));
    more.hidden = true;
    saveAll.hidden = loaded.status !== 0 || rows.size === 0;
    return;
  }
  show(loaded.hits);
  keepMarks(loaded.hits);
  tickCases(Date.now());
  more.hidden = !loaded.isMore || limit === CASES_MAX;
  saveAll.hidden = loaded.isExact || loaded.hits.length === 0;
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

function sayProblem(words: string): void {
  const problem = byId('case-problem');
  problem.hidden = false;
  say(problem, words);
}

async function act(row: Row, status: Status | null): Promise<void> {
  setPlace({ case: row.hit.id });
  byId('case-problem').hidden = true;
  const changed = await openCase(row.hit, { chosen: status, maySuppress, onLost: sayProblem });
  // The dialog may show another case by now.
  if (!byId<HTMLDialogElement>('case-dialog').open) setPlace({ case: '' });
  if (changed === null) return;
  announce(`${nameOf(changed)}: ${STATUS_WORDS[changed.status]}.`);
  row.hit = changed;
  fillRow(row);
  document.dispatchEvent(new CustomEvent('zeef-changed'));
}

/** Decide about the marked cases; those that were not decided stay marked. */
async function actOnMarked(status: Status | null): Promise<void> {
  byId('case-problem').hidden = true;
  const decided = await openMarked(marked(), {
    chosen: status,
    onLost: sayProblem,
    onDecided: (hit) => {
      unmark(hit.id);
      const row = rows.get(hit.id);
      if (!row) return;
      row.hit = hit;
      fillRow(row);
    },
  });
  // The bar with the button is gone once nothing is marked.
  if (document.activeElement === document.body) rows.get(current ?? '')?.element.focus();
  if (decided === 0) return;
  announce(`${count(decided)} decided, ${count(marked().length)} still marked.`);
  document.dispatchEvent(new CustomEvent('zeef-changed'));
}
onMarkedAction({
  act: (status) => void actOnMarked(status),
  shown: () => [...rows.values()].map(({ hit }) => hit),
  changed: () => {
    for (const row of rows.values()) showMark(row);
  },
});
body.addEventListener('change', (event) => {
  const row = rows.get((event.target as HTMLElement).closest<HTMLElement>('tr[data-id]')?.dataset.id ?? '');
  if (row) mark(row.hit, boxOf(row.element).checked);
});

body.addEventListener('focusin', (event) => {
  const id = (event.target as HTMLElement).closest<HTMLElement>('tr[data-id]')?.dataset.id;
  if (id && id !== current) makeCurrent(id);
});
body.addEventListener('click', (event) => {
  const target = event.target as HTMLElement;
  const row = rows.get(target.closest<HTMLElement>('tr[data-id]')?.dataset.id ?? '');
  if (!row || target.closest('.mark, a')) return;
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
  const actions = marked().length > 0 ? markedActions() : actionsFor(row.hit);
  const action = actions.find(({ key }) => key === event.key);
  if (step !== undefined) move(step);
  else if (event.key === 'x') mark(row.hit, !isMarked(row.hit.id));
  else if (event.key === 'Escape' && marked().length > 0) clearMarks();
  else if (action && marked().length > 0) void actOnMarked(action.status);
  else if (action) void act(row, action.status);
  // On a button Enter is the button's own.
  else if (event.key === 'Enter' && target === row.element) void act(row, null);
  else return;
  event.preventDefault();
});
/** Show what the form has: in the table, and in the address. */
function follow(): void {
  const value = Object.fromEntries(FIELDS.map((name) => [name, fieldOf(name).value.trim()]));
  // A digest of a listed file is a value of its list: it stays out of the browser's history.
  if (isDigest(value.search ?? '')) value.search = '';
  setPlace({ ...value, state: filter.value === 'open' ? '' : filter.value });
  clear.hidden = !isNarrowed();
  pages = 1;
  void refreshCases(tenant);
}

function fillFromPlace(): void {
  const place = placeNow();
  for (const name of FIELDS) fieldOf(name).value = place[name] ?? '';
  filter.value = place.state !== undefined && place.state in FILTERS ? place.state : 'open';
  clear.hidden = !isNarrowed();
}
fillFromPlace();
onPlace(async () => {
  fillFromPlace();
  await refreshCases(tenant);
  await openPlaced();
});

/** Open the case that the address names, whatever the filters show. */
export async function openPlaced(): Promise<void> {
  const id = placeNow().case;
  if (id === undefined || document.querySelector('dialog[open]')) return;
  const known = rows.get(id);
  if (known) return act(known, null);
  const answer = await get<Hit>(`v1/hits/${encodeURIComponent(id)}`);
  if (answer.ok) return act(makeRow(answer.data), null);
  sayProblem(`The case ${id} cannot be shown. ${refusalWords(answer)[0]}`);
}

/** Offer names of lists and categories. */
export function offerNames(lists: readonly string[], categories: readonly string[]): void {
  const offer = (id: string, names: readonly string[]) =>
    byId(id).replaceChildren(...names.map((name) => make('option', { value: name })));
  offer('list-names', lists);
  offer('category-names', categories);
}

/** Milliseconds after the last key. */
const TYPING_MS = 250;
let typing: ReturnType<typeof setTimeout> | undefined;
const soon = () => {
  clearTimeout(typing);
  typing = setTimeout(follow, TYPING_MS);
};
filters.addEventListener('input', soon);
filters.addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(typing);
  follow();
});
clear.addEventListener('click', () => {
  for (const name of FIELDS) fieldOf(name).value = '';
  fieldOf('search').focus();
  follow();
});
more.addEventListener('click', () => {
  pages++;
  void refreshCases(tenant);
});
saveAll.addEventListener('click', async () => {
  const says = byId('case-export-said');
  say(says, 'The cases are loaded…');
  // It keeps the focus meanwhile, as a disabled button would not.
  if (saveAll.getAttribute('aria-disabled') === 'true') return;
  saveAll.setAttribute('aria-disabled', 'true');
  say(says, await exportCases(chosen(), (words) => say(says, words)));
  saveAll.removeAttribute('aria-disabled');
});
