/**
 * What is looked at is in the address, after `#`: it can be reloaded and shared, and is never sent to a server. A fragment
 * without `=` is that of a link within the page.
 */

/** Names in the address. */
const NAMES = ['state', 'search', 'list', 'category', 'kind', 'assignee', 'case', 'opened'] as const;
type Place = { readonly [name in (typeof NAMES)[number]]?: string };

function placeOf(address: string): Place {
  if (!address.includes('=')) return {};
  const found = new URLSearchParams(address.replace(/^#/, ''));
  return Object.fromEntries(NAMES.flatMap((name) => (found.get(name) ? [[name, found.get(name)]] : [])));
}

let place = placeOf(location.hash);
export const placeNow = (): Place => place;

/** Change parts of the address; an empty part is left out. */
export function setPlace(change: Place): void {
  place = Object.fromEntries(Object.entries({ ...place, ...change }).filter(([, value]) => value));
  const text = new URLSearchParams(place).toString();
  history.replaceState(null, '', text ? `#${text}` : location.pathname + location.search);
}

/** Call `follow` when another address of the page was entered. */
export function onPlace(follow: () => void): void {
  addEventListener('hashchange', () => {
    // After a link within the page the address is that of the cases again.
    if (!location.hash.includes('=') && location.hash !== '') {
      setPlace({});
      return;
    }
    place = placeOf(location.hash);
    follow();
  });
}
