/**
 * Marked cases, and the bar that acts on them. A mark stays until its case is decided or it is removed, also while the table
 * shows other cases: the bar says how many are not shown, and the dialog names them all.
 */
import { ACTIONS, type Action, actionsFor } from './case-words.js';
import { announce, byId, make, say } from './dom.js';
import type { Hit, Status } from './types.js';
import { count } from './words.js';

/** Decisions are sent one after another: so many take about a minute. */
const MARKS_MAX = 500;

interface Doings {
  /** Decide about the marked cases. */
  readonly act: (status: Status) => void;
  /** The cases of the table. */
  readonly shown: () => readonly Hit[];
  /** Called after a change of the marks. */
  readonly changed: () => void;
}

const marks = new Map<string, Hit>();
let doings: Doings = { act: () => {}, shown: () => [], changed: () => {} };

const buttons = ACTIONS.map((action) => {
  const button = make('button', { type: 'button' }, action.label);
  button.addEventListener('click', () => doings.act(action.status));
  return { action, button };
});
byId('case-marks-actions').append(...buttons.map(({ button }) => button));

export const isMarked = (id: string): boolean => marks.has(id);
export const marked = (): readonly Hit[] => [...marks.values()];
/** Actions that at least one of the marked cases allows. */
export const markedActions = (): readonly Action[] =>
  ACTIONS.filter((action) => marked().some((hit) => actionsFor(hit).includes(action)));

function showBar(): void {
  byId('case-marks').hidden = marks.size === 0;
  const shown = new Set(doings.shown().map(({ id }) => id));
  const away = marked().filter(({ id }) => !shown.has(id)).length;
  say(byId('case-marks-count'), `${count(marks.size)} marked${away > 0 ? `, ${count(away)} of them not shown` : ''}`);
  const allowed = markedActions();
  for (const { action, button } of buttons) button.disabled = !allowed.includes(action);
}

function follow(said: string): void {
  showBar();
  doings.changed();
  announce(said);
}

/** Mark a case, or remove its mark. */
export function mark(hit: Hit, isSet: boolean): void {
  const isFull = isSet && !marks.has(hit.id) && marks.size >= MARKS_MAX;
  if (isSet && !isFull) marks.set(hit.id, hit);
  else if (!isSet) marks.delete(hit.id);
  follow(isFull ? `At most ${MARKS_MAX} cases can be marked.` : `${count(marks.size)} marked.`);
}

/** Remove the mark of a decided case. */
export function unmark(id: string): void {
  marks.delete(id);
  showBar();
}

export function clearMarks(): void {
  marks.clear();
  follow('None marked.');
}

/** Take over what is new of marked cases, once the table shows it. */
export function keepMarks(hits: readonly Hit[]): void {
  for (const hit of hits) if (marks.has(hit.id)) marks.set(hit.id, hit);
  showBar();
}

export function onMarkedAction(wanted: Doings): void {
  doings = wanted;
}

byId('case-marks-none').addEventListener('click', () => {
  clearMarks();
  // The bar is gone, and the focus with it.
  document.querySelector<HTMLElement>('tr[data-id][tabindex="0"]')?.focus();
});
byId('case-marks-all').addEventListener('click', () => {
  const free = doings.shown().filter(({ id }) => !marks.has(id));
  const room = MARKS_MAX - marks.size;
  for (const hit of free.slice(0, room)) marks.set(hit.id, hit);
  follow(free.length > room ? `At most ${MARKS_MAX} cases can be marked.` : `${count(marks.size)} marked.`);
});
