/** Elements by code. Text is always a text node: nothing that a caller or a list named is ever read as markup. */

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

/** The element of the page with that id; its absence is a fault of the page. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found as E;
}

/** Sets text only where it differs, so that a refresh disturbs neither a selection nor a reader. */
export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Told to those who do not see the page change. */
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

/** A table of text and numbers. `label`: what it is, for those who do not see its panel. */
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

/** Why a panel is empty, and what to do about it. */
export function emptiness(title: string, hint = ''): HTMLElement {
  return make('div', { class: 'empty' }, make('p', { class: 'empty-title' }, title), hint ? make('p', {}, hint) : null);
}
