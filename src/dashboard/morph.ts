/** Refreshes in place: an element that stays keeps its focus, its selection and its scroll position. */

const keyOf = (node: Node): string | null => (node instanceof HTMLElement ? (node.dataset.key ?? null) : null);

const isSame = (now: Node, wanted: Node) => now.nodeName === wanted.nodeName && keyOf(now) === keyOf(wanted);

/** Whether a `details` is open is the reader's. */
const isReaders = (element: Element, name: string) => name === 'open' && element instanceof HTMLDetailsElement;

function morphAttributes(now: Element, wanted: Element): void {
  for (const { name } of [...now.attributes])
    if (!wanted.hasAttribute(name) && !isReaders(now, name)) now.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
}

/**
 * Make the content of `now` that of `wanted`, and keep the elements that both have: those of the same place, and those of the
 * same `data-key` among rows that came or went. `wanted` is used up.
 */
export function morph(now: Element, wanted: Element): void {
  const keys = new Set([...wanted.childNodes].map(keyOf));
  let at = now.firstChild;
  for (const child of [...wanted.childNodes]) {
    const key = keyOf(child);
    const isGone = (node: Node) => keyOf(node) !== null && !keys.has(keyOf(node));
    // What is before the element that stays is in the way: moving that one would drop its focus.
    const kept = key === null ? null : ([...now.children].find((one) => isSame(one, child)) ?? null);
    while (at !== null && at !== kept && (isGone(at) || kept !== null)) {
      const next: ChildNode | null = at.nextSibling;
      at.remove();
      at = next;
    }
    if (at === null || !isSame(at, child)) {
      now.insertBefore(child, at);
      continue;
    }
    if (at instanceof Element && child instanceof Element) {
      if (!at.isEqualNode(child)) {
        morphAttributes(at, child);
        morph(at, child);
      }
    } else if (at.nodeValue !== child.nodeValue) at.nodeValue = child.nodeValue;
    at = at.nextSibling;
  }
  while (at !== null) {
    const next: ChildNode | null = at.nextSibling;
    at.remove();
    at = next;
  }
}
