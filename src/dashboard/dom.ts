/** Elements by code. Text is always a text node: names from clients and lists are never parsed as markup. */

type Child = Node | string | null;
interface Attributes {
  readonly class?: string;
  readonly [name: string]: string | undefined;
}

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Return the element with that id; its absence is a bug in the page. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found as E;
}

/** Set text only where it differs, so that a refresh disturbs neither a selection nor a screen reader. */
export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Announce a change to screen readers. */
export function announce(text: string): void {
  const region = byId('said');
  region.textContent = '';
  region.textContent = text;
}

interface Column<Row> {
  readonly head: string;
  readonly number?: true;
  readonly cell: (row: Row) => Child;
}

/** Make a table of text and numbers. `label`: its name, for screen readers. */
export function table<Row>(label: string, rows: readonly Row[], columns: readonly Column<Row>[]): HTMLTableElement {
  const kind = ({ number }: Column<Row>) => (number ? { class: 'number' } : {});
  const head = make('tr', {}, ...columns.map((column) => make('th', { scope: 'col', ...kind(column) }, column.head)));
  const lines = rows.map((row) =>
    make(
      'tr',
      {},
      ...columns.map((column) => make('td', { 'data-head': column.head, ...kind(column) }, column.cell(row))),
    ),
  );
  return make('table', { 'aria-label': label }, make('thead', {}, head), make('tbody', {}, ...lines));
}

/** Make the message of an empty panel: the reason, and a hint. */
export function emptiness(title: string, hint = ''): HTMLElement {
  return make('div', { class: 'empty' }, make('p', { class: 'empty-title' }, title), hint ? make('p', {}, hint) : null);
}

/** What is waiting for the end of a showing, the earliest first. */
const closings = new WeakMap<HTMLDialogElement, (() => void)[]>();

/**
 * Call `done` once the showing of a dialog that begins now has ended. The event of its end comes later than the end: the dialog may be
 * shown again by then, for something else, and `done` must leave that alone.
 */
export function whenClosed(dialog: HTMLDialogElement, done: () => void): void {
  const waiting = closings.get(dialog);
  if (waiting) return void waiting.push(done);
  closings.set(dialog, [done]);
  // There is one event for each showing, in their order.
  dialog.addEventListener('close', () => closings.get(dialog)?.shift()?.());
}
